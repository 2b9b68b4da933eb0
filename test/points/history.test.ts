import { expect, test } from 'vitest';
import { describeEachDatabase } from '../helpers/databases.js';
import { freshKey, makePoints, POINT } from './harness.js';

const DAY = 86_400_000;
const NOVEMBER = Date.UTC(2026, 10, 1);

describeEachDatabase('the history of points', ({ createDb }) => {
  test('is paged in both directions, without gaps or repeats, whatever is added meanwhile', async () => {
    const { points } = makePoints(await createDb());
    for (let index = 1; index <= 25; index += 1) {
      await points.grant({ accountId: 'a', amount: index, idempotencyKey: freshKey() });
    }
    const seen: number[] = [];
    let cursor: number | null | undefined;
    while (cursor !== null) {
      const page = await points.history('a', { limit: 10, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.entries.map(({ seq }) => seq));
      cursor = page.next;
      await points.grant({ accountId: 'a', amount: 1, idempotencyKey: freshKey() });
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index));
    const forward = await points.history('a', { limit: 10, order: 'oldest', cursor: 20 });
    expect(forward.entries.map(({ seq }) => seq)).toEqual([21, 22, 23, 24, 25, 26, 27, 28]);
    expect(await points.history('nobody')).toEqual({ entries: [], next: null });
  });

  test('is filtered by kind, generation and period, also when the clock went back', async () => {
    const { points, clock } = makePoints(await createDb());
    clock.jumpTo(NOVEMBER - 1);
    await points.grant({ accountId: 'a', amount: POINT, idempotencyKey: freshKey() });
    clock.jumpTo(NOVEMBER);
    await points.grant({ accountId: 'a', amount: 2 * POINT, idempotencyKey: freshKey() });
    // The clock is corrected: what comes now is written down with the time of the line before.
    clock.jumpTo(NOVEMBER - DAY);
    const { holdId } = await points.hold({ accountId: 'a', amount: POINT, idempotencyKey: 'h' });
    clock.jumpTo(NOVEMBER + DAY);
    await points.capture({ holdId, idempotencyKey: 'c' });
    clock.jumpTo(Date.UTC(2026, 11, 1));
    await points.grant({ accountId: 'a', amount: 3 * POINT, idempotencyKey: freshKey() });

    const seqs = async (filter: Parameters<typeof points.history>[1]) =>
      (await points.history('a', filter)).entries.map(({ seq }) => seq);
    expect(await seqs({ kind: 'grant' })).toEqual([5, 2, 1]);
    expect(await seqs({ from: NOVEMBER })).toEqual([5, 4, 3, 2]);
    expect(await seqs({ to: NOVEMBER })).toEqual([1]);
    expect(await seqs({ from: NOVEMBER, to: NOVEMBER + DAY, order: 'oldest' })).toEqual([2, 3]);
    expect(await seqs({ from: Date.UTC(2030, 0, 1) })).toEqual([]);
    expect(await seqs({ generationId: 'none' })).toEqual([]);

    expect(await points.statement('a', '2026-11')).toEqual({
      accountId: 'a',
      month: '2026-11',
      opening: { allowance: 0, credit: POINT, held: 0 },
      closing: { allowance: 0, credit: 2 * POINT, held: 0 },
      totals: {
        grant: { count: 1, allowance: 0, credit: 2 * POINT, held: 0 },
        hold: { count: 1, allowance: 0, credit: -POINT, held: POINT },
        capture: { count: 1, allowance: 0, credit: 0, held: -POINT },
      },
    });
    const empty = await points.statement('a', '2027-01');
    expect(empty).toMatchObject({ opening: empty.closing, totals: {} });
    await expect(points.statement('a', '2026-13')).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('is exported as CSV and JSON', async () => {
    const { points, clock } = makePoints(await createDb());
    const text = async (format: 'csv' | 'json') => {
      let all = '';
      for await (const piece of points.export('a', format)) all += piece;
      return all;
    };
    expect(await text('json')).toBe('[]\n');
    clock.jumpTo(NOVEMBER);
    await points.grant({ accountId: 'a', amount: 1_500_000, idempotencyKey: 'g' });
    await points.hold({ accountId: 'a', amount: 1, idempotencyKey: 'h' });
    const { entries } = await points.history('a', { order: 'oldest' });
    expect(JSON.parse(await text('json'))).toEqual(entries);
    const [grant, hold] = entries;
    expect(await text('csv')).toBe(
      [
        'seq,time,kind,amount,allowance,credit,held,allowance_after,credit_after,held_after,generation_id,hold_id,transfer_id',
        `1,2026-11-01T00:00:00.000Z,grant,1.5,0,1.5,0,0,1.5,0,,,${grant?.transferId}`,
        `2,2026-11-01T00:00:00.000Z,hold,0.000001,0,-0.000001,0.000001,0,1.499999,0.000001,,${hold?.holdId},${hold?.transferId}`,
        '',
      ].join('\r\n'),
    );
  });
});
