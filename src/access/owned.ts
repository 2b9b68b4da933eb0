import type { Clock } from '../core/clock.js';
import type { DbTransaction } from '../db/index.js';

/** Keys as something that an account owns: those of a guest end with it, or they would open the account that it became. */
export function ownedKeys(clock: Clock) {
  return {
    kind: 'keys',
    async count(tx: DbTransaction, accountId: string): Promise<number> {
      const { count } = await tx
        .selectFrom('api_keys')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('account_id', '=', accountId)
        .where('revoked_at', 'is', null)
        .executeTakeFirstOrThrow();
      return count;
    },
    async move(tx: DbTransaction, fromId: string): Promise<number> {
      await tx
        .updateTable('api_keys')
        .set({ revoked_at: clock.now() })
        .where('account_id', '=', fromId)
        .where('revoked_at', 'is', null)
        .execute();
      return 0;
    },
  };
}
