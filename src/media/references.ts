import { type Clock, sleep } from '../core/clock.js';
import { StorageError } from '../core/errors.js';
import type { Db, DbTransaction } from '../db/index.js';

/**
 * Who may refer to an object, and when it may be taken away. Rows (of `media` and `media_derived`) refer to objects by
 * hash, and equal content is one object, so "nobody refers to it" must stay true until the store has removed it:
 *
 *   refer    in a transaction that holds the lock of the hash: no removal is under way, then write the row
 *   remove   in such a transaction: no row refers to it, then write a removal; take the object out of the store;
 *            delete the removal
 *
 * No transaction spans a call of the store. A removal that was cut short stays as a row and is done again by the sweep.
 */
export interface ReferenceContext {
  readonly db: Db;
  readonly clock: Clock;
}

/** Longer than any call of a store may take, so that a removal that is older is certainly not going on any more. */
export const REMOVAL_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/**
 * Runs `work` in a transaction in which these objects may be referred to. Waits while one of them is being removed, at
 * most a minute.
 */
export async function withObjects<T>(
  { db, clock }: ReferenceContext,
  hashes: readonly string[],
  work: (tx: DbTransaction) => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.now() + 2 * REMOVAL_MS;
  while (clock.now() <= giveUpAt) {
    const done = await db.transaction(async (tx) => {
      await lockHashes(tx, hashes, clock.now());
      if (await isBeingRemoved(tx, hashes, clock.now())) return null;
      return { result: await work(tx) };
    });
    if (done !== null) return done.result;
    await sleep(clock, LOOK_AGAIN_MS);
  }
  throw new StorageError('storage_failed', 'A file with the same content is being removed and does not go away.');
}

/** One lock per first byte of the hash, taken in order so that two writers cannot wait for each other. */
export async function lockHashes(tx: DbTransaction, hashes: readonly string[], nowMs: number): Promise<void> {
  await takeLocks(
    tx,
    hashes.map((hash) => `media:${hash.slice(0, 2)}`),
    nowMs,
  );
}

export async function takeLocks(tx: DbTransaction, names: readonly string[], nowMs: number): Promise<void> {
  for (const name of [...new Set(names)].sort()) {
    await tx
      .insertInto('locks')
      .values({ name, taken_at: nowMs })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ taken_at: nowMs }))
      .execute();
  }
}

/** Removals that have run out are cleared away: whoever began them is dead, and now the object is wanted. */
async function isBeingRemoved(tx: DbTransaction, hashes: readonly string[], nowMs: number): Promise<boolean> {
  if (hashes.length === 0) return false;
  const rows = await tx.selectFrom('media_removals').selectAll().where('hash', 'in', hashes).execute();
  if (rows.some((row) => row.until > nowMs)) return true;
  if (rows.length > 0) await tx.deleteFrom('media_removals').where('hash', 'in', hashes).execute();
  return false;
}

/** True when a row of either kind refers to it. */
async function isReferred(tx: DbTransaction, hash: string): Promise<boolean> {
  return (await isOwned(tx, hash)) || (await isDerived(tx, hash));
}

/** True when an account's file has this content. */
export async function isOwned(tx: DbTransaction, hash: string): Promise<boolean> {
  const row = await tx
    .selectFrom('media')
    .select('id')
    .where('hash', '=', hash)
    .where('state', '!=', 'removed')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function isDerived(tx: DbTransaction, hash: string): Promise<boolean> {
  const row = await tx.selectFrom('media_derived').select('hash').where('hash', '=', hash).limit(1).executeTakeFirst();
  return row !== undefined;
}

export interface Removal {
  readonly hash: string;
  /** Tells this removal from a later one of the same content. */
  readonly until: number;
}

/** Marks those of the objects that nothing refers to any more as being removed, and returns them. */
export async function beginRemovals(tx: DbTransaction, hashes: readonly string[], nowMs: number): Promise<Removal[]> {
  const doomed: Removal[] = [];
  for (const hash of new Set(hashes)) {
    if (await isReferred(tx, hash)) continue;
    await tx.deleteFrom('media_facts').where('hash', '=', hash).execute();
    const until = nowMs + REMOVAL_MS;
    await tx
      .insertInto('media_removals')
      .values({ hash, until })
      .onConflict((conflict) => conflict.column('hash').doUpdateSet({ until }))
      .execute();
    doomed.push({ hash, until });
  }
  return doomed;
}
