import { expect, test } from 'vitest';
import { MAX_AMOUNT } from '../../src/points/units.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ADMIN, freshKey, makePoints, POINT } from './harness.js';

const DAY = 86_400_000;

describeEachDatabase('the ledger', ({ createDb }) => {
  test('grant, hold, capture in part, refund: every step is in the history with its balance', async () => {
    const db = await createDb();
    const { points } = makePoints(db);
    await points.grant({ accountId: 'a', amount: 10 * POINT, idempotencyKey: 'g' });
    const { holdId } = await points.hold({ accountId: 'a', amount: 6 * POINT, idempotencyKey: 'h' });
    expect(await points.balance('a')).toMatchObject({ credit: 4 * POINT, held: 6 * POINT });
    await points.capture({ holdId, amount: 5 * POINT, idempotencyKey: 'c' });
    await points.refund({ holdId, amount: 2 * POINT, idempotencyKey: 'r' });
    expect(await points.balance('a')).toMatchObject({ credit: 7 * POINT, held: 0, experience: 3 * POINT });
    const { entries, next } = await points.history('a', { order: 'oldest' });
    expect(next).toBeNull();
    expect(entries.map(({ seq, kind, balance }) => [seq, kind, balance.credit / POINT, balance.held / POINT])).toEqual([
      [1, 'grant', 10, 0],
      [2, 'hold', 4, 6],
      [3, 'capture', 5, 0],
      [4, 'refund', 7, 0],
    ]);
    expect(await points.verify()).toEqual({ ok: true, discrepancy: null, transfers: 4, postings: 7, accounts: 1 });
  });

  test('the same key with the same request changes nothing; with another one it is a conflict', async () => {
    const { points } = makePoints(await createDb());
    const grant = { accountId: 'a', amount: 5 * POINT, idempotencyKey: 'k' };
    const first = await points.grant(grant);
    expect(await points.grant(grant)).toEqual({ ...first, repeated: true });
    await expect(points.grant({ ...grant, amount: 6 * POINT })).rejects.toMatchObject({ code: 'idempotency_conflict' });
    const hold = { accountId: 'a', amount: POINT, idempotencyKey: 'k' };
    const held = await points.hold(hold);
    expect(await points.hold(hold)).toEqual({ ...held, repeated: true });
    const capture = { holdId: held.holdId, idempotencyKey: 'k' };
    const captured = await points.capture(capture);
    expect(await points.capture(capture)).toEqual({ ...captured, repeated: true });
    const refund = { holdId: held.holdId, amount: POINT, idempotencyKey: 'k' };
    const refunded = await points.refund(refund);
    expect(await points.refund(refund)).toEqual({ ...refunded, repeated: true });
    expect(await points.balance('a')).toMatchObject({ credit: 5 * POINT, held: 0, experience: 0 });
  });

  test('a hold ends once', async () => {
    const { points } = makePoints(await createDb());
    await points.grant({ accountId: 'a', amount: 5 * POINT, idempotencyKey: 'g' });
    const { holdId } = await points.hold({ accountId: 'a', amount: POINT, idempotencyKey: 'h' });
    const ends = await Promise.allSettled([
      ...Array.from({ length: 5 }, () => points.capture({ holdId, idempotencyKey: freshKey() })),
      ...Array.from({ length: 5 }, () => points.release({ holdId, idempotencyKey: freshKey() })),
    ]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'points_hold_ended' });
    }
    expect(await points.verify()).toMatchObject({ ok: true });
    await expect(points.capture({ holdId: 'none', idempotencyKey: 'x' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('too few points: says have, need, missing and the way out, and leaves no trace', async () => {
    const { points, clock } = makePoints(await createDb(), { defaultPlan: 'free' });
    await points.grant({ accountId: 'a', amount: 5 * POINT, idempotencyKey: 'g' });
    await points.hold({ accountId: 'a', amount: 100 * POINT, idempotencyKey: 'h1' });
    const error = await points.hold({ accountId: 'a', amount: 20 * POINT, idempotencyKey: 'h2' }).catch((e) => e);
    expect(error).toMatchObject({
      code: 'points_insufficient',
      message: '20 points are needed and 5 are there.',
      hint: 'Buy points at the counter.',
      details: { have: 5 * POINT, need: 20 * POINT, missing: 15 * POINT, accountId: 'a', enoughAt: null },
    });
    const api = await points
      .hold({ accountId: 'a', amount: 6 * POINT, context: 'api', idempotencyKey: 'h3' })
      .catch((e) => e);
    expect(api.hint).toBe('Only credit counts for "api", not the allowance. Buy points at the counter.');
    const { entries } = await points.history('a');
    expect(entries.map(({ kind }) => kind)).toEqual(['hold', 'accrue', 'grant']);
    // What is held counts against the cap; once it was spent, it comes back.
    const { holdId } = await points.hold({ accountId: 'a', amount: 100 * POINT, idempotencyKey: 'h1' });
    await points.capture({ holdId, idempotencyKey: 'c' });
    const later = await points.hold({ accountId: 'a', amount: 30 * POINT, idempotencyKey: 'h4' }).catch((e) => e);
    expect(later.details.enoughAt).toBe(clock.now() + DAY / 4);
  });

  test('interactive spends allowance then credit, api only credit; each returns to where it came from', async () => {
    const { points } = makePoints(await createDb(), { defaultPlan: 'free' });
    await points.grant({ accountId: 'a', amount: 50 * POINT, idempotencyKey: 'g' });
    const first = await points.hold({ accountId: 'a', amount: 120 * POINT, idempotencyKey: 'h1' });
    expect(await points.balance('a')).toMatchObject({ allowance: 0, credit: 30 * POINT, held: 120 * POINT });
    await points.capture({ holdId: first.holdId, amount: 40 * POINT, idempotencyKey: 'c1' });
    expect(await points.balance('a')).toMatchObject({ allowance: 60 * POINT, credit: 50 * POINT, held: 0 });
    await points.hold({ accountId: 'a', amount: 10 * POINT, context: 'api', idempotencyKey: 'h2' });
    expect(await points.balance('a')).toMatchObject({ allowance: 60 * POINT, credit: 40 * POINT, held: 10 * POINT });
    // A refund gives back credit before allowance.
    const third = await points.hold({ accountId: 'a', amount: 80 * POINT, idempotencyKey: 'h3' });
    await points.capture({ holdId: third.holdId, idempotencyKey: 'c3' });
    await points.refund({ holdId: third.holdId, amount: 30 * POINT, idempotencyKey: 'r3' });
    expect(await points.balance('a')).toMatchObject({ allowance: 10 * POINT, credit: 40 * POINT });
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('credit that expires goes first, soonest first, and lapses in time', async () => {
    const { points, clock } = makePoints(await createDb());
    const start = clock.now();
    const lots = [
      [3, null],
      [4, start + 2 * DAY],
      [5, start + DAY],
    ] as const;
    for (const [amount, expiresAt] of lots) {
      await points.grant({ accountId: 'a', amount: amount * POINT, expiresAt, idempotencyKey: freshKey() });
    }
    const { holdId } = await points.hold({ accountId: 'a', amount: 6 * POINT, idempotencyKey: 'h' });
    expect((await points.balance('a')).expiring).toEqual([{ amount: 3 * POINT, expiresAt: start + 2 * DAY }]);
    clock.jumpTo(start + DAY + 1);
    await points.capture({ holdId, amount: 2 * POINT, idempotencyKey: 'c' });
    // Three of the day's lot come back after its time: with the day that they were held, not lost.
    expect((await points.balance('a')).expiring).toEqual([
      { amount: 4 * POINT, expiresAt: start + 2 * DAY },
      { amount: 3 * POINT, expiresAt: start + 2 * DAY + 1 },
    ]);
    clock.jumpTo(start + 2 * DAY);
    expect(await points.balance('a')).toMatchObject({ credit: 6 * POINT });
    expect(await points.sweep()).toEqual({ expired: 1, released: 0 });
    expect((await points.history('a')).entries[0]).toMatchObject({ kind: 'expire', amount: 4 * POINT });
    clock.jumpTo(start + 3 * DAY);
    await points.grant({ accountId: 'a', amount: POINT, idempotencyKey: freshKey() });
    expect(await points.balance('a')).toMatchObject({ credit: 4 * POINT, expiring: [] });
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('a floor below zero is a credit line: debt is paid before anything becomes a lot', async () => {
    const { points, clock } = makePoints(await createDb());
    await points.accounts.setFloor('a', -10 * POINT, ADMIN);
    const { holdId } = await points.hold({ accountId: 'a', amount: 8 * POINT, idempotencyKey: 'h' });
    await points.capture({ holdId, idempotencyKey: 'c' });
    expect(await points.balance('a')).toMatchObject({ credit: -8 * POINT });
    await expect(points.hold({ accountId: 'a', amount: 3 * POINT, idempotencyKey: 'h2' })).rejects.toMatchObject({
      code: 'points_insufficient',
    });
    await expect(
      points.transfer({ fromAccountId: 'a', toAccountId: 'b', amount: 1, idempotencyKey: 't' }),
    ).rejects.toMatchObject({ code: 'points_insufficient' });
    await expect(points.accounts.setFloor('a', 0, ADMIN)).rejects.toMatchObject({ code: 'request_invalid' });
    const expiresAt = clock.now() + DAY;
    await points.grant({ accountId: 'a', amount: 10 * POINT, expiresAt, idempotencyKey: 'g' });
    expect(await points.balance('a')).toMatchObject({
      credit: 2 * POINT,
      expiring: [{ amount: 2 * POINT, expiresAt }],
    });
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('a capture takes more than the hold only where an overdraft is allowed, and never below the floor', async () => {
    const db = await createDb();
    const strict = makePoints(db).points;
    const lax = makePoints(db, { overdraft: true }).points;
    await strict.grant({ accountId: 'a', amount: 10 * POINT, idempotencyKey: 'g' });
    const first = await strict.hold({ accountId: 'a', amount: 4 * POINT, idempotencyKey: 'h1' });
    expect(await strict.capture({ holdId: first.holdId, amount: 7 * POINT, idempotencyKey: 'c1' })).toMatchObject({
      amount: 4 * POINT,
    });
    const second = await lax.hold({ accountId: 'a', amount: 4 * POINT, idempotencyKey: 'h2' });
    expect(await lax.capture({ holdId: second.holdId, amount: 7 * POINT, idempotencyKey: 'c2' })).toMatchObject({
      amount: 6 * POINT,
    });
    expect(await lax.balance('a')).toMatchObject({ credit: 0, held: 0, experience: 10 * POINT });
    await lax.refund({ holdId: second.holdId, idempotencyKey: 'r' });
    await expect(lax.refund({ holdId: second.holdId, amount: 1, idempotencyKey: 'r2' })).rejects.toMatchObject({
      code: 'points_refund_excessive',
    });
    expect(await lax.verify()).toMatchObject({ ok: true });
  });

  test('transfers keep the time of expiry, in either direction at once', async () => {
    const { points, clock } = makePoints(await createDb());
    const expiresAt = clock.now() + DAY;
    await points.grant({ accountId: 'a', amount: 20 * POINT, expiresAt, idempotencyKey: 'g1' });
    await points.grant({ accountId: 'b', amount: 20 * POINT, idempotencyKey: 'g2' });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        points.transfer({
          fromAccountId: index % 2 === 0 ? 'a' : 'b',
          toAccountId: index % 2 === 0 ? 'b' : 'a',
          amount: POINT,
          idempotencyKey: freshKey(),
        }),
      ),
    );
    const [a, b] = [await points.balance('a'), await points.balance('b')];
    expect([a.credit, b.credit]).toEqual([20 * POINT, 20 * POINT]);
    const expiring = [...a.expiring, ...b.expiring];
    expect(expiring.every((lot) => lot.expiresAt === expiresAt)).toBe(true);
    expect(expiring.reduce((sum, lot) => sum + lot.amount, 0)).toBe(20 * POINT);
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('a key of a hold is the spender’s, whoever pays by now', async () => {
    const { points } = makePoints(await createDb());
    await points.accounts.addMember('group', 'ann', ADMIN);
    for (const accountId of ['group', 'ann', 'bob']) {
      await points.grant({ accountId, amount: 5 * POINT, idempotencyKey: `g-${accountId}` });
    }
    const request = { accountId: 'ann', amount: POINT, groupId: 'group', idempotencyKey: 'k' };
    const [first, second] = await Promise.all([points.hold(request), points.hold(request)]);
    expect([first.repeated, second.repeated].sort()).toEqual([false, true]);
    expect(second.holdId).toBe(first.holdId);
    // Not the same request any more: it would be paid by ann herself.
    const { groupId: _, ...alone } = request;
    await expect(points.hold(alone)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    // A repeated request is answered although the group would refuse a new one.
    await points.accounts.removeMember('group', 'ann', ADMIN);
    expect(await points.hold(request)).toMatchObject({ repeated: true, holdId: first.holdId, accountId: 'group' });
    // Another spender's key is another key.
    expect(await points.hold({ ...alone, accountId: 'bob' })).toMatchObject({ repeated: false });
    expect((await points.balance('group')).held).toBe(POINT);
    expect((await points.balance('ann')).held).toBe(0);
  });

  test('a group pays by its policy, for members only', async () => {
    const { points } = makePoints(await createDb());
    await points.accounts.addMember('group', 'ann', ADMIN);
    await points.grant({ accountId: 'group', amount: 5 * POINT, idempotencyKey: 'g1' });
    await points.grant({ accountId: 'ann', amount: 5 * POINT, idempotencyKey: 'g2' });
    const pays = async (payer: 'house' | 'ghost' | 'member', amount: number) => {
      await points.accounts.setPayer('group', payer, ADMIN);
      const hold = points.hold({
        accountId: 'ann',
        amount: amount * POINT,
        groupId: 'group',
        idempotencyKey: freshKey(),
      });
      const { holdId, accountId } = await hold;
      await points.release({ holdId, idempotencyKey: freshKey() });
      return accountId;
    };
    expect(await pays('house', 3)).toBe('group');
    await expect(pays('house', 6)).rejects.toMatchObject({
      code: 'points_insufficient',
      details: { accountId: 'group' },
    });
    expect(await pays('member', 3)).toBe('ann');
    expect(await pays('ghost', 3)).toBe('group');
    await points.grant({ accountId: 'ann', amount: 5 * POINT, idempotencyKey: 'g3' });
    expect(await pays('ghost', 8)).toBe('ann');
    await points.grant({ accountId: 'group', amount: 10 * POINT, idempotencyKey: 'g4' });
    expect(await pays('member', 12)).toBe('group');
    await expect(
      points.hold({ accountId: 'bob', amount: 1, groupId: 'group', idempotencyKey: 'x' }),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('budgets bound an account and its keys per day, month and run', async () => {
    const { points, clock } = makePoints(await createDb());
    await points.grant({ accountId: 'a', amount: 1000 * POINT, idempotencyKey: 'g' });
    const budget = (budgetKey: string | null, period: 'day' | 'month' | 'run', amount: number | null) =>
      points.accounts.setBudget(
        { accountId: 'a', budgetKey, period, amount: amount === null ? null : amount * POINT },
        ADMIN,
      );
    await budget('k', 'day', 10);
    await budget(null, 'month', 25);
    await budget(null, 'run', 4);
    const hold = (amount: number, more: { budgetKey?: string; runId?: string } = {}) =>
      points.hold({ accountId: 'a', amount: amount * POINT, idempotencyKey: freshKey(), ...more });
    const first = await hold(8, { budgetKey: 'k' });
    await expect(hold(3, { budgetKey: 'k' })).rejects.toMatchObject({
      code: 'points_budget_exceeded',
      details: { budgetKey: 'k', period: 'day', limit: 10 * POINT, spent: 8 * POINT, need: 3 * POINT },
    });
    await points.capture({ holdId: first.holdId, amount: 5 * POINT, idempotencyKey: 'c' });
    await hold(3, { budgetKey: 'k' });
    await hold(4, { runId: 'run' });
    await expect(hold(1, { runId: 'run' })).rejects.toMatchObject({ details: { period: 'run' } });
    clock.jumpTo(clock.now() + DAY);
    await hold(10, { budgetKey: 'k' });
    await expect(hold(4)).rejects.toMatchObject({ details: { period: 'month', spent: 22 * POINT } });
    await budget(null, 'month', null);
    await hold(4);
    const audit = await points.audit({ accountId: 'a' });
    expect(audit.map(({ action }) => action)).toEqual(['set_budget', 'set_budget', 'set_budget', 'set_budget']);
  });

  test('what administrators do is kept with actor and reason', async () => {
    const { points } = makePoints(await createDb());
    const authority = { actor: 'ann', reason: 'goodwill, ticket 7' };
    const { transferId } = await points.grant({ accountId: 'a', amount: POINT, idempotencyKey: 'g', authority });
    await points.revoke({ accountId: 'a', amount: 1, idempotencyKey: 'r', authority });
    await points.grant({ accountId: 'a', amount: POINT, idempotencyKey: 'shop' });
    expect(await points.audit()).toMatchObject([
      { action: 'revoke', ...authority },
      { action: 'grant', ...authority, transferId, details: { amount: POINT, bucket: 'credit' } },
    ]);
    await expect(
      points.grant({ accountId: 'a', amount: 1, idempotencyKey: 'x', authority: { actor: 'ann', reason: ' ' } }),
    ).rejects.toMatchObject({ code: 'request_invalid', details: { field: 'authority.reason' } });
    expect(await points.balance('a')).toMatchObject({ credit: 2 * POINT - 1 });
  });

  test('holds that nobody ends are released when their time is over', async () => {
    const { points, clock } = makePoints(await createDb());
    await points.grant({ accountId: 'a', amount: 5 * POINT, idempotencyKey: 'g' });
    await points.hold({ accountId: 'a', amount: 5 * POINT, idempotencyKey: 'h' });
    expect(await points.sweep()).toEqual({ expired: 0, released: 0 });
    clock.jumpTo(clock.now() + DAY);
    expect(await points.sweep()).toEqual({ expired: 0, released: 1 });
    expect(await points.balance('a')).toMatchObject({ credit: 5 * POINT, held: 0 });
  });

  test.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_AMOUNT + 1])(
    'refuses the amount %s',
    async (amount) => {
      const { points } = makePoints(await createDb());
      const refused = { code: 'request_invalid' };
      await expect(points.grant({ accountId: 'a', amount, idempotencyKey: 'k' })).rejects.toMatchObject(refused);
      await expect(points.hold({ accountId: 'a', amount, idempotencyKey: 'k' })).rejects.toMatchObject(refused);
    },
  );

  test('refuses a balance that would grow out of exact numbers, and names of the house', async () => {
    const { points } = makePoints(await createDb());
    await points.grant({ accountId: 'a', amount: MAX_AMOUNT, idempotencyKey: 'k' });
    await expect(points.grant({ accountId: 'a', amount: 1, idempotencyKey: 'k2' })).rejects.toMatchObject({
      code: 'request_invalid',
    });
    await expect(points.grant({ accountId: 'house:x', amount: 1, idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'request_invalid',
    });
    expect(await points.verify()).toMatchObject({ ok: true });
  });
});
