import { OPEN_ATTEMPT_STATUSES, OPEN_GENERATION_STATUSES } from '../core/statuses.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import type { MediaProbe } from './context.js';
import { beginRemovals, isOwned, lockHashes, type ReferenceContext, type Removal } from './references.js';
import type { MediaStore } from './store.js';

export interface RemovalContext extends ReferenceContext {
  readonly store: MediaStore;
  readonly probe?: MediaProbe;
}

/** What a row must still be when it is removed; it may have changed since it was looked at. */
export interface RemovalGuard {
  readonly accountId?: string;
  readonly state?: 'pending' | 'stored';
  /** Spares a file that somebody has pinned. */
  readonly unpinned?: boolean;
}

export type RemovalOutcome = 'removed' | 'absent' | 'in-use';

/**
 * Removes one file of an account, with what was derived from it, unless a generation that has not ended needs it. The
 * objects go when no other row refers to them. A row that an ended generation refers to stays as `removed`.
 */
export async function removeMedia(
  context: RemovalContext,
  id: string,
  guard: RemovalGuard = {},
): Promise<RemovalOutcome> {
  const { db, clock } = context;
  const found = await db.kysely.selectFrom('media').select('hash').where('id', '=', id).executeTakeFirst();
  if (found === undefined) return 'absent';
  const { hash } = found;
  const before = await derivedHashes(db.kysely, hash);
  const result = await db.transaction(async (tx): Promise<{ outcome: RemovalOutcome; doomed: Removal[] }> => {
    const nowMs = clock.now();
    await lockHashes(tx, [hash, ...before], nowMs);
    // Takes the row's lock: a submit that refers to it is now either visible to us, or will find it removed.
    const row = await tx
      .updateTable('media')
      .set({ hash })
      .where('id', '=', id)
      .where('state', guard.state === undefined ? '!=' : '=', guard.state ?? 'removed')
      .$if(guard.accountId !== undefined, (query) => query.where('account_id', '=', guard.accountId ?? ''))
      .$if(guard.unpinned === true, (query) => query.where('pinned_at', 'is', null))
      .returning(['attempt_id'])
      .executeTakeFirst();
    if (row === undefined) return { outcome: 'absent', doomed: [] };
    if (await isNeeded(tx, id, row.attempt_id)) return { outcome: 'in-use', doomed: [] };
    if (await isMentioned(tx, id)) {
      await tx.updateTable('media').set({ state: 'removed' }).where('id', '=', id).execute();
    } else {
      await tx.deleteFrom('media').where('id', '=', id).execute();
    }
    if (await isOwned(tx, hash)) return { outcome: 'removed', doomed: [] };
    // What was derived in the meantime is not locked; it stays and is found by the sweep.
    const derived = before.length === 0 ? [] : await dropDerived(tx, hash, before);
    return { outcome: 'removed', doomed: await beginRemovals(tx, [hash, ...derived], nowMs) };
  });
  await finishRemovals(context, result.doomed);
  return result.outcome;
}

/**
 * No store takes longer to remove an object; on S3 that is a question and an order (`s3-store.ts`), far below the time that
 * the mark of a removal lasts.
 */
const REMOVE_MS = 45_000;

/**
 * Takes objects out of the store whose removal was begun. Throws what the store throws; the sweep then goes on with it, and
 * also with those whose turn comes so late that their mark might run out meanwhile: from then on somebody may refer to them.
 */
export async function finishRemovals(
  { db, clock, store, probe }: RemovalContext,
  removals: readonly Removal[],
): Promise<void> {
  for (const { hash, until } of removals) {
    if (clock.now() > until - REMOVE_MS) continue;
    await probe?.('removal-begun');
    await store.remove(hash);
    await probe?.('removal-done');
    await db.transaction((tx) =>
      tx.deleteFrom('media_removals').where('hash', '=', hash).where('until', '=', until).execute(),
    );
  }
}

/** Removals that a process which died did not finish, or that the store refused. */
export function overdueRemovals({ db, clock }: RemovalContext, limit: number): Promise<{ readonly hash: string }[]> {
  return db.kysely.selectFrom('media_removals').select('hash').where('until', '<=', clock.now()).limit(limit).execute();
}

