import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/log.js';
import { PeriodicSweep } from '../../core/periodic.js';
import type { Db } from '../../db/index.js';
import type { EventHub } from '../event-hub.js';
import type { FleetBooks } from './fleet-books.js';
import { FleetView, isLive } from './fleet-view.js';
import type { Offers } from './offers.js';
import { SqlSource } from './sql-source.js';
import { describeUnservable, type Unservable, unservableNeeds } from './unservable.js';

/**
 * What no claim does for itself, once a second: compares everything that waits with what this node's backends have, stores
 * the refusals, tells followers of a job that no backend can run, and says of a backend that fell idle that it is.
 */
export interface WatchOptions {
  readonly everyMs: number;
}

export const DEFAULT_WATCH: WatchOptions = { everyMs: 1_000 };

export interface QueueWatchOptions extends WatchOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hub: EventHub;
  readonly offers: Offers;
  readonly fleet: FleetBooks;
  /** Called with generations that no backend of the fleet can run; without it they wait for one, or for their deadline. */
  readonly onUnservable?: (found: Unservable) => Promise<void>;
}

/** An hour is how often a set of needs is said to be in use; a day leaves no doubt. */
const NEEDS_UNUSED_MS = 24 * 60 * 60_000;
const PRUNE_EVERY_MS = 60 * 60_000;
const MAX_WARNED = 10_000;

export class QueueWatch {
  readonly #options: QueueWatchOptions;
  readonly #view: FleetView;
  readonly #warned = new Set<string>();
  readonly #periodic: PeriodicSweep;
  #prunedAt: number;

  constructor(options: QueueWatchOptions) {
    this.#options = options;
    this.#view = new FleetView(options.db.kysely, options.clock);
    this.#prunedAt = options.clock.now();
    const { clock, logger, everyMs } = options;
    this.#periodic = new PeriodicSweep({
      ...{ clock, logger, what: 'the queue', everyMs, firstMs: everyMs },
      sweep: async () => {
        await this.look();
        return {};
      },
    });
  }

  start(): void {
    this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  /** One round. */
  async look(): Promise<void> {
    const { db, clock, offers, fleet } = this.#options;
    const source = new SqlSource(db.kysely, clock.now());
    const keys = new Set<string>();
    for (const lane of [0, 1] as const) for (const need of await source.waitingNeeds(lane)) keys.add(need.needsKey);
    if (keys.size > 0 && fleet.ids.length > 0) {
      await offers.load(keys);
      for (const key of keys) for (const id of fleet.ids) if (offers.wasAsked(id)) offers.refusal(id, key);
      await offers.publish();
    }
    if (keys.size > 0) await this.#noticeUnservable([...keys]);
    await this.#publishIdle();
    await this.#prune();
  }

  async #noticeUnservable(keys: readonly string[]): Promise<void> {
    const { db, clock, hub, offers, onUnservable } = this.#options;
    const found = await unservableNeeds(db.kysely, keys);
    offers.askAgain(found.flatMap(({ refusals }) => refusals.filter(isCurable).map(({ backendId }) => backendId)));
    for (const unservable of found) {
      const { generationIds, refusals } = unservable;
      const message = describeUnservable(refusals);
      for (const generationId of generationIds) {
        if (this.#warned.has(generationId)) continue;
        if (this.#warned.size >= MAX_WARNED) this.#warned.clear();
        this.#warned.add(generationId);
        hub.publish({ generationId, type: 'warning', at: clock.now(), data: { nodeId: null, message } });
      }
      await onUnservable?.(unservable);
    }
  }

  /** Only where somebody else would hold jobs back for it. */
  async #publishIdle(): Promise<void> {
    const { db, fleet } = this.#options;
    const own = fleet.ids;
    const rows = await this.#view.rows();
    if (!rows.some((row) => isLive(row) && !own.includes(row.id))) return;
    for (const row of rows) {
      if (fleet.book(row.id)?.isIdle !== true || row.published === null) continue;
      if (row.published.busyUntil === 0 && !row.published.runsInteractive) continue;
      const published = fleet.published(row.id, null);
      if (published === null) continue;
      await db.transaction((tx) =>
        tx
          .updateTable('backends')
          .set({ dispatch: JSON.stringify(published) })
          .where('id', '=', row.id)
          .execute(),
      );
    }
  }

  /** Sets of needs that nobody uses any more, and what backends had to say of them. */
  async #prune(): Promise<void> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    if (nowMs - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = nowMs;
    await db.transaction(async (tx) => {
      const rows = await tx
        .selectFrom('dispatch_needs')
        .select('needs_key')
        .where('used_at', '<', nowMs - NEEDS_UNUSED_MS)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('generations')
                .select('generations.id')
                .where('generations.status', '=', 'queued')
                .where('generations.lane', 'in', [0, 1])
                .where('generations.created_at', '>=', 0)
                .whereRef('generations.needs_key', '=', 'dispatch_needs.needs_key'),
            ),
          ),
        )
        .limit(1_000)
        .execute();
      const keys = rows.map((row) => row.needs_key);
      if (keys.length === 0) return;
      await tx.deleteFrom('dispatch_refusals').where('needs_key', 'in', keys).execute();
      await tx.deleteFrom('dispatch_needs').where('needs_key', 'in', keys).execute();
    });
  }
}

/** Without another configuration: by a file or a node that somebody puts there. */
function isCurable({ refusal }: Unservable['refusals'][number]): boolean {
  return refusal.reason === 'models' || refusal.reason === 'nodes';
}
