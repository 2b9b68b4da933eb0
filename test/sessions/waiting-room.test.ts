import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { ownedGenerations, type WaitingLimits, WaitingRoom } from '../../src/generations/index.js';
import { Sessions } from '../../src/sessions/index.js';
import { backendRow } from '../db/rows.js';
import { request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ann, SETTINGS } from './harness.js';

function room(more: {
  readonly account?: WaitingLimits;
  readonly session?: WaitingLimits;
  readonly guest?: WaitingLimits;
  readonly plan?: WaitingLimits;
}) {
  const { account = {}, session = {}, guest = {}, plan = {} } = more;
  return new WaitingRoom({ clock: systemClock, account, session, guest, planOf: async () => plan });
}

const sessionsOf = (db: Db) => new Sessions({ db, clock: systemClock, logger: silentLogger, settings: SETTINGS });

const codes = (answers: readonly PromiseSettledResult<unknown>[]) =>
  answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'accepted'));
const countOf = (list: readonly string[], word: string) => list.filter((item) => item === word).length;

describeEachDatabase('the waiting room', ({ createDb, createDatabase }) => {
  const nodes = useNodes();

  test('of 200 submits at the same moment, on two nodes, exactly as many are accepted as there are places', {
    timeout: 60_000,
  }, async () => {
    const database = await createDatabase();
    const two = await Promise.all(
      [await database.open(), await database.open()].map((db) =>
        nodes.node(db, { admission: room({ account: { maxQueued: 7 } }), policy: nothingRuns }),
      ),
    );
    const answers = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => two[index % 2]!.generations.submit(request())),
    );
    expect(countOf(codes(answers), 'accepted')).toBe(7);
    expect(countOf(codes(answers), 'waiting_room_full')).toBe(193);
    const rows = await (await database.open()).kysely.selectFrom('generations').select('id').execute();
    expect(rows).toHaveLength(7);
    // Another account is not concerned.
    await two[0]!.generations.submit(request({ accountId: 'other' }));
  });

  test('of many submits from one session, as many as the session may, and the rest of the account goes on', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { admission: room({ session: { maxOpen: 3 } }), policy: nothingRuns });
    const { session } = await sessionsOf(db).getOrCreate({ ...ann, accountId: 'account-1' });
    const answers = await Promise.allSettled(
      Array.from({ length: 30 }, () => generations.submit(request({ sessionId: session.id }))),
    );
    expect(countOf(codes(answers), 'accepted')).toBe(3);
    expect(await generations.submit(request())).toMatchObject({ sessionId: null });
    const [open] = await generations.list({ accountId: 'account-1', limit: 1 });
    expect(open?.sessionId).toBeNull();
    await expect(generations.submit(request({ sessionId: session.id }))).rejects.toMatchObject({
      code: 'waiting_room_full',
      details: { scope: 'session', counts: 'open', limit: 3, queued: 3, running: 0, oldest: { position: 1 } },
    });
  });

  test('a rerun takes a place of its session as long as that lives, and then of the account alone', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { admission: room({ session: { maxOpen: 2 } }), policy: nothingRuns });
    const sessions = sessionsOf(db);
    const { session } = await sessions.getOrCreate({ ...ann, accountId: 'account-1' });
    const { id } = await generations.submit(request({ sessionId: session.id }));
    expect(await generations.rerun(id, 'account-1')).toMatchObject({ sessionId: session.id });
    await expect(generations.rerun(id, 'account-1')).rejects.toMatchObject({
      code: 'waiting_room_full',
      details: { scope: 'session' },
    });
    await sessions.remove(session.id);
    expect(await generations.rerun(id, 'account-1')).toMatchObject({ sessionId: null });
  });

  test('what runs counts with `maxOpen` and not with `maxQueued`, and a place that is left is free', async () => {
    const db = await createDb();
    const { generations, backend } = await nodes.node(db, {
      admission: room({ account: { maxQueued: 1, maxOpen: 2 } }),
    });
    const first = await generations.submit(request());
    await started(generations, first.id);
    const second = await generations.submit(request());
    await expect(generations.submit(request())).rejects.toMatchObject({
      details: { counts: 'queued', limit: 1, queued: 1, running: 1, oldest: { id: second.id, position: 1 } },
    });
    await generations.cancel(second.id, 'account-1');
    const third = await generations.submit(request());
    expect(third.status).toBe('queued');
    backend.autoFinish = () => [];
    await generations.cancel(first.id, 'account-1');
    await generations.cancel(third.id, 'account-1');
  });

  test('plans go before the configuration, and guests have limits of their own', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, {
      admission: room({ account: { maxQueued: 1 }, plan: { maxQueued: 2 }, guest: { maxOpen: 1 } }),
      policy: nothingRuns,
    });
    const accepted = async (accountId: string) =>
      countOf(
        codes(await Promise.allSettled(Array.from({ length: 6 }, () => generations.submit(request({ accountId }))))),
        'accepted',
      );
    expect(await accepted('account-1')).toBe(2);
    const { session } = await sessionsOf(db).getOrCreate(ann);
    expect(await accepted(session.accountId)).toBe(1);
  });

  test('a request that was accepted is answered again, also when there is no place left', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, {
      admission: room({ account: { maxQueued: 1 } }),
      policy: nothingRuns,
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => generations.submit(request({ idempotencyKey: 'once' }))),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    await expect(generations.submit(request({ idempotencyKey: 'twice' }))).rejects.toMatchObject({
      code: 'waiting_room_full',
    });
  });

  test('a session of somebody else, or one that is over, is none; a used one is touched', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { admission: room({}), policy: nothingRuns });
    const sessions = sessionsOf(db);
    const { session } = await sessions.getOrCreate({ ...ann, accountId: 'other' });
    await expect(generations.submit(request({ sessionId: session.id }))).rejects.toMatchObject({ code: 'not_found' });
    await generations.submit(request({ accountId: 'other', sessionId: session.id }));
    expect((await sessions.get(session.id)).touchedAt).toBeGreaterThanOrEqual(session.touchedAt);
    await sessions.remove(session.id);
    await expect(generations.submit(request({ accountId: 'other', sessionId: session.id }))).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('a guest that has become part of an account is told so; none of its submits is left behind', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { admission: room({}), policy: nothingRuns });
    const sessions = new Sessions({
      ...{ db, clock: systemClock, logger: silentLogger, settings: SETTINGS, belongings: [ownedGenerations] },
    });
    const { session } = await sessions.getOrCreate(ann);
    const { accountId } = session;
    const answers = await Promise.allSettled([
      sessions.claim(session.id, 'account-1'),
      ...Array.from({ length: 6 }, () => generations.submit(request({ accountId, sessionId: session.id }))),
    ]);
    const [claimed, ...submitted] = codes(answers);
    const rows = await db.kysely.selectFrom('generations').select('account_id').execute();
    if (claimed === 'accepted') {
      // Nobody had come in before, and nobody does after.
      expect(submitted).toEqual(submitted.map(() => 'account_merged'));
      expect(rows).toEqual([]);
    } else {
      expect(claimed).toBe('session_link_refused');
      expect(countOf(submitted, 'accepted')).toBe(6);
    }
    await Promise.all((await generations.list({ accountId })).map(({ id }) => generations.cancel(id, accountId)));
    if (claimed !== 'accepted') await sessions.claim(session.id, 'account-1');
    await expect(generations.submit(request({ accountId }))).rejects.toMatchObject({
      code: 'account_merged',
      details: { accountId: 'account-1' },
    });
  });
});

