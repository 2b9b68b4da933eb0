import type { Kysely, Transaction } from 'kysely';
import type { Backend } from '../backends/spec.js';
import type { ErrorInfo } from '../core/errors.js';
import type { GenerationStatus } from '../core/statuses.js';
import type { Database } from '../db/schema.js';
import type { Graph } from '../graph/types.js';
import type { BillingTerms } from '../points/types.js';
import { fitsKindOf } from './deployments/kinds.js';
import type { DispatchTraits } from './dispatch/fleet-books.js';
import type { OfferTraits } from './dispatch/offers.js';
import { type CapableBackends, notAvoiding } from './elsewhere.js';
import type { Lane } from './types.js';

/** What joins the life of a generation from outside this room. Each has a plain default. */

/** Money: called inside the transactions that accept and that end a generation, so that both commit or neither does. */
export interface Billing {
  /** Places the hold. Throwing refuses the generation and rolls the whole submit back. */
  hold(tx: Transaction<Database>, generation: SubmittedGeneration): Promise<void>;
  /** Captures or releases the hold. Called exactly once per generation, with its final status. */
  settle(tx: Transaction<Database>, generation: BillableGeneration, outcome: BillableOutcome): Promise<void>;
}

export interface BillableGeneration {
  readonly id: string;
  readonly accountId: string;
  readonly workflowName: string | null;
  readonly workflowVersion: string | null;
}

/** What a price and the choice of a payer may depend on. */
export interface SubmittedGeneration extends BillableGeneration {
  readonly lane: Lane;
  readonly graph: Graph;
  readonly billing: BillingTerms;
}

export interface BillableOutcome {
  readonly status: Extract<GenerationStatus, 'succeeded' | 'failed' | 'cancelled' | 'expired'>;
  readonly error: ErrorInfo | null;
  readonly runMs: number | null;
  readonly outputCount: number;
  readonly backendId: string | null;
}

/** Everything costs nothing. */
export const freeBilling: Billing = {
  async hold() {},
  async settle() {},
};

/**
 * Which waiting generations a backend should take, best first. The claim itself is a guarded update elsewhere, so a
 * policy may be wrong about what is still free, but never about what may run where.
 */
export interface ClaimPolicy {
  candidates(db: Kysely<Database>, backend: ClaimingBackend, nowMs: number): Promise<readonly string[]>;
  /** Which of these backends could run the generation; asked when it must be tried elsewhere. All of them when absent. */
  readonly capable?: CapableBackends;
  /** A backend that may ask from now on, and one that will not any more. */
  attach?(backend: Backend, traits: DispatchTraits & OfferTraits): void;
  detach?(backendId: string): void;
  /** Columns to write with the backend's row at a claim. */
  publish?(backendId: string): { readonly dispatch?: string };
  /** Within the transaction of a claim, as its last write; may run more than once. */
  claimed?(tx: Transaction<Database>, claim: ClaimedJob): Promise<void>;
  /** The claim is committed. */
  began?(claim: ClaimedJob): void;
  /** Nothing of this run is on the backend any more, whatever the backend has told. */
  left?(run: Pick<ClaimedJob, 'attemptId' | 'backendId'>): void;
  /** Within the transaction that ends a run, before its money is settled; what it returns is called as the last write. */
  ending?(tx: Transaction<Database>, run: EndedRun): Promise<() => Promise<void>>;
}

export interface ClaimingBackend {
  readonly id: string;
}

export interface ClaimedJob {
  readonly generationId: string;
  readonly attemptId: string;
  readonly backendId: string;
}

/** Columns of the generation, and how its last run went. */
export interface EndedRun extends ClaimedJob {
  readonly account_id: string;
  readonly lane: number;
  readonly model_key: string;
  readonly estimate_ms: number | null;
  readonly runMs: number | null;
  readonly isSuccess: boolean;
}

/** In the order of the lane, whatever a backend holds or has: the smallest policy there is, for tests and as an example. */
export const firstComeFirstServed: ClaimPolicy = {
  async candidates(db, backend, nowMs) {
    const rows = await db
      .selectFrom('generations')
      .select('id')
      .where('status', '=', 'queued')
      .where('vstart', 'is not', null)
      .where('available_at', '<=', nowMs)
      .where((eb) => eb.or([eb('backend_pin', 'is', null), eb('backend_pin', '=', backend.id)]))
      .where(notAvoiding(backend.id))
      .where(fitsKindOf(backend.id))
      .orderBy('lane')
      .orderBy('vstart')
      .orderBy('id')
      .limit(8)
      .execute();
    return rows.map((row) => row.id);
  },
};

/**
 * Named places in the life of an attempt at which a test may stop the process (`kill -9`) or hold it. Production passes
 * none. Each name is the window that follows it.
 */
export type ProbePoint =
  | 'submitted'
  | 'claimed'
  | 'marked-sent'
  | 'accepted'
  | 'running'
  | 'finished'
  | 'output-staged'
  | 'output-stored'
  | 'collected'
  | 'settled';

export type Probe = (
  point: ProbePoint,
  ids: { readonly generationId: string; readonly attemptId?: string },
) => void | Promise<void>;

export const noProbe: Probe = () => {};
