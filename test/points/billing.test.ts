import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { BackendError } from '../../src/core/errors.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db, DbTransaction } from '../../src/db/index.js';
import { Generations } from '../../src/generations/index.js';
import { Points, type PointsSettings } from '../../src/points/index.js';
import { ACCOUNT, GRAPH, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ADMIN, freshKey, POINT, SETTINGS } from './harness.js';

const FLAT = { prices: [{ workflow: '*', flat: 2 }] };
const METERED = {
  prices: [{ workflow: '*', flat: 1, perSecond: 1000, perOutput: 1, minimum: 3, coldStartSeconds: 0.02 }],
  margin: 2,
};

describeEachDatabase('generations with prices', ({ createDb, createDatabase, dialect }) => {
  const nodes = useNodes();
  const pointsOn = (db: Db, settings: Partial<PointsSettings>) =>
    new Points({ db, clock: systemClock, settings: { ...SETTINGS, ...settings } });
  const grant = (points: Points, accountId: string, amount: number) =>
    points.grant({ accountId, amount: amount * POINT, idempotencyKey: freshKey() });
  const kinds = async (points: Points) =>
    (await points.history(ACCOUNT, { order: 'oldest' })).entries.map(({ kind, amount }) => [kind, amount / POINT]);

  test('a success is captured, a failure and a cancel are released', async () => {
    const db = await createDb();
    const points = pointsOn(db, FLAT);
    await grant(points, ACCOUNT, 5);
    const { generations, backend } = await nodes.node(db, { billing: points.billing });

    const done = await generations.submit(request());
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 3 * POINT, held: 2 * POINT });
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!);
    await generations.wait(done.id, ACCOUNT);
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 3 * POINT, held: 0, experience: 2 * POINT });

    backend.script({ refuse: new BackendError('backend_rejected_graph', 'No.') });
    const failed = await generations.submit(request());
    expect((await generations.wait(failed.id, ACCOUNT)).status).toBe('failed');

    const cancelled = await generations.submit(request());
    await backend.whenAccepted(2);
    await generations.cancel(cancelled.id, ACCOUNT);
    expect((await generations.wait(cancelled.id, ACCOUNT)).status).toBe('cancelled');

    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 3 * POINT, held: 0 });
    expect(await kinds(points)).toEqual([
      ['grant', 5],
      ['hold', 2],
      ['capture', 2],
      ['hold', 2],
      ['release', 2],
      ['hold', 2],
      ['release', 2],
    ]);
    const { entries } = await points.history(ACCOUNT, { generationId: failed.id });
    expect(entries.map(({ kind, note }) => [kind, note?.['outcome']])).toEqual([
      ['release', 'failed'],
      ['hold', undefined],
    ]);
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('too few points refuse the submit, and nothing of it remains', async () => {
    const db = await createDb();
    const points = pointsOn(db, FLAT);
    await grant(points, ACCOUNT, 3);
    const { generations } = await nodes.node(db, { billing: points.billing });
    await generations.submit(request());
    await expect(generations.submit(request({ idempotencyKey: 'k' }))).rejects.toMatchObject({
      code: 'points_insufficient',
      details: { have: POINT, need: 2 * POINT, missing: POINT },
    });
    expect(await generations.list({ accountId: ACCOUNT })).toHaveLength(1);
    // The same request goes through once there are points.
    await grant(points, ACCOUNT, 1);
    const first = await generations.submit(request({ idempotencyKey: 'k' }));
    expect((await generations.submit(request({ idempotencyKey: 'k' }))).id).toBe(first.id);
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 0, held: 4 * POINT });
  });

  test('time and outputs are charged as they were, by the terms of the submit, at most the hold', async () => {
    const db = await createDb();
    const points = pointsOn(db, METERED);
    await grant(points, ACCOUNT, 1000);
    const { generations, backend } = await nodes.node(db, { billing: points.billing });
    expect(await points.estimate({ graph: GRAPH })).toEqual({
      p50: 22 * POINT,
      p90: 22 * POINT,
      hold: 44 * POINT,
      samples: 0,
      note: 'Cold start: 0 earlier runs, so 0.02 s of run time are assumed.',
    });
    const run = async (runMs: number, outputs: number) => {
      const before = await points.balance(ACCOUNT);
      const { id } = await generations.submit(request());
      await backend.whenAccepted(backend.accepted.length + 1);
      const files = Array.from({ length: outputs }, (_, index) =>
        backend.addFile(`${id}-${index}.png`, Buffer.from(`${id}${index}`)),
      );
      backend.finish(backend.accepted.at(-1)!, { runMs, outputs: files });
      await generations.wait(id, ACCOUNT);
      return (before.credit - (await points.balance(ACCOUNT)).credit) / POINT;
    };
    expect(await run(10, 1)).toBe(12);
    expect(await run(10, 3)).toBe(14);
    // Next to nothing done, nothing made: the minimum.
    expect(await run(0, 0)).toBe(3);
    expect(await run(500, 1)).toBe(44);
    expect(await points.verify()).toMatchObject({ ok: true });
    const holds = await db.kysely.selectFrom('point_holds').select(['status', 'run_ms']).orderBy('id').execute();
    expect(holds.map(({ status, run_ms: runMs }) => [status, runMs])).toEqual(
      [10, 10, 0, 500].map((ms) => ['captured', ms]),
    );
  });

  test('a cancel of running work may cost the time that it took', async () => {
    const db = await createDb();
    const points = pointsOn(db, {
      prices: [{ workflow: '*', flat: 5, perSecond: 1_000_000, coldStartSeconds: 1 }],
      cancelled: 'run-time',
    });
    await grant(points, ACCOUNT, 10_000_000);
    const { generations, backend } = await nodes.node(db, { billing: points.billing });
    const { id } = await generations.submit(request());
    const started = generations.events(id, ACCOUNT);
    for await (const event of started) if (event.type === 'started') break;
    await generations.cancel(id, ACCOUNT);
    await generations.wait(id, ACCOUNT);
    const [last] = (await points.history(ACCOUNT)).entries;
    expect(last).toMatchObject({ generationId: id, note: { outcome: 'cancelled_running' } });
    expect(backend.calls.submit).toBe(1);
    // Waiting work costs nothing in any case.
    backend.healthState = 'unreachable';
    expect(await points.verify()).toMatchObject({ ok: true });
  });

  test('limits of a plan are refused before anything is held; perks go by plan and tier', async () => {
    const db = await createDb();
    const points = pointsOn(db, {
      ...FLAT,
      defaultPlan: 'small',
      plans: {
        small: { allowance: 0, allowancePerDay: 0, perks: { watermark: true, maxMegapixels: 0.004, maxBatch: 1 } },
      },
      tiers: [{ name: 'gold', experience: 2, multiplier: 0.5, perks: { watermark: false, maxMegapixels: 1 } }],
    });
    await grant(points, ACCOUNT, 10);
    const { generations, backend } = await nodes.node(db, { billing: points.billing });
    backend.autoFinish = () => [];
    await expect(generations.submit(request())).rejects.toMatchObject({
      code: 'points_plan_limit',
      details: { perk: 'maxMegapixels', limit: 0.004, asked: 0.004096 },
    });
    const small = {
      ...GRAPH,
      '1': { class_type: 'EmptyImage', inputs: { width: 63, height: 63, batch_size: 1, color: 0 } },
    };
    expect(await points.perks(ACCOUNT)).toMatchObject({ watermark: true });
    const { id } = await generations.submit(request({ graph: small }));
    await generations.wait(id, ACCOUNT);
    expect(await points.perks(ACCOUNT)).toMatchObject({ watermark: false, maxMegapixels: 1, maxBatch: 1 });
    expect(await points.balance(ACCOUNT)).toMatchObject({ tier: 'gold' });
    const second = await generations.submit(request());
    await generations.wait(second.id, ACCOUNT);
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 7 * POINT, experience: 3 * POINT });
  });

  test('a group pays, within the budget of the key', async () => {
    const db = await createDb();
    const points = pointsOn(db, FLAT);
    await grant(points, 'group', 100);
    await points.accounts.setPayer('group', 'house', ADMIN);
    await points.accounts.addMember('group', ACCOUNT, ADMIN);
    await points.accounts.setBudget({ accountId: ACCOUNT, budgetKey: 'k', period: 'day', amount: 5 * POINT }, ADMIN);
    const { generations, backend } = await nodes.node(db, { billing: points.billing });
    backend.autoFinish = () => [];
    const billing = { groupId: 'group', budgetKey: 'k' };
    for (let index = 0; index < 2; index += 1) {
      const { id } = await generations.submit(request({ billing }));
      await generations.wait(id, ACCOUNT);
    }
    await expect(generations.submit(request({ billing }))).rejects.toMatchObject({ code: 'points_budget_exceeded' });
    await expect(generations.submit(request({ billing: { context: 'api' } }))).rejects.toMatchObject({
      code: 'points_insufficient',
    });
    expect(await points.balance('group')).toMatchObject({ credit: 96 * POINT, held: 0, experience: 4 * POINT });
    expect(await points.balance(ACCOUNT)).toMatchObject({ experience: 0 });
  });

  test('what is free runs no statement', async () => {
    const db = await createDb();
    const points = pointsOn(db, {
      prices: [
        { workflow: 'paid', flat: 1 },
        { workflow: '*', flat: 0 },
      ],
    });
    const untouchable = new Proxy({}, { get: () => expect.fail('a statement was run') }) as DbTransaction;
    await points.billing.hold(untouchable, {
      id: newId(),
      accountId: ACCOUNT,
      workflowName: null,
      lane: 'interactive',
      graph: GRAPH,
      billing: {},
    });
    expect(await points.estimate({})).toMatchObject({ hold: 0 });
    const { generations, backend } = await nodes.node(db, { billing: points.billing });
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request());
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(await db.kysely.selectFrom('point_accounts').selectAll().execute()).toEqual([]);
  });

  test('holds of generations that ended without billing are released by the sweep', async () => {
    const db = await createDb();
    const points = pointsOn(db, FLAT);
    await grant(points, ACCOUNT, 10);
    const submitter = await nodes.node(db, { billing: points.billing });
    submitter.backend.healthState = 'unreachable';
    const { id } = await submitter.generations.submit(request());
    await submitter.generations.stop();
    expect(await points.sweep()).toEqual({ expired: 0, released: 0 });
    const free = await nodes.node(db);
    free.backend.autoFinish = () => [];
    await free.generations.wait(id, ACCOUNT);
    expect(await points.sweep()).toEqual({ expired: 0, released: 1 });
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: 10 * POINT, held: 0 });
  });

  test('200 submits at once against points for 50: exactly 50 are accepted', async () => {
    const database = await createDatabase();
    // Two nodes, each with connections of its own; SQLite has one process, so one.
    const dbs = await Promise.all(Array.from({ length: dialect === 'postgres' ? 2 : 1 }, () => database.open()));
    const fleet = dbs.map((db) => {
      const points = pointsOn(db, FLAT);
      const { billing } = points;
      const media = null as never;
      const generations = new Generations({
        db,
        media,
        clock: systemClock,
        logger: silentLogger,
        backends: [],
        instance: newId(),
        billing,
      });
      return { points, generations };
    });
    const { points } = fleet[0]!;
    await grant(points, ACCOUNT, 101);
    const submits = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => fleet[index % fleet.length]!.generations.submit(request())),
    );
    const refused = submits.filter((submit) => submit.status === 'rejected');
    expect(submits.length - refused.length).toBe(50);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'points_insufficient' });
    expect(await points.balance(ACCOUNT)).toMatchObject({ credit: POINT, held: 100 * POINT });
    const rows = await dbs[0]!.kysely.selectFrom('generations').select('id').execute();
    expect(rows).toHaveLength(50);
    expect(await points.verify()).toMatchObject({ ok: true });
  });
});
