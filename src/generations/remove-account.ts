import { EaselError } from '../core/errors.js';
import { OPEN_GENERATION_STATUSES } from '../core/statuses.js';
import type { Db, DbTransaction } from '../db/index.js';

const PAGE = 100;

/**
 * Removes every generation of an account with all that belongs to it, except the files, which are the media room's. What the
 * ledger has booked stays. Returns how many. Throws `transition_illegal` while one has not ended.
 */
export async function removeGenerations(db: Db, accountId: string): Promise<number> {
  const open = await db.kysely
    .selectFrom('generations')
    .select('id')
    .where('account_id', '=', accountId)
    .where('status', 'in', OPEN_GENERATION_STATUSES)
    .limit(1)
    .executeTakeFirst();
  if (open !== undefined)
    throw new EaselError('transition_illegal', `Generation ${open.id} of the account has not ended.`, {
      hint: 'Cancel the generations of the account first.',
    });
  let removed = 0;
  for (;;) {
    const rows = await db.kysely
      .selectFrom('generations')
      .select('id')
      .where('account_id', '=', accountId)
      .where('status', 'not in', OPEN_GENERATION_STATUSES)
      .limit(PAGE)
      .execute();
    if (rows.length === 0) break;
    const ids = rows.map((row) => row.id);
    await db.transaction((tx) => removeAll(tx, ids));
    removed += ids.length;
  }
  // Its place in line.
  await db.transaction((tx) => tx.deleteFrom('dispatch_accounts').where('account_id', '=', accountId).execute());
  return removed;
}

async function removeAll(tx: DbTransaction, ids: readonly string[]): Promise<void> {
  for (const table of ['outputs', 'generation_inputs', 'generation_avoids', 'events', 'generation_payloads'] as const)
    await tx.deleteFrom(table).where('generation_id', 'in', ids).execute();
  await tx.deleteFrom('attempts').where('generation_id', 'in', ids).execute();
  await tx.deleteFrom('generations').where('id', 'in', ids).execute();
}
