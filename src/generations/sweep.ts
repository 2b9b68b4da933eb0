import { type EaselErrorOptions, GenerationError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import { PeriodicSweep } from '../core/periodic.js';
import { OPEN_ATTEMPT_STATUSES } from '../core/statuses.js';
import type { MediaStore } from '../media/index.js';
import { liftAvoids, strandedGenerations } from './elsewhere.js';
import type { EventHub } from './event-hub.js';
import type { LeaseIdentity } from './lease.js';
import { sweepPendingMedia } from './media-rows.js';
import { type SettleContext, settleFailed, settleQueued } from './settle.js';

/**
 * What no single attempt can notice about itself, looked for at every tick by every node (all of it is guarded, so that
 * two nodes doing it at once do no harm):
 *
 * - a generation past its queue deadline expires
 * - an open attempt of a backend that nobody owns any more is given up at its deadline, or at once if the backend is removed
 * - a generation that stays away from all backends that could take it may go back to them
 * - files that were collected for attempts which are closed by now; all other files are the media room's to sweep
 */
export interface SweeperOptions extends SettleContext {
  readonly media: MediaStore;
  readonly logger: Logger;
  readonly hub: EventHub;
  readonly identity: LeaseIdentity;
  readonly random: () => number;
  readonly tickMs: number;
}

export interface GenerationSweepReport {
  /** Generations that no backend took before their queue deadline. */
  readonly expired: number;
  /** Attempts that no node looked after. */
  readonly givenUp: number;
  /** Generations that may go back to backends which failed them, because nothing else is left. */
  readonly released: number;
}

/** Files are looked after this often, not at every tick. */
const FILE_SWEEP_MS = 60_000;
const BATCH = 100;
const MAX_NAMED_BACKENDS = 5;

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #periodic: PeriodicSweep;
  #filesSweptAt = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
    const { clock, logger, random, tickMs } = options;
    this.#periodic = new PeriodicSweep({
      // What it did to a generation or an attempt was said already.
      ...{ clock, logger, random, what: 'generations', everyMs: tickMs, firstMs: tickMs, level: 'debug' },
      sweep: () => this.sweepOnce(),
    });
  }

  start(): void {
    this.#periodic.start();
  }

  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  /** One round. Files are looked after only when their time has come, unless asked for. */
  async sweepOnce(options: { readonly files?: boolean } = {}): Promise<GenerationSweepReport> {
    const report = {
      expired: await this.#expireQueued(),
      givenUp: await this.#giveUpOrphans(),
      released: await this.#releaseStranded(),
    };
    const nowMs = this.#options.clock.now();
    if (options.files !== true && nowMs - this.#filesSweptAt < FILE_SWEEP_MS) return report;
    this.#filesSweptAt = nowMs;
    await sweepPendingMedia(this.#options, BATCH);
    return report;
  }

  async #releaseStranded(): Promise<number> {
    const { db, clock, retry, capable } = this.#options;
    const context = { avoidMs: retry.avoidMs, ...(capable === undefined ? {} : { capable }) };
    const ids = await strandedGenerations(db.kysely, context, clock.now(), BATCH);
    if (ids.length === 0) return 0;
    await db.transaction(async (tx) => {
      for (const id of ids) await liftAvoids(tx, id);
    });
    db.changes.publish('queue');
    return ids.length;
  }

  async #expireQueued(): Promise<number> {
    let count = 0;
    let nobody: Pick<EaselErrorOptions, 'details' | 'hint'> | null = null;
    const { db, clock } = this.#options;
    const due = await db.kysely
      .selectFrom('generations')
      .select(['id', 'error'])
      .where('status', '=', 'queued')
      .where('queue_deadline_at', '>=', 0)
      .where('queue_deadline_at', '<=', clock.now())
      .limit(BATCH)
      .execute();
    for (const row of due) {
      const lastError =
        row.error === null ? null : (JSON.parse(row.error) as { readonly code: string; readonly message: string });
      if (lastError === null) nobody ??= await this.#whyNobody();
      const error = new GenerationError('queue_timeout', 'No backend took the generation before its queue deadline.', {
        ...(lastError === null
          ? nobody
          : { details: { lastError }, hint: `The last try ended with ${lastError.code}: ${lastError.message}` }),
      });
      const event = await settleQueued(this.#options, row.id, 'expired', error);
      if (event === null) continue;
      count += 1;
      this.#options.hub.publish(event);
      this.#options.logger.info({ generation: row.id, code: error.code }, 'a generation expired in the queue');
    }
    return count;
  }

  /** For a generation that was never tried: how the backends are now. */
  async #whyNobody(): Promise<Pick<EaselErrorOptions, 'details' | 'hint'>> {
    const rows = await this.#options.db.kysely
      .selectFrom('backends')
      .select(['id', 'state'])
      .where('desired', '!=', 'gone')
      .where('state', '!=', 'ready')
      .orderBy('id')
      .limit(MAX_NAMED_BACKENDS)
      .execute();
    if (rows.length === 0) return {};
    return {
      details: { backends: Object.fromEntries(rows.map(({ id, state }) => [id, state])) },
      hint: `Look at the backends: ${rows.map(({ id, state }) => `${id} is ${state}`).join(', ')}.`,
    };
  }

  /** Attempts whose backend has no living owner: nobody follows them, so only their deadline can end them. */
  async #giveUpOrphans(): Promise<number> {
    const { db, clock, identity, hub, logger } = this.#options;
    let count = 0;
    const nowMs = clock.now();
    const rows = await db.kysely
      .selectFrom('attempts')
      .innerJoin('backends', 'backends.id', 'attempts.backend_id')
      .innerJoin('generations', 'generations.id', 'attempts.generation_id')
      .select([
        'attempts.id as attemptId',
        'attempts.epoch as epoch',
        'attempts.generation_id as generationId',
        'attempts.backend_id as backendId',
        'attempts.claimed_at as claimedAt',
        'backends.kind as kind',
        'backends.desired as desired',
        'backends.owner_node as owner',
        'backends.lease_until as leaseUntil',
        'generations.run_limit_ms as runLimitMs',
      ])
      .where('attempts.status', 'in', OPEN_ATTEMPT_STATUSES)
      .where('backends.lease_until', '<=', nowMs)
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      if (row.owner !== null && row.owner === identity.owner) continue;
      // An embedded engine dies with its process and its runs with it; a ComfyUI may still be running ours.
      const isOver = row.kind === 'embedded' || row.desired === 'evicting' || row.desired === 'gone';
      const giveUpAt = isOver ? row.leaseUntil : Math.max(row.leaseUntil, row.claimedAt + row.runLimitMs);
      if (nowMs < giveUpAt) continue;
      const error = new GenerationError('backend_lost_run', `No node looks after backend ${row.backendId} any more.`);
      const settled = await settleFailed(this.#options, row, error, 'accepted');
      if (settled === null) continue;
      count += 1;
      hub.publish(settled.event);
      db.changes.publish('queue');
      const { generationId: generation, attemptId: attempt, backendId: backend } = row;
      logger.warn(
        { generation, attempt, backend, outcome: settled.kind },
        'an attempt that nobody followed was given up',
      );
    }
    return count;
  }
}
