import { toEaselError } from '../core/errors.js';
import type { MediaContext } from './context.js';
import { beginRemovals, lockHashes } from './references.js';
import {
  finishRemovals,
  overdueRemovals,
  type RemovalGuard,
  removeDerived,
  removeMedia,
  resumeRemoval,
  unusedDerived,
} from './removal.js';
import type { MediaStore } from './store.js';
import type { MediaSweepReport } from './types.js';

const DAY_MS = 24 * 60 * 60_000;
const PAGE = 200;
/** An upload whose row was written and never completed. */
const ABANDONED_UPLOAD_MS = 60 * 60_000;
/** A staged file of another host's process that was not written to for so long is nobody's. */
const IDLE_STAGED_MS = 6 * 60 * 60_000;
/** So old must an object be that no row knows, before it counts as an orphan. */
const ORPHAN_MS = 24 * 60 * 60_000;

export interface MediaSweepOptions {
  /** Also looks through the whole store for objects that no row knows. */
  readonly orphans?: boolean;
  /** Ends it after the file that it is at. */
  readonly signal?: AbortSignal;
}

type SweepContext = MediaContext & Pick<MediaSweepOptions, 'signal'>;

/** Everything that is removed without anybody asking for it. Each step may be repeated, and cut short anywhere. */
export async function sweepMedia(media: MediaContext, options: MediaSweepOptions = {}): Promise<MediaSweepReport> {
  const context = { ...media, ...options };
  const { clock, settings } = context;
  const nowMs = clock.now();
  const unusedSince = nowMs - settings.derivedKeepDays * DAY_MS;
  return {
    staged: await sweepStaged(context),
    pending: await sweepUploads(context, nowMs - ABANDONED_UPLOAD_MS),
    removals: await each(context, await overdueRemovals(context, PAGE), ({ hash }) => resumeRemoval(context, hash)),
    derived: await each(context, await unusedDerived(context, unusedSince, PAGE), (row) =>
      removeDerived(context, row, unusedSince),
    ),
    expired:
      (settings.keepDays === 0 ? 0 : await expireOld(context, nowMs - settings.keepDays * DAY_MS)) +
      (settings.keepLatest === 0 ? 0 : await expireSurplus(context, settings.keepLatest)),
    orphans: options.orphans === true ? await sweepOrphans(context, nowMs - ORPHAN_MS) : 0,
  };
}

async function sweepStaged(context: MediaContext): Promise<number> {
  const { store, spool } = context;
  return (await sweepSpool(context)) + (store === spool ? 0 : await sweepPlace(store, context));
}

/** Half-written files of dead processes on the local disk. */
export function sweepSpool(context: MediaContext): Promise<number> {
  return sweepPlace(context.spool, context);
}

function sweepPlace(place: Pick<MediaStore, 'sweepStaged'>, { isAlive }: MediaContext): Promise<number> {
  return place.sweepStaged({ isAbandoned: (file) => !isAlive(file.owner) || file.idleMs > IDLE_STAGED_MS });
}

async function sweepUploads(context: SweepContext, before: number): Promise<number> {
  const rows = await context.db.kysely
    .selectFrom('media')
    .select('id')
    .where('state', '=', 'pending')
    .where('attempt_id', 'is', null)
    .where('created_at', '<', before)
    .orderBy('created_at')
    .limit(PAGE)
    .execute();
  return removeEach(context, rows, { state: 'pending' });
}

/** Pages by id, which is by age; files that are in use are passed over and looked at again by the next sweep. */
async function expireOld(context: SweepContext, before: number): Promise<number> {
  let removed = 0;
  let after = '';
  for (;;) {
    const rows = await context.db.kysely
      .selectFrom('media')
      .select('id')
      .where('state', '=', 'stored')
      .where('pinned_at', 'is', null)
      .where('created_at', '<', before)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    removed += await removeEach(context, rows, { state: 'stored', unpinned: true });
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE || context.signal?.aborted === true) return removed;
    after = last.id;
  }
}

async function expireSurplus(context: SweepContext, keepLatest: number): Promise<number> {
  const { kysely } = context.db;
  const accounts = await kysely
    .selectFrom('media')
    .select('account_id')
    .where('state', '=', 'stored')
    .where('pinned_at', 'is', null)
    .groupBy('account_id')
    .having((eb) => eb(eb.fn.countAll(), '>', keepLatest))
    .limit(PAGE)
    .execute();
  let removed = 0;
  for (const { account_id: accountId } of accounts) {
    if (context.signal?.aborted === true) break;
    const rows = await kysely
      .selectFrom('media')
      .select('id')
      .where('account_id', '=', accountId)
      .where('state', '=', 'stored')
      .where('pinned_at', 'is', null)
      .orderBy('id', 'desc')
      .offset(keepLatest)
      .limit(10 * PAGE)
      .execute();
    removed += await removeEach(context, rows, { state: 'stored', unpinned: true });
  }
  return removed;
}

function removeEach(
  context: SweepContext,
  rows: readonly { readonly id: string }[],
  guard: RemovalGuard,
): Promise<number> {
  return each(context, rows, async ({ id }) => (await removeMedia(context, id, guard)) === 'removed');
}

/** One that cannot be removed now must not keep the others, nor the steps that follow. Returns how many were removed. */
async function each<Row extends object>(
  { logger, signal }: SweepContext,
  rows: readonly Row[],
  remove: (row: Row) => Promise<boolean>,
): Promise<number> {
  let removed = 0;
  for (const row of rows) {
    if (signal?.aborted === true) break;
    try {
      if (await remove(row)) removed += 1;
    } catch (error) {
      logger.warn({ err: toEaselError(error), file: row }, 'a file could not be removed; it is tried again later');
    }
  }
  return removed;
}

/** Objects that no row knows. There should be none; this is for stores that were tampered with, or restored. */
async function sweepOrphans(context: SweepContext, before: number): Promise<number> {
  const { db, clock, store, signal } = context;
  let removed = 0;
  for await (const { hash, committedAt } of store.list()) {
    if (signal?.aborted === true) break;
    if (committedAt >= before) continue;
    const removals = await db.transaction(async (tx) => {
      await lockHashes(tx, [hash], clock.now());
      return beginRemovals(tx, [hash], clock.now());
    });
    await finishRemovals(context, removals);
    removed += removals.length;
  }
  return removed;
}
