import type { Scope } from '../../access/index.js';

/** Who makes a request, and what for. Everything that a route reads or writes is scoped to `accountId`. */
export interface Caller {
  readonly accountId: string;
  /** Null for who reaches a server that asks nobody for a key. */
  readonly keyId: string | null;
  /** What budgets of points know the key by; null without a key. */
  readonly budgetKey: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Requests per minute, and under way at a time; null for no limit of its own. */
  readonly ratePerMinute: number | null;
  readonly maxConcurrent: number | null;
}

/** The account of whoever reaches a server that asks nobody for a key. */
export const LOCAL_ACCOUNT = 'local';
