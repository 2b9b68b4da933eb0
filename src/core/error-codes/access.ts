import { type ErrorFacts, facts } from './facts.js';

/** Keys, scopes and limits of the API. */
export const ACCESS_ERRORS = {
  unauthenticated: facts(
    false,
    401,
    2,
    'The request carries no key, or one that does not work (any more).',
    'Send `Authorization: Bearer easel_…`; `easel keys create` makes a key.',
  ),
  scope_missing: facts(
    false,
    403,
    2,
    'The key may not do this.',
    'Use a key that has the scope which the answer names; `easel keys create --scope …` makes one.',
  ),
  rate_limited: facts(
    true,
    429,
    2,
    'Too many requests in a short time, or too many at once.',
    'Wait as long as `Retry-After` says, and try again.',
  ),
} as const satisfies Record<string, ErrorFacts>;
