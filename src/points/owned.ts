import type { Clock } from '../core/clock.js';
import type { DbTransaction } from '../db/index.js';
import { Books } from './books.js';
import type { PointsPolicy } from './policy.js';

/**
 * Points as something that an account owns: the credit of a guest goes with it to another account, with its times of expiry.
 * Its allowance does not: it is free, and who comes as a guest again and again must not gather it.
 */
export class OwnedPoints {
  readonly kind = 'points';
  readonly #clock: Clock;
  readonly #policy: PointsPolicy;

  constructor(clock: Clock, policy: PointsPolicy) {
    this.#clock = clock;
    this.#policy = policy;
  }

  /** Credit and what is held, in micro-points. */
  async count(tx: DbTransaction, accountId: string): Promise<number> {
    const row = await tx
      .selectFrom('point_accounts')
      .select(['credit', 'held'])
      .where('id', '=', accountId)
      .executeTakeFirst();
    return row === undefined ? 0 : Math.max(0, row.credit) + row.held;
  }

  /** Open holds: they end where they began. */
  async busy(tx: DbTransaction, accountId: string): Promise<number> {
    const row = await tx.selectFrom('point_accounts').select('held').where('id', '=', accountId).executeTakeFirst();
    return row?.held ?? 0;
  }

  /** The last of all that is moved: nothing may be locked after the books. */
  async move(tx: DbTransaction, fromId: string, toId: string): Promise<number> {
    if ((await this.count(tx, fromId)) === 0) return 0;
    const books = new Books(tx, this.#clock.now(), this.#policy);
    await books.open([fromId, toId]);
    const [from, to] = [books.account(fromId), books.account(toId)];
    const amount = from.ownCredit;
    if (amount > 0) {
      const parts = from.creditParts(amount);
      from.takeLots(parts);
      to.putLots(parts, books.nowMs);
      books.record({ kind: 'transfer', accountId: fromId, amount, note: { toAccountId: toId, reason: 'linked' } }, [
        [from, { credit: -amount }],
        [to, { credit: amount }],
      ]);
    }
    await books.write();
    return Math.max(0, amount);
  }
}
