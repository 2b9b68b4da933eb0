import type { Clock } from '../core/clock.js';
import { newId } from '../core/ids.js';
import { OPEN_ATTEMPT_STATUSES } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { MediaStore, StagedMedia } from '../media/index.js';
import type { AttemptIdentity } from './settle.js';
import type { Writer } from './store.js';

/**
 * The rows that tie stored objects to accounts. An object may be shared by many rows (equal content); it may be removed
 * only when the last row is gone, and never while somebody is about to add one: both sides take the same lock.
 */
interface MediaRowsContext {
  readonly db: Db;
  readonly clock: Clock;
}

export interface PendingMedia {
  readonly accountId: string;
  /** Null for an upload that no generation refers to yet. */
  readonly attempt: AttemptIdentity | null;
  readonly files: readonly StagedMedia[];
}

/** Adds a `pending` row per distinct file, or finds the one of an earlier try. Returns media id by hash. */
export async function insertPendingMedia(
  context: MediaRowsContext,
  pending: PendingMedia,
): Promise<Map<string, string>> {
  const byHash = new Map(pending.files.map((file) => [file.hash, file]));
  if (byHash.size === 0) return new Map();
  const nowMs = context.clock.now();
  const attemptId = pending.attempt?.attemptId ?? null;
  return context.db.transaction(async (tx) => {
    await lockHashes(tx, [...byHash.keys()], nowMs);
    const ids = new Map<string, string>();
    if (attemptId !== null) {
      const earlier = await tx
        .selectFrom('media')
        .select(['id', 'hash'])
        .where('attempt_id', '=', attemptId)
        .where('state', '=', 'pending')
        .execute();
      for (const row of earlier) if (byHash.has(row.hash)) ids.set(row.hash, row.id);
    }
    const rows = [...byHash.values()]
      .filter((file) => !ids.has(file.hash))
      .map((file) => ({
        id: newId(),
        account_id: pending.accountId,
        hash: file.hash,
        bytes: file.bytes,
        content_type: file.contentType,
        state: 'pending' as const,
        attempt_id: attemptId,
        created_at: nowMs,
      }));
    if (rows.length > 0) await tx.insertInto('media').values(rows).execute();
    for (const row of rows) ids.set(row.hash, row.id);
    return ids;
  });
}

/**
 * Removes `pending` rows that nothing will keep any more (their attempt is closed, or their upload was never used) and
 * the objects that only they referred to. Returns the number of rows removed.
 */
export async function sweepPendingMedia(
  context: MediaRowsContext & { readonly media: MediaStore },
  options: { readonly unusedUploadMs: number; readonly limit: number },
): Promise<number> {
  const nowMs = context.clock.now();
  const dead = await context.db.kysely
    .selectFrom('media')
    .leftJoin('attempts', 'attempts.id', 'media.attempt_id')
    .select(['media.id as id', 'media.hash as hash'])
    .where('media.state', '=', 'pending')
    .where((eb) =>
      eb.or([
        eb.and([eb('media.attempt_id', 'is', null), eb('media.created_at', '<', nowMs - options.unusedUploadMs)]),
        eb.and([
          eb('media.attempt_id', 'is not', null),
          eb.or([eb('attempts.id', 'is', null), eb('attempts.status', 'not in', OPEN_ATTEMPT_STATUSES)]),
        ]),
      ]),
    )
    .limit(options.limit)
    .execute();
  let removed = 0;
  for (const row of dead) {
    removed += await context.db.transaction(async (tx) => {
      await lockHashes(tx, [row.hash], nowMs);
      const gone = await tx
        .deleteFrom('media')
        .where('id', '=', row.id)
        .where('state', '=', 'pending')
        .executeTakeFirst();
      if (gone.numDeletedRows === 0n) return 0;
      const other = await tx.selectFrom('media').select('id').where('hash', '=', row.hash).limit(1).executeTakeFirst();
      // Inside the transaction, so that the lock still keeps out whoever wants to refer to this content. Should the
      // commit then fail, the row stays and the next sweep finds it again: an object without a row cannot come about.
      if (other === undefined) await context.media.remove(row.hash);
      return 1;
    });
  }
  return removed;
}

/** One lock per first byte of the hash, taken in order so that two writers cannot wait for each other. */
async function lockHashes(tx: Writer, hashes: readonly string[], nowMs: number): Promise<void> {
  const names = [...new Set(hashes.map((hash) => `media:${hash.slice(0, 2)}`))].sort();
  for (const name of names) {
    await tx
      .insertInto('locks')
      .values({ name, taken_at: nowMs })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ taken_at: nowMs }))
      .execute();
  }
}
