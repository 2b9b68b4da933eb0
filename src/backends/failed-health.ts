import { type ErrorCode, toEaselError } from '../core/errors.js';
import type { BackendHealth } from './spec.js';

/** Something answers and will go on answering like that: it is another server, or it does not let us in. */
const WRONG: readonly ErrorCode[] = ['backend_not_comfyui', 'backend_protocol', 'backend_unauthorized'];

/** What a look says that failed. */
export function failedHealth(thrown: unknown): Pick<BackendHealth, 'state' | 'error'> {
  const error = toEaselError(thrown);
  return { state: WRONG.includes(error.code) ? 'wrong' : 'unreachable', error: error.toInfo() };
}
