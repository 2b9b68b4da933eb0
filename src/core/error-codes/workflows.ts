import type { ErrorFacts } from './facts.js';

/** Workflows, their inputs, versions and sources. */
export const WORKFLOW_ERRORS = {} as const satisfies Record<string, ErrorFacts>;