/** Does one of them again, unless the object is wanted by now. Returns whether it was removed. */
export async function resumeRemoval(context: RemovalContext, hash: string): Promise<boolean> {
  const { db, clock } = context;
  const doomed = await db.transaction(async (tx) => {
    const nowMs = clock.now();
    await lockHashes(tx, [hash], nowMs);
    const still = await tx
      .deleteFrom('media_removals')
      .where('hash', '=', hash)
      .where('until', '<=', nowMs)
      .executeTakeFirst();
    return still.numDeletedRows === 0n ? [] : beginRemovals(tx, [hash], nowMs);
  });
  await finishRemovals(context, doomed);
  return doomed.length > 0;
}

interface DerivedRow {
  readonly source: string;
  readonly recipe: string;
  readonly hash: string;
}

/** Derived files that nobody asked for since `unusedSince`, or whose source is gone. */
export function unusedDerived({ db }: RemovalContext, unusedSince: number, limit: number): Promise<DerivedRow[]> {
  return db.kysely
    .selectFrom('media_derived')
    .leftJoin('media', (join) =>
      join.onRef('media.hash', '=', 'media_derived.source_hash').on('media.state', '!=', 'removed'),
    )
    .select(['media_derived.source_hash as source', 'media_derived.recipe as recipe', 'media_derived.hash as hash'])
    .where((eb) => eb.or([eb('media.id', 'is', null), eb('media_derived.used_at', '<', unusedSince)]))
    .distinct()
    .limit(limit)
    .execute();
}

/** Removes one of them, unless it was asked for meanwhile. Returns whether it did. */
export async function removeDerived(
  context: RemovalContext,
  { source, recipe, hash }: DerivedRow,
  unusedSince: number,
): Promise<boolean> {
  const { db, clock } = context;
  const doomed = await db.transaction(async (tx) => {
    const nowMs = clock.now();
    await lockHashes(tx, [source, hash], nowMs);
    if ((await isOwned(tx, source)) && !(await isUnused(tx, source, recipe, unusedSince))) return null;
    await tx.deleteFrom('media_derived').where('source_hash', '=', source).where('recipe', '=', recipe).execute();
    return beginRemovals(tx, [hash], nowMs);
  });
  await finishRemovals(context, doomed ?? []);
  return doomed !== null;
}

async function isUnused(tx: DbTransaction, source: string, recipe: string, unusedSince: number): Promise<boolean> {
  const row = await tx
    .selectFrom('media_derived')
    .select('used_at')
    .where('source_hash', '=', source)
    .where('recipe', '=', recipe)
    .executeTakeFirst();
  return row === undefined || row.used_at < unusedSince;
}

async function derivedHashes(reader: DbReader, sourceHash: string): Promise<string[]> {
  const rows = await reader.selectFrom('media_derived').select('hash').where('source_hash', '=', sourceHash).execute();
  return rows.map((row) => row.hash);
}

async function dropDerived(tx: DbTransaction, sourceHash: string, hashes: readonly string[]): Promise<string[]> {
  const rows = await tx
    .deleteFrom('media_derived')
    .where('source_hash', '=', sourceHash)
    .where('hash', 'in', hashes)
    .returning('hash')
    .execute();
  return rows.map((row) => row.hash);
}

/** By an attempt that collects it, or by a generation that will still read it. */
async function isNeeded(tx: DbTransaction, id: string, attemptId: string | null): Promise<boolean> {
  if (attemptId !== null) {
    const attempt = await tx
      .selectFrom('attempts')
      .select('id')
      .where('id', '=', attemptId)
      .where('status', 'in', OPEN_ATTEMPT_STATUSES)
      .executeTakeFirst();
    if (attempt !== undefined) return true;
  }
  const input = await tx
    .selectFrom('generation_inputs')
    .innerJoin('generations', 'generations.id', 'generation_inputs.generation_id')
    .select('generations.id')
    .where('generation_inputs.media_id', '=', id)
    .where('generations.status', 'in', OPEN_GENERATION_STATUSES)
    .limit(1)
    .executeTakeFirst();
  return input !== undefined;
}

async function isMentioned(tx: DbTransaction, id: string): Promise<boolean> {
  const output = await tx.selectFrom('outputs').select('id').where('media_id', '=', id).limit(1).executeTakeFirst();
  if (output !== undefined) return true;
  const input = await tx
    .selectFrom('generation_inputs')
    .select('media_id')
    .where('media_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  return input !== undefined;
}
