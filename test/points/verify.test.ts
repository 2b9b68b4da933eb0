import type { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../src/db/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { freshKey, makePoints, POINT } from './harness.js';

/** Whatever is changed behind the ledger's back, `verify` finds it and names the place. */
const TAMPERINGS: readonly (readonly [string, (db: Kysely<Database>) => Promise<unknown>, RegExp])[] = [
  [
    'a balance',
    (db) => db.updateTable('point_accounts').set({ credit: 7 }).where('id', '=', 'a').execute(),
    /Account a: credit is 0.000007/,
  ],
  [
    'a held balance',
    (db) => db.updateTable('point_accounts').set({ held: 7 }).where('id', '=', 'a').execute(),
    /Account a: held/,
  ],
  [
    'the experience',
    (db) => db.updateTable('point_accounts').set({ experience: 7 }).where('id', '=', 'a').execute(),
    /Account a: experience is 0.000007, and recomputed 1\./,
  ],
  [
    'an amount in the journal',
    (db) =>
      db.updateTable('point_postings').set({ credit: 7 }).where('kind', '=', 'grant').where('credit', '>', 0).execute(),
    /Transfer \S+ does not sum to zero/,
  ],
  [
    'a running balance',
    (db) =>
      db
        .updateTable('point_postings')
        .set({ credit_after: 7 })
        .where('account_id', '=', 'a')
        .where('seq', '=', 2)
        .execute(),
    /Posting 2 of account a does not continue posting 1/,
  ],
  [
    'a lost transfer',
    (db) => db.deleteFrom('point_postings').where('kind', '=', 'capture').execute(),
    /1 transfers between .* have no posting/,
  ],
  [
    'an open hold',
    (db) => db.updateTable('point_holds').set({ amount: 7 }).where('status', '=', 'open').execute(),
    /Account a: held is 2, and recomputed 0.000007/,
  ],
  [
    'a captured hold',
    (db) => db.updateTable('point_holds').set({ captured: 7 }).where('status', '=', 'captured').execute(),
    /Hold \S+: it is captured, which is not what the journal says/,
  ],
  [
    'a lot',
    (db) => db.updateTable('point_lots').set({ remaining: 7 }).execute(),
    /Account a: expiring is 3, and recomputed 0.000007/,
  ],
  [
    'a refund',
    (db) => db.updateTable('point_holds').set({ refunded: 7 }).where('status', '=', 'captured').execute(),
    /Hold \S+: its refunds are not what the journal says/,
  ],
];

describeEachDatabase('verify', ({ createDb }) => {
  test.each(TAMPERINGS)('finds that %s was changed', async (_what, tamper, message) => {
    const db = await createDb();
    const { points, clock } = makePoints(db);
    await points.grant({ accountId: 'a', amount: 9 * POINT, idempotencyKey: freshKey() });
    await points.grant({ accountId: 'b', amount: 9 * POINT, idempotencyKey: freshKey() });
    const { holdId } = await points.hold({ accountId: 'a', amount: POINT, idempotencyKey: freshKey() });
    await points.capture({ holdId, idempotencyKey: freshKey() });
    await points.hold({ accountId: 'a', amount: 2 * POINT, idempotencyKey: freshKey() });
    await points.grant({
      accountId: 'a',
      amount: 3 * POINT,
      expiresAt: clock.now() + 1000,
      idempotencyKey: freshKey(),
    });
    expect(await points.verify()).toEqual({ ok: true, discrepancy: null, transfers: 6, postings: 10, accounts: 2 });
    await db.transaction((tx) => tamper(tx));
    const { ok, discrepancy } = await points.verify();
    expect(ok).toBe(false);
    expect(discrepancy).toMatch(message);
  });

  test('is not led astray by traffic', async () => {
    const { points } = makePoints(await createDb());
    for (const accountId of ['a', 'b', 'c'])
      await points.grant({ accountId, amount: 1000 * POINT, idempotencyKey: freshKey() });
    let running = true;
    const traffic = ['a', 'b', 'c'].map(async (accountId) => {
      while (running) {
        const { holdId } = await points.hold({ accountId, amount: 5, idempotencyKey: freshKey() });
        await points.capture({ holdId, amount: 3, idempotencyKey: freshKey() });
        await points.refund({ holdId, amount: 1, idempotencyKey: freshKey() });
      }
    });
    for (let round = 0; round < 20; round += 1)
      expect(await points.verify()).toMatchObject({ ok: true, discrepancy: null });
    running = false;
    await Promise.all(traffic);
  });
});
