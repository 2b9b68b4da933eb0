import type { ErrorFacts } from './facts.js';

/** Sessions and the waiting room. */
export const SESSION_ERRORS = {} as const satisfies Record<string, ErrorFacts>;
