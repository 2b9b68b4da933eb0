import type { IncomingMessage } from 'node:http';
import { newId } from '../core/ids.js';

export const REQUEST_ID_HEADER = 'x-request-id';

/** Anything else could forge lines of the log or grow them without bound. */
const SANE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The caller's own id where it gave a sane one, so that its log and ours meet; otherwise a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && SANE.test(given) ? given : newId();
}
