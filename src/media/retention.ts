import { toEaselError } from '../core/errors.js';
import type { MediaContext } from './context.js';
import { beginRemovals, lockHashes } from './references.js';
import {
  finishRemovals,
  type RemovalContext,
  type RemovalOutcome,
  removeMedia,
  resumeRemovals,
  sweepDerived,
} from './removal.js';
import type { MediaSweepReport } from './types.js';

const DAY_MS = 24 * 60 * 60_000;
const PAGE = 200;
/** An upload whose row was written and never completed. */
const ABANDONED_UPLOAD_MS = 60 * 60_000;
/** A staged file of another host's process that was not written to for so long is nobody's. */
const IDLE_STAGED_MS = 6 * 60 * 60_000;
/** So old must an object be that no row knows, before it counts as an orphan. */
const ORPHAN_MS = 24 * 60 * 60_000;

/** Everything that is removed without anybody asking for it. Each step may be repeated, and cut short anywhere. */
export async function sweepMedia(
  context: MediaContext & RemovalContext,
  options: { readonly orphans?: boolean } = {},
): Promise<MediaSweepReport> {
  const { clock, settings } = context;
  const nowMs = clock.now();
  return {
    staged: await sweepStaged(context),
    pending: await sweepUploads(context, nowMs - ABANDONED_UPLOAD_MS),
    removals: await resumeRemovals(context, PAGE),
    derived: await sweepDerived(context, nowMs - settings.derivedKeepDays * DAY_MS, PAGE),
    expired:
      (settings.keepDays === 0 ? 0 : await expireOld(context, nowMs - settings.keepDays * DAY_MS)) +
      (settings.keepLatest === 0 ? 0 : await expireSurplus(context, settings.keepLatest)),
    orphans: options.orphans === true ? await sweepOrphans(context, nowMs - ORPHAN_MS) : 0,
  };
}

async function sweepStaged({ store, spool, isAlive }: MediaContext): Promise<number> {
  let removed = 0;
  for (const place of new Set([store, spool])) {
    removed += await place.sweepStaged({
      isAbandoned: (file) => !isAlive(file.owner) || file.idleMs > IDLE_STAGED_MS,
    });
  }
  return removed;
}

async function sweepUploads(context: MediaContext & RemovalContext, before: number): Promise<number> {
  const rows = await context.db.kysely
    .selectFrom('media')
    .select('id')
    .where('state', '=', 'pending')
    .where('attempt_id', 'is', null)
    .where('created_at', '<', before)
    .orderBy('created_at')
    .limit(PAGE)
    .execute();
  return removeEach(context, rows, (id) => removeMedia(context, id, { state: 'pending' }));
}

/** Pages by id, which is by age; files that are in use are passed over and looked at again by the next sweep. */
async function expireOld(context: MediaContext & RemovalContext, before: number): Promise<number> {
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
    removed += await removeEach(context, rows, (id) => removeMedia(context, id, { state: 'stored', unpinned: true }));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return removed;
    after = last.id;
  }
}

async function expireSurplus(context: MediaContext & RemovalContext, keepLatest: number): Promise<number> {
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
    removed += await removeEach(context, rows, (id) => removeMedia(context, id, { state: 'stored', unpinned: true }));
  }
  return removed;
}

/** One that cannot be removed now must not keep the others. */
async function removeEach(
  { logger }: MediaContext,
  rows: readonly { readonly id: string }[],
  remove: (id: string) => Promise<RemovalOutcome>,
): Promise<number> {
  let removed = 0;
  for (const { id } of rows) {
    try {
      if ((await remove(id)) === 'removed') removed += 1;
    } catch (error) {
      logger.warn({ err: toEaselError(error), mediaId: id }, 'a file could not be removed; it is tried again later');
    }
  }
  return removed;
}

/** Objects that no row knows. There should be none; this is for stores that were tampered with, or restored. */
async function sweepOrphans(context: MediaContext & RemovalContext, before: number): Promise<number> {
  const { db, clock, store } = context;
  let removed = 0;
  for await (const { hash, committedAt } of store.list()) {
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
