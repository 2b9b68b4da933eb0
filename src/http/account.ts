import type { FastifyRequest } from 'fastify';
import { definedOnly } from '../core/objects.js';
import type { BillingTerms } from '../points/index.js';

export { LOCAL_ACCOUNT } from './access/caller.js';

/** Whose request it is. Everything that a route reads or writes is scoped to this account. */
export function accountOf(request: FastifyRequest): string {
  return request.caller.accountId;
}

/** How a generation of this request is paid: it counts against the budget of its key, where that has one. */
export function billingOf({ caller }: FastifyRequest, context?: string): BillingTerms {
  return definedOnly({ context, budgetKey: caller.budgetKey ?? undefined });
}
