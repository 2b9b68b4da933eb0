import type { Clock } from '../../core/clock.js';
import { laneName } from '../../core/lanes.js';
import { type Db, type DbTransaction, prepared } from '../../db/index.js';
import { advanceOf, shareOf } from './books.js';
import type { FactsStore } from './facts-store.js';
import { type Needs, needsKeyOf } from './needs.js';
import type { LaneNumber, LaneState } from './policy.js';
import { SqlSource } from './sql-source.js';

/**
 * The books of fair queuing in the database: the arithmetic of `books.ts`, in the transactions that accept, claim and end
 * a generation.
 *
 * Order of locks: the row of the account comes before the ledger's rows, the row of the lane after everything else. The
 * lane's is the one row that all claims share, so it is held only from there to COMMIT; a submit never writes it.
 */
export interface QueueBooksOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly facts: FactsStore;
  /** Above 0. An account of weight 2 is given twice as much as one of weight 1 while both have work waiting. */
  readonly weightOf: (accountId: string) => number;
}

export interface Arrival {
  readonly accountId: string;
  readonly lane: LaneNumber;
  readonly modelKey: string;
  readonly needs: Needs;
}

/** Prepared before the transaction of a submit. */
export interface Entry {
  /** Columns of the new row; takes the place in line. */
  enter(
    tx: DbTransaction,
  ): Promise<{ readonly vstart: number; readonly estimate_ms: number; readonly needs_key: string }>;
  /** After COMMIT. */
  committed(): void;
}

export interface QueuedRow {
  readonly account_id: string;
  readonly lane: number;
  readonly estimate_ms: number | null;
}

/** How old what is remembered of a lane may be. A newcomer's place is then off by what the fleet does in that time. */
const LANE_KEPT_MS = 1_000;
const MAX_ACTIVE = 1_024;
const NEEDS_KEPT_MS = 60 * 60_000;
const MAX_NEEDS_KEPT = 20_000;

export class QueueBooks {
  readonly #options: QueueBooksOptions;
  readonly #lanes = new Map<LaneNumber, LaneState & { readonly readAt: number }>();
  /** Sets of needs that are stored, by when they were last said to be in use. */
  readonly #stored = new Map<string, number>();

  constructor(options: QueueBooksOptions) {
    this.#options = options;
  }

  /** As of at most a second ago. */
  async lane(lane: LaneNumber): Promise<LaneState> {
    const { db, clock, weightOf } = this.#options;
    const kept = this.#lanes.get(lane);
    if (kept !== undefined && clock.now() - kept.readAt < LANE_KEPT_MS && clock.now() >= kept.readAt) return kept;
    const row = await db.kysely
      .selectFrom('dispatch_lanes')
      .select('v')
      .where('name', '=', laneName(lane))
      .executeTakeFirst();
    const accounts = await new SqlSource(db.kysely, clock.now()).activeAccounts(lane, MAX_ACTIVE);
    const activeWeight = accounts.reduce((sum, account) => sum + weightOf(account), 0);
    const state = { v: row?.v ?? 0, activeWeight: activeWeight > 0 ? activeWeight : 1, readAt: clock.now() };
    this.#lanes.set(lane, state);
    return state;
  }

