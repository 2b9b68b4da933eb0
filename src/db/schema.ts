import type { AttemptStatus, GenerationStatus } from '../core/statuses.js';

/**
 * Every table, as Kysely types. Only three column types exist in either dialect: text, integer (64 bit, read as a
 * JavaScript number) and blob. Booleans are 0 or 1, times are integer milliseconds since 1970, JSON is text, ids are
 * UUIDv7 text. `docs/decisions/0002-portable-columns.md` says why.
 *
 * Words: a `lane` is 0 for interactive work and 1 for batch work; an `epoch` counts the owners of a backend, so that a
 * node whose lease ran out cannot write any more (the fence).
 */
export interface Database {
  generations: GenerationsTable;
  generation_payloads: GenerationPayloadsTable;
  generation_inputs: GenerationInputsTable;
  attempts: AttemptsTable;
  outputs: OutputsTable;
  events: EventsTable;
  media: MediaTable;
  backends: BackendsTable;
  locks: LocksTable;
  point_accounts: PointAccountsTable;
  point_lots: PointLotsTable;
  point_transfers: PointTransfersTable;
  point_postings: PointPostingsTable;
  point_holds: PointHoldsTable;
  point_members: PointMembersTable;
  point_budgets: PointBudgetsTable;
  point_audit: PointAuditTable;
}

/** One row per request of an account. Narrow on purpose: the graph lives in `generation_payloads`. */
export interface GenerationsTable {
  id: string;
  account_id: string;
  status: GenerationStatus;
  lane: number;
  /** Unique per account when given. */
  idempotency_key: string | null;
  /** SHA-256 of the request body, to tell a repeat from a conflicting reuse of the key. */
  request_hash: string | null;
  workflow_name: string | null;
  workflow_version: string | null;
  /** What the graph loads, for dispatch: checkpoint set and LoRA set (graph fingerprint). Empty when nothing is loaded. */
  model_key: string;
  lora_key: string;
  /** Only this backend may run it, when set. */
  backend_pin: string | null;
  /** Attempts spent. An attempt that the backend never accepted is given back. */
  attempt_count: number;
  max_attempts: number;
  /** Consecutive claims that ended without the backend ever accepting; bounds the give-backs. */
  unaccepted_count: number;
  /** Not to be claimed before this time (retry backoff). */
  available_at: number;
  created_at: number;
  updated_at: number;
  queue_deadline_at: number;
  run_limit_ms: number;
  started_at: number | null;
  finished_at: number | null;
  current_attempt_id: string | null;
  cancel_requested_at: number | null;
  /** ErrorInfo as JSON, for failed, cancelled and expired. */
  error: string | null;
  /** Sequence number of the newest row in `events`. */
  event_seq: number;
}

export interface GenerationPayloadsTable {
  generation_id: string;
  /** The bound graph, lossless JSON. */
  graph: string;
  /** The UI workflow to embed in outputs, lossless JSON. */
  workflow: string | null;
  /** What the caller attached; returned as it came, never interpreted. JSON. */
  metadata: string | null;
}

/** A stored file that must be uploaded to the backend before the graph is sent. */
export interface GenerationInputsTable {
  generation_id: string;
  node_id: string;
  input_name: string;
  media_id: string;
  /** The name asked of the backend: content hash plus extension, never the caller's name. */
  upload_name: string;
}

/** One try on one backend. The id is the ComfyUI prompt_id. */
export interface AttemptsTable {
  id: string;
  generation_id: string;
  number: number;
  backend_id: string;
  epoch: number;
  node_id: string;
  status: AttemptStatus;
  claimed_at: number;
  sent_at: number | null;
  confirmed_at: number | null;
  finished_at: number | null;
  /** What the backend reported at its end (AttemptResult as JSON), stored before collecting begins. */
  result: string | null;
  error: string | null;
}

export interface OutputsTable {
  id: string;
  generation_id: string;
  attempt_id: string;
  ordinal: number;
  node_id: string;
  output_key: string;
  kind: string;
  filename: string;
  content_type: string;
  bytes: number;
  media_id: string | null;
  text: string | null;
}

/** Durable events; `seq` counts from 1 within a generation without gaps. Progress is not stored. */
export interface EventsTable {
  generation_id: string;
  seq: number;
  type: string;
  data: string;
  created_at: number;
}

/**
 * Stored files. Several rows may share one `hash` (and so one object in the store). `pending` rows belong to an open
 * attempt or upload and are removed by the sweep when that ended without keeping them.
 */
export interface MediaTable {
  id: string;
  account_id: string;
  hash: string;
  bytes: number;
  content_type: string;
  state: 'pending' | 'stored';
  attempt_id: string | null;
  created_at: number;
}

export interface BackendsTable {
  id: string;
  kind: string;
  url: string;
  owner_node: string | null;
  /** The owner may act on the backend until then. */
  lease_until: number;
  epoch: number;
  created_at: number;
  updated_at: number;
}

/**
 * Named locks that last for one transaction: writing the row takes it, commit or rollback frees it. They order work
 * that spans the database and the file store (an object may be removed only while nobody can begin to refer to it).
 */
export interface LocksTable {
  name: string;
  taken_at: number;
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