describeEachDatabase('the place in line', ({ createDb }) => {
  const nodes = useNodes();

  test('counts what is due before it, and batch work behind all interactive work', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { policy: nothingRuns });
    const batch = await generations.submit(request({ lane: 'batch' }));
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.push((await generations.submit(request())).id);
    const places = await Promise.all([...ids, batch.id].map((id) => generations.position(id, 'account-1')));
    expect(places.map((place) => place?.position)).toEqual([1, 2, 3, 4]);
    expect(places.map((place) => place?.ahead)).toEqual([0, 1, 2, 3]);
    expect(await generations.position(ids[0]!, 'other')).toBeNull();
    await generations.cancel(ids[0]!, 'account-1');
    expect(await generations.position(ids[0]!, 'account-1')).toBeNull();
    expect((await generations.position(ids[1]!, 'account-1'))?.position).toBe(1);
  });

  test('tells a time from run times that were learned, and none where nobody can run it', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { policy: nothingRuns, backends: [] });
    const [first, second] = [await generations.submit(request()), await generations.submit(request())];
    expect(await generations.position(second.id, 'account-1')).toEqual({
      ...{ position: 2, ahead: 1, etaMs: null, basis: 'none' },
    });
    const now = Date.now();
    await addBackend(db, 'one', now + 4_000);
    await addBackend(db, 'two', now + 60_000);
    expect(await generations.position(second.id, 'account-1')).toMatchObject({ basis: 'assumed' });
    await db.transaction((tx) =>
      tx
        .insertInto('dispatch_models')
        .values({ model_key: '', facts: JSON.stringify({ genMs: 10_000, runs: 5, loadMs: 0 }), updated_at: now })
        .execute(),
    );
    const near = (etaMs: number | null | undefined, expected: number) => {
      expect(etaMs).toBeGreaterThan(expected - 2_500);
      expect(etaMs).toBeLessThanOrEqual(expected);
    };
    // The first backend is free in 4 s; what is ahead takes it 10 s.
    near((await generations.position(first.id, 'account-1'))?.etaMs, 4_000);
    const place = await generations.position(second.id, 'account-1');
    near(place?.etaMs, 14_000);
    expect(place?.basis).toBe('learned');
    const pinned = await generations.submit(request({ backendId: 'two' }));
    near((await generations.position(pinned.id, 'account-1'))?.etaMs, 80_000);
  });
});