  async prepare(arrival: Arrival): Promise<Entry> {
    const { facts, clock, weightOf } = this.#options;
    const { accountId, lane, modelKey, needs } = arrival;
    await facts.load([modelKey]);
    const estimateMs = facts.of(modelKey).genMs;
    const { v } = await this.lane(lane);
    const share = shareOf(estimateMs, weightOf(accountId));
    const needsKey = needsKeyOf(needs, modelKey);
    const nowMs = clock.now();
    const isNews = (this.#stored.get(needsKey) ?? Number.NEGATIVE_INFINITY) + NEEDS_KEPT_MS < nowMs;
    return {
      enter: async (tx) => {
        const account = await tx
          .insertInto('dispatch_accounts')
          .values({ account_id: accountId, lane, vfinish: v + share, updated_at: nowMs })
          .onConflict((conflict) =>
            conflict.columns(['account_id', 'lane']).doUpdateSet((eb) => ({
              vfinish: eb(
                eb
                  .case()
                  .when('dispatch_accounts.vfinish', '>', v)
                  .then(eb.ref('dispatch_accounts.vfinish'))
                  .else(eb.val(v))
                  .end(),
                '+',
                share,
              ),
              updated_at: nowMs,
            })),
          )
          .returning('vfinish')
          .executeTakeFirstOrThrow();
        if (isNews) {
          await tx
            .insertInto('dispatch_needs')
            .values({ needs_key: needsKey, model_key: modelKey, needs: JSON.stringify(needs), used_at: nowMs })
            .onConflict((conflict) => conflict.column('needs_key').doUpdateSet({ used_at: nowMs }))
            .execute();
        }
        return { vstart: account.vfinish - share, estimate_ms: estimateMs, needs_key: needsKey };
      },
      committed: () => {
        if (!isNews) return;
        if (this.#stored.size >= MAX_NEEDS_KEPT) this.#stored.clear();
        this.#stored.set(needsKey, nowMs);
      },
    };
  }

  /** The last write of a claim. */
  async claimed(tx: DbTransaction, job: { readonly lane: LaneNumber; readonly estimateMs: number }): Promise<void> {
    const { activeWeight } = this.#remembered(job.lane);
    await this.#advance(tx, job.lane, advanceOf(job.estimateMs, activeWeight));
  }

  /** It is gone from the queue without having run: the account gets its place back. */
  async withdraw(tx: DbTransaction, row: QueuedRow): Promise<void> {
    await this.#charge(tx, row, -(row.estimate_ms ?? 0));
  }

  /** It ran: the account is charged what it took beyond the estimate, or less. Null when nobody measured it. */
  async chargeAccount(tx: DbTransaction, row: QueuedRow, workMs: number | null): Promise<void> {
    if (workMs !== null) await this.#charge(tx, row, workMs - (row.estimate_ms ?? 0));
  }

  /** The last write of a settlement. */
  async settleLane(tx: DbTransaction, row: QueuedRow, workMs: number | null): Promise<void> {
    if (workMs === null) return;
    const lane = row.lane === 1 ? 1 : 0;
    const { activeWeight } = this.#remembered(lane);
    await this.#advance(tx, lane, shareOf(workMs - (row.estimate_ms ?? 0), activeWeight));
  }

  async #charge(tx: DbTransaction, row: QueuedRow, workMs: number): Promise<void> {
    const share = shareOf(workMs, this.#options.weightOf(row.account_id));
    if (share === 0) return;
    await tx
      .updateTable('dispatch_accounts')
      .set((eb) => ({ vfinish: eb('vfinish', '+', share), updated_at: this.#options.clock.now() }))
      .where('account_id', '=', row.account_id)
      .where('lane', '=', row.lane)
      .execute();
  }

  async #advance(tx: DbTransaction, lane: LaneNumber, share: number): Promise<void> {
    if (share === 0) return;
    const row = await advanceLane.first(tx, { name: laneName(lane), share });
    const kept = this.#lanes.get(lane);
    if (row !== undefined && kept !== undefined) this.#lanes.set(lane, { ...kept, v: row.v });
  }

  /** Without a read: this is asked inside transactions. */
  #remembered(lane: LaneNumber): Pick<LaneState, 'activeWeight'> {
    return this.#lanes.get(lane) ?? { activeWeight: 1 };
  }
}

const advanceLane = prepared((db, { name, share }: { readonly name: string; readonly share: number }) =>
  db
    .insertInto('dispatch_lanes')
    .values({ name, v: share })
    .onConflict((conflict) => conflict.column('name').doUpdateSet((eb) => ({ v: eb('dispatch_lanes.v', '+', share) })))
    .returning('v'),
);
