import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import { touch } from './open.js';
import { notFound } from './rules.js';

/**
 * Stands in line at the gate of an account until COMMIT: whoever counts what an account has passes here first, so that two
 * do not count the same. Throws `account_merged`.
 */
export async function passGate(tx: DbTransaction, accountId: string, nowMs: number): Promise<void> {
  const gate = await tx
    .insertInto('account_gates')
    .values({ account_id: accountId, merged_into: null, passed_at: nowMs })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet({ passed_at: nowMs }))
    .returning('merged_into')
    .executeTakeFirstOrThrow();
  if (gate.merged_into === null) return;
  throw new EaselError('account_merged', `${accountId} has become part of the account ${gate.merged_into}.`, {
    details: { accountId: gate.merged_into },
  });
}

/** Nobody passes any more, and who comes is told where to go. */
export async function closeGate(tx: DbTransaction, accountId: string, mergedInto: string): Promise<void> {
  await tx.updateTable('account_gates').set({ merged_into: mergedInto }).where('account_id', '=', accountId).execute();
}

/** A session is used for work: it must be one of this account, and is touched. Throws `not_found`. */
export async function useSession(
  tx: DbTransaction,
  sessionId: string,
  accountId: string,
  nowMs: number,
): Promise<void> {
  const session = await touch(tx, nowMs)
    .where('id', '=', sessionId)
    .where('identity_id', 'in', (eb) =>
      eb.selectFrom('session_identities').select('id').where('account_id', '=', accountId),
    )
    .returning('id')
    .executeTakeFirst();
  if (session === undefined) throw notFound(sessionId);
}
