import { type ErrorFacts, facts } from './facts.js';

/** Points. */
export const POINTS_ERRORS = {
  points_insufficient: facts(
    false,
    402,
    2,
    'The account has too few points for this.',
    'Add points to the account, or wait until its allowance has come back.',
  ),
  points_budget_exceeded: facts(
    false,
    402,
    2,
    'A budget of the account or of its key would be exceeded.',
    'Raise the budget, or wait for its next period.',
  ),
  points_plan_limit: facts(
    false,
    403,
    2,
    "The request is larger than the account's plan allows.",
    'Ask for less, or choose a larger plan.',
  ),
  points_hold_ended: facts(
    false,
    409,
    1,
    'The hold was captured or released before.',
    'Read the history of the account: it says what became of the hold.',
  ),
  points_refund_excessive: facts(
    false,
    422,
    2,
    'A refund would give back more than was captured.',
    'Refund at most what was captured, less earlier refunds.',
  ),
} as const satisfies Record<string, ErrorFacts>;
