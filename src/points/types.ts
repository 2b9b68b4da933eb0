/**
 * Words of the points room:
 *
 * - allowance  free points that come back by time, up to a cap; rate and cap are the plan's
 * - credit     bought or granted points; a part of it may expire (a lot per time of expiry)
 * - held       set aside by open holds; comes from either and returns to where it came from
 * - hold       reserves points for work; ends once, captured (in full or in part) or released
 * - context    what the work is for (`interactive`, `api`, `cook`, any name): says which buckets may be spent
 * - payer      the account that a hold takes points from: the spender itself or a group
 * - house      the other side of what enters and leaves: accounts `house:…`, which have no floor and no cached balance
 *
 * All amounts are whole micro-points (`units.ts`), all times integer milliseconds since 1970.
 */
export type Bucket = 'allowance' | 'credit';

export const TRANSFER_KINDS = [
  'grant',
  'revoke',
  'accrue',
  'hold',
  'capture',
  'release',
  'refund',
  'transfer',
  'expire',
] as const;
export type TransferKind = (typeof TRANSFER_KINDS)[number];

export const HOUSE = {
  /** What was granted came from here. */
  issued: 'house:issued',
  /** What came back by time came from here. */
  allowance: 'house:allowance',
  /** What was captured. */
  revenue: 'house:revenue',
  /** Credit that nobody spent in time. */
  expired: 'house:expired',
} as const;
export type House = (typeof HOUSE)[keyof typeof HOUSE];

/** How a group pays for its members. */
export const PAYER_POLICIES = ['house', 'ghost', 'member'] as const;
/**
 * - house   the group pays, and a member without a paying group is refused
 * - ghost   the group pays while it can, then the member
 * - member  the member pays while it can, then the group
 */
export type PayerPolicy = (typeof PAYER_POLICIES)[number];

/** A piece of a hold, by where it came from. `expiresAt` is null for credit that does not expire. */
export interface Part {
  readonly bucket: Bucket;
  readonly amount: number;
  readonly expiresAt: number | null;
}

export const BUDGET_PERIODS = ['day', 'month', 'run'] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

export interface Balance {
  readonly accountId: string;
  readonly plan: string;
  /** Including what has come back since it was last written down. */
  readonly allowance: number;
  readonly allowanceCap: number;
  readonly allowancePerDay: number;
  /** When the allowance will be full again, or null when it is or never will be. */
  readonly allowanceFullAt: number | null;
  readonly credit: number;
  /** Credit that expires, soonest first. */
  readonly expiring: readonly { readonly amount: number; readonly expiresAt: number }[];
  readonly held: number;
  readonly floor: number;
  readonly experience: number;
  readonly tier: string | null;
}

/** The answer to every operation. `repeated`: the key was used before with the same request, and nothing has changed. */
export interface Receipt {
  readonly transferId: string;
  readonly amount: number;
  readonly repeated: boolean;
}

export interface HoldReceipt extends Receipt {
  readonly holdId: string;
  /** Who pays. */
  readonly accountId: string;
}

/** Who did something that only an administrator may do, and why. Kept for good. */
export interface Authority {
  readonly actor: string;
  readonly reason: string;
}

/** How a generation is to be paid, as its submitter says. */
export interface BillingTerms {
  /** Says which buckets may be spent; `interactive`, or `cook` for the batch lane, unless told. */
  readonly context?: string;
  /** The group that pays, by its policy. */
  readonly groupId?: string;
  /** The key whose budget it counts against. */
  readonly budgetKey?: string;
  /** The run whose budget it counts against. */
  readonly runId?: string;
}
