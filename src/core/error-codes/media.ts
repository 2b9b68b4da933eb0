import type { ErrorFacts } from './facts.js';

/** Media: intake, derived files, quotas, and addresses that Easel is asked to call. */
export const MEDIA_ERRORS = {} as const satisfies Record<string, ErrorFacts>;
