import type { Backend } from '../../backends/index.js';
import { didYouMean } from '../../graph/index.js';
import { requestInvalid } from '../problem.js';

/** A generation for a backend that does not exist would wait for it until its queue limit. Throws `request_invalid`. */
export function checkBackendId(backendId: string | undefined, backends: readonly Pick<Backend, 'id'>[]): void {
  const known = backends.map((backend) => backend.id);
  if (backendId === undefined || known.includes(backendId)) return;
  const detail = 'There is no such backend.';
  const hint = didYouMean(backendId, known) || `Known are ${known.join(', ')}.`;
  throw requestInvalid(`backend_id: ${detail}`, [{ detail, pointer: '#/backend_id' }], hint);
}
