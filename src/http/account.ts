import type { FastifyRequest } from 'fastify';

export { LOCAL_ACCOUNT } from './access/caller.js';

/** Whose request it is. Everything that a route reads or writes is scoped to this account. */
export function accountOf(request: FastifyRequest): string {
  return request.caller.accountId;
}
