export interface PointTables {
  point_accounts: PointAccountsTable;
  point_lots: PointLotsTable;
  point_transfers: PointTransfersTable;
  point_postings: PointPostingsTable;
  point_holds: PointHoldsTable;
  point_members: PointMembersTable;
  point_budgets: PointBudgetsTable;
  point_audit: PointAuditTable;
}

/**
 * One row per account that has points. Amounts are micro-points (1/1,000,000 point). The balances are the sum of the
 * account's postings up to `posting_seq`, kept in the transaction that writes them; `verify` proves it.
 */
export interface PointAccountsTable {
  id: string;
  plan: string;
  allowance: number;
  credit: number;
  /** In open holds, of either bucket. */
  held: number;
  /** The part of `held` that came out of the allowance: it still counts against the cap. */
  allowance_held: number;
  /** The part of `credit` that lies in `point_lots` and will expire. */
  expiring: number;
  /** `credit` may not be taken below it. 0 or less. */
  floor: number;
  /** Ever spent, in micro-points, less refunds. */
  experience: number;
  /** The allowance is accounted for up to this time, and `accrual_rest` (micro-points times milliseconds) beyond it. */
  accrued_at: number;
  accrual_rest: number;
  /** Who pays for the members of this group; null for an account that is no group. */
  payer: string | null;
  /** 1 when `point_budgets` has rows for it. */
  budgeted: number;
  /** Postings so far; the newest has this `seq`. */
  posting_seq: number;
  /** Time of the newest posting: times within an account never go back, whatever the clock does. */
  posted_at: number;
  created_at: number;
}

/** Credit that expires, by account and time of expiry. */
export interface PointLotsTable {
  account_id: string;
  expires_at: number;
  remaining: number;
}

/** One row per movement of points. Never changed, never removed. */
export interface PointTransfersTable {
  id: string;
  kind: string;
  /** Whose operation it is; the payer, for a hold. */
  account_id: string;
  /** What the kind is about: granted, held, captured, ... */
  amount: number;
  /** Change of the account's experience. */
  experience: number;
  /** The caller's, unique per account and kind. */
  idempotency_key: string | null;
  request_hash: string | null;
  hold_id: string | null;
  /** `ended` for a capture or release, of which a hold has one. */
  terminal: string | null;
  generation_id: string | null;
  /** Details for people and reports. JSON. */
  note: string | null;
  created_at: number;
}

/** What a transfer does to one account. All deltas of a transfer sum to zero. Never changed, never removed. */
export interface PointPostingsTable {
  transfer_id: string;
  account_id: string;
  /** Counts from 1 within an account without gaps; null for house accounts, which are never locked. */
  seq: number | null;
  kind: string;
  allowance: number;
  credit: number;
  held: number;
  /** Balances after it; null for house accounts. */
  allowance_after: number | null;
  credit_after: number | null;
  held_after: number | null;
  created_at: number;
}

/** Points set aside for something that is going on. */
export interface PointHoldsTable {
  /** The generation's id, for the hold of a generation. */
  id: string;
  /** Who pays. */
  account_id: string;
  /** Who asked; another than the payer when a group pays. */
  spender_id: string;
  status: 'open' | 'captured' | 'released';
  amount: number;
  captured: number;
  refunded: number;
  /** What counts against budgets: the amount while open, then what was captured and not refunded. */
  charge: number;
  /** Where the amount came from, in the order in which it was taken. JSON. */
  parts: string;
  captured_parts: string | null;
  generation_id: string | null;
  context: string;
  budget_key: string | null;
  run_id: string | null;
  workflow_name: string | null;
  backend_class: string | null;
  /** Time on the backend, of what succeeded: the history that estimates learn from. */
  run_ms: number | null;
  /** The terms agreed at the time of the hold. JSON. */
  quote: string | null;
  /** Released by the sweep after this time; null when something else is sure to end it. */
  expires_at: number | null;
  created_at: number;
  ended_at: number | null;
}

/** A group is an account that pays for others. */
export interface PointMembersTable {
  group_id: string;
  account_id: string;
  created_at: number;
}

/** Most that an account, or one of its keys, may spend per period. */
export interface PointBudgetsTable {
  account_id: string;
  /** Empty for the whole account. */
  budget_key: string;
  period: string;
  amount: number;
}

/** What administrators did, with who and why. Never changed, never removed. */
export interface PointAuditTable {
  id: string;
  account_id: string;
  action: string;
  actor: string;
  reason: string;
  transfer_id: string | null;
  details: string;
  created_at: number;
}
