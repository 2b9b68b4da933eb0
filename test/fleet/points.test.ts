import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { BackendError } from '../../src/core/errors.js';
import { Points } from '../../src/points/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { ACCOUNT, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { freshKey, POINT, SETTINGS } from '../points/harness.js';

describeEachDatabase('retries and points', ({ createDb }) => {
  const nodes = useNodes();

  test('however often it is tried, it is held once and charged once', async () => {
    const db = await createDb();
    const settings = { ...SETTINGS, prices: [{ workflow: '*', flat: 2 }] };
    const points = new Points({ db, clock: systemClock, settings });
    await points.grant({ accountId: ACCOUNT, amount: 5 * POINT, idempotencyKey: freshKey() });
    const backends = ['a', 'b'].map((id) => new FakeBackend({ id }));
    const { generations } = await nodes.node(db, {
      backends: backends.map((backend) => ({ backend })),
      billing: points.billing,
    });
    const refuse = new BackendError('backend_failed', 'It answered 500.');
    const ends = [
      { outcome: 'failed' as const, error: new BackendError('backend_failed', 'boom').toInfo() },
      { outcome: 'interrupted' as const },
      {},
    ];
    for (const backend of backends) backend.script({ refuse }, 'lose', 'accept-unanswered');
    const { id } = await generations.submit(request({ idempotencyKey: 'k' }));
    const ended = new Set<string>();
    for (const end of ends) {
      await expect
        .poll(() => backends.flatMap(({ accepted }) => accepted).length, { timeout: 10_000 })
        .toBe(ended.size + 1);
      // The same request again, at any time, is the same generation and holds nothing more.
      expect((await generations.submit(request({ idempotencyKey: 'k' }))).id).toBe(id);
      expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 3 * POINT, held: 2 * POINT });
      for (const backend of backends) {
        const attemptId = backend.accepted.find((accepted) => !ended.has(accepted));
        if (attemptId === undefined) continue;
        ended.add(attemptId);
        backend.finish(attemptId, end);
      }
    }
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 3 });
    const { entries } = await points.history(ACCOUNT, { generationId: id, order: 'oldest' });
    expect(entries.map(({ kind }) => kind)).toEqual(['hold', 'capture']);
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 3 * POINT, held: 0 });
    expect(await points.verify()).toMatchObject({ ok: true });
  });
});
