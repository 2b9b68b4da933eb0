import { OPEN_GENERATION_STATUSES } from '../core/statuses.js';
import type { Belonging } from '../sessions/index.js';

/** Generations as something that an account owns: what a guest has made goes with it to another account. */
export const ownedGenerations: Belonging = {
  kind: 'generations',
  async count(tx, accountId) {
    const { count } = await tx
      .selectFrom('generations')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow();
    return count;
  },
  async busy(tx, accountId) {
    const { count } = await tx
      .selectFrom('generations')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('account_id', '=', accountId)
      .where('finished_at', 'is', null)
      .where('status', 'in', OPEN_GENERATION_STATUSES)
      .executeTakeFirstOrThrow();
    return count;
  },
  async move(tx, fromId, toId) {
    // A key that both have used would name two generations of one account; the newcomer gives it up.
    await tx
      .updateTable('generations')
      .set({ idempotency_key: null })
      .where('account_id', '=', fromId)
      .where('idempotency_key', 'in', (eb) =>
        eb
          .selectFrom('generations as theirs')
          .select('theirs.idempotency_key')
          .where('theirs.account_id', '=', toId)
          .where('theirs.idempotency_key', 'is not', null),
      )
      .execute();
    const moved = await tx
      .updateTable('generations')
      .set({ account_id: toId })
      .where('account_id', '=', fromId)
      .executeTakeFirst();
    return Number(moved.numUpdatedRows);
  },
};