describeEachDatabase('the time in line', ({ createDb }) => {
  const nodes = useNodes();

  test('is none where every backend lacks what the generation needs', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { policy: nothingRuns, backends: [] });
    await addBackend(db, 'one', Date.now());
    const { id } = await generations.submit(request());
    expect((await generations.position(id, 'account-1'))?.etaMs).not.toBeNull();
    const { needs_key } = await db.kysely.selectFrom('generations').select('needs_key').executeTakeFirstOrThrow();
    const reason = JSON.stringify({ reason: 'models', missing: ['checkpoints/x'] });
    await db.transaction((tx) =>
      tx
        .insertInto('dispatch_refusals')
        .values({ backend_id: 'one', needs_key: needs_key ?? '', reason })
        .execute(),
    );
    expect(await generations.position(id, 'account-1')).toEqual({
      ...{ position: 1, ahead: 0, etaMs: null, basis: 'none' },
    });
  });
});

const nothingRuns = { candidates: async () => [] };

async function started(
  generations: { events(id: string, accountId: string): AsyncIterable<{ readonly type: string }> },
  id: string,
) {
  for await (const event of generations.events(id, 'account-1')) if (event.type === 'started') return;
}

async function addBackend(db: Db, id: string, busyUntil: number): Promise<void> {
  await db.transaction((tx) =>
    tx
      .insertInto('backends')
      .values({
        ...backendRow(id),
        ...{ kind: 'comfyui', lease_until: Date.now() + 600_000, state: 'ready', desired: 'active' },
        dispatch: JSON.stringify({
          ...{ recent: [], capacity: 2, loraKey: '', speed: 1, io: 1, busyUntil, runsInteractive: true },
        }),
      })
      .execute(),
  );
}
