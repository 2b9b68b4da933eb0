import type { DbTransaction } from '../db/index.js';
import type { SessionContext } from './context.js';
import { insertEvents } from './events.js';
import { touch } from './open.js';
import { liveSessions } from './read.js';

/** What is done to several sessions in one transaction. */

/** In one order everywhere, so that two transactions do not wait for each other. */
async function lockAll(tx: DbTransaction, ids: readonly string[]): Promise<void> {
  await tx.selectFrom('sessions').select('id').where('id', 'in', ids).orderBy('id').forUpdate().execute();
}

export async function touchSessions({ db, clock }: SessionContext, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  return db.transaction(async (tx) => {
    if (ids.length > 1) await lockAll(tx, ids);
    const rows = await touch(tx, clock.now()).where('id', 'in', ids).returning('id').execute();
    return rows.map((row) => row.id);
  });
}

export async function removeSessions({ db, clock, feed }: SessionContext, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const removed = await db.transaction((tx) => removeAll(tx, ids, clock.now()));
  if (removed.length > 0) feed.publish();
  return removed;
}

async function removeAll(tx: DbTransaction, ids: readonly string[], nowMs: number): Promise<string[]> {
  await lockAll(tx, ids);
  const live = await liveSessions(tx, nowMs).where('sessions.id', 'in', ids).execute();
  if (live.length === 0) return [];
  const liveIds = live.map((row) => row.id);
  await tx.deleteFrom('sessions').where('id', 'in', liveIds).execute();
  await insertEvents(
    tx,
    'removed',
    live.map((row) => ({ ...row, revision: row.revision + 1 })),
    nowMs,
  );
  return liveIds;
}

export async function forgetAccount({ db, clock, feed }: SessionContext, accountId: string): Promise<number> {
  const removed = await db.transaction(async (tx) => {
    const nowMs = clock.now();
    const identities = await tx
      .selectFrom('session_identities')
      .select('id')
      .where('account_id', '=', accountId)
      .orderBy('id')
      .forUpdate()
      .execute();
    const ids = identities.map((row) => row.id);
    let count = 0;
    if (ids.length > 0) {
      const sessions = await tx.selectFrom('sessions').select('id').where('identity_id', 'in', ids).execute();
      count =
        sessions.length === 0
          ? 0
          : (
              await removeAll(
                tx,
                sessions.map((row) => row.id),
                nowMs,
              )
            ).length;
      // With what had expired and was not swept yet.
      await tx.deleteFrom('session_identities').where('id', 'in', ids).execute();
      await tx.deleteFrom('session_link_attempts').where('identity_id', 'in', ids).execute();
    }
    await tx.deleteFrom('session_preferences').where('account_id', '=', accountId).execute();
    await tx.deleteFrom('session_link_codes').where('account_id', '=', accountId).execute();
    await tx.deleteFrom('account_gates').where('account_id', '=', accountId).execute();
    return count;
  });
  if (removed > 0) feed.publish();
  return removed;
}
