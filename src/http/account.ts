import type { FastifyRequest } from 'fastify';

/** The only account as long as there are no keys: whoever reaches the server is its owner. */
export const LOCAL_ACCOUNT = 'local';

/** Whose request it is. Everything that a route reads or writes is scoped to this account. */
export function accountOf(_request: FastifyRequest): string {
  return LOCAL_ACCOUNT;
}
