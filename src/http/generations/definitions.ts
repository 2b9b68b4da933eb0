import type { Backend } from '../../backends/index.js';
import { didYouMean } from '../../graph/index.js';
import { requestInvalid } from '../problem.js';

/**
 * A generation for a backend that does not exist would wait for it until its queue limit. `path` is where the body names it.
 * Throws `request_invalid`.
 */
export function checkBackendId(
  backendId: string | null | undefined,
  backends: readonly Pick<Backend, 'id'>[],
  path: readonly string[] = ['backend_id'],
): void {
  const known = backends.map((backend) => backend.id);
  if (backendId == null || known.includes(backendId)) return;
  const detail = 'There is no such backend.';
  const hint = didYouMean(backendId, known) || `Known are ${known.join(', ')}.`;
  throw requestInvalid(`${path.join('.')}: ${detail}`, [{ detail, pointer: `#/${path.join('/')}` }], hint);
}
