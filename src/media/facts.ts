import type { Db, DbTransaction } from '../db/index.js';
import type { MediaFacts } from './inspect.js';
import { isOwned, lockHashes } from './references.js';

export async function readFacts(db: Db, hash: string): Promise<MediaFacts | null> {
  const row = await db.kysely
    .selectFrom('media_facts')
    .select(['width', 'height', 'frames', 'blurhash'])
    .where('hash', '=', hash)
    .executeTakeFirst();
  return row ?? null;
}

/** Not of what was removed while it was looked at: facts go with their object, and nobody would take these away. */
export async function writeFacts(db: Db, hash: string, facts: MediaFacts, nowMs: number): Promise<void> {
  await db.transaction(async (tx) => {
    await lockHashes(tx, [hash], nowMs);
    if (await isOwned(tx, hash)) await addFacts(tx, hash, facts, nowMs);
  });
}

/** The same content always has the same facts, so whoever writes them second changes nothing. */
export async function addFacts(tx: DbTransaction, hash: string, facts: MediaFacts, nowMs: number): Promise<void> {
  await tx
    .insertInto('media_facts')
    .values({ hash, ...facts, created_at: nowMs })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .execute();
}
