import type { ErrorFacts } from './facts.js';

/** Keys, scopes, rate limits and webhooks. */
export const ACCESS_ERRORS = {} as const satisfies Record<string, ErrorFacts>;
