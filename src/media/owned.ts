import type { DbTransaction } from '../db/index.js';

/** Stored files as something that an account owns: those of a guest go with it to another account. */
export const ownedFiles = {
  kind: 'files',
  async count(tx: DbTransaction, accountId: string): Promise<number> {
    const { count } = await tx
      .selectFrom('media')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('account_id', '=', accountId)
      .where('state', '!=', 'removed')
      .executeTakeFirstOrThrow();
    return count;
  },
  async move(tx: DbTransaction, fromId: string, toId: string): Promise<number> {
    const rows = await tx
      .updateTable('media')
      .set({ account_id: toId })
      .where('account_id', '=', fromId)
      .returning('state')
      .execute();
    return rows.filter((row) => row.state !== 'removed').length;
  },
};
