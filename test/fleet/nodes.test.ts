import { expect, test, vi } from 'vitest';
import { StorageError } from '../../src/core/errors.js';
import { newId } from '../../src/core/ids.js';
import type { Db } from '../../src/db/index.js';
import { FakeBackend, Latch } from '../../src/testing/index.js';
import { ACCOUNT, collect, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ELSEWHERE, StoppableClock } from './support.js';

const QUICK = { leaseMs: 300, tickMs: 30 };

describeEachDatabase('many nodes', ({ createDatabase }) => {
  const nodes = useNodes();
  const managed = (backends: readonly FakeBackend[]) => backends.map((backend) => ({ backend }));
  /** Nodes of one test share a process, and would each take the other for the dead predecessor of itself. */
  const named = (owner: string) => ({ owner, isAlive: () => true });
  const owners = async (db: Db) => {
    const rows = await db.kysely.selectFrom('backends').select(['id', 'owner_node']).orderBy('id').execute();
    return rows.map((row) => row.owner_node);
  };
  const spread = async (db: Db) => {
    const counts = new Map<string | null, number>();
    for (const owner of await owners(db)) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return [...counts.values()].sort();
  };

  test('share the backends, also when one comes later, and take over what one that stops leaves', async () => {
    const database = await createDatabase();
    const backends = ['a', 'b', 'c', 'd'].map((id) => new FakeBackend({ id }));
    const db = await database.open();
    const first = await nodes.node(db, {
      backends: managed(backends),
      timing: { tickMs: 30 },
      identity: named('first'),
    });
    await expect.poll(() => spread(db)).toEqual([4]);
    const second = await nodes.node(await database.open(), {
      backends: managed(backends),
      timing: { tickMs: 30 },
      identity: named('second'),
    });
    await expect.poll(() => spread(db), { timeout: 5_000 }).toEqual([2, 2]);
    await second.generations.stop();
    await expect.poll(() => spread(db), { timeout: 5_000 }).toEqual([4]);
    expect(new Set(await owners(db)).size).toBe(1);
    await first.generations.stop();
    expect(new Set(await owners(db))).toEqual(new Set([null]));
  });

  test('a backend is handed over between two jobs, and none is lost or run twice', async () => {
    const database = await createDatabase();
    const backends = ['a', 'b', 'c', 'd'].map((id) => new FakeBackend({ id }));
    for (const backend of backends) backend.autoFinish = () => [];
    const db = await database.open();
    const first = await nodes.node(db, {
      backends: managed(backends),
      timing: { tickMs: 30 },
      identity: named('first'),
    });
    await expect.poll(() => spread(db)).toEqual([4]);
    const second = await nodes.node(await database.open(), {
      backends: managed(backends),
      timing: { tickMs: 30 },
      identity: named('second'),
      mediaRoot: first.mediaRoot,
    });
    const ids: string[] = [];
    while ((await spread(db)).join() !== '2,2' || ids.length < 40)
      ids.push((await first.generations.submit(request())).id);
    for (const id of ids) expect((await second.generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(backends.reduce((sum, { calls }) => sum + calls.submit, 0)).toBe(ids.length);
  });

  test('work without notifications, only slower', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const db = await database.open();
    const other = await database.open();
    for (const feed of [db.changes, other.changes]) vi.spyOn(feed, 'publish').mockImplementation(() => {});
    const { generations } = await nodes.node(db, { backend, timing: QUICK });
    await backend.start();
    const submitter = await nodes.node(other, { backends: [] });
    const { id } = await submitter.generations.submit(request());
    await backend.whenAccepted(1);
    await submitter.generations.cancel(id, ACCOUNT);
    expect((await submitter.generations.wait(id, ACCOUNT)).status).toBe('cancelled');
    expect((await generations.get(id, ACCOUNT)).error?.details).toEqual({ verified: true });
  });

  test('a lease that was taken although the answer to COMMIT was lost runs out, and is taken anew', async () => {
    const db = await (await createDatabase()).open();
    const backend = new FakeBackend();
    const transaction = db.transaction.bind(db);
    let losesAnswer = true;
    vi.spyOn(db, 'transaction').mockImplementation(async (...args) => {
      const result: unknown = await transaction(...args);
      if (losesAnswer && typeof result === 'object' && result !== null && 'untilMs' in result) {
        losesAnswer = false;
        throw new StorageError('database_unavailable', 'The connection was lost.');
      }
      return result as never;
    });
    const { generations } = await nodes.node(db, { backend, timing: QUICK });
    await generations.submit(request());
    await backend.whenAccepted(1);
    expect(losesAnswer).toBe(false);
  });

  test('one that was stopped past its lease cancels nothing of its successor when it goes on', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const clock = new StoppableClock();
    const first = await nodes.node(await database.open(), {
      backend,
      clock,
      timing: QUICK,
      limits: { silenceMs: 400, cancelMs: 100 },
    });
    const { id } = await first.generations.submit(request());
    await backend.whenAccepted(1);
    const db = await database.open();
    await expect
      .poll(async () => (await db.kysely.selectFrom('attempts').select('status').executeTakeFirst())?.status)
      .toBe('running');
    clock.stop();
    const stoppedAt = Date.now();
    const second = await nodes.node(db, { backend, mediaRoot: first.mediaRoot, timing: { tickMs: 30 } });
    await expect.poll(() => owners(db)).not.toContain(null);
    // Its lease and every limit that it knows of have passed; the look that goes on is its own.
    await expect.poll(() => Date.now() - stoppedAt, { timeout: 5_000 }).toBeGreaterThan(1_000);
    clock.goOn();
    await expect.poll(async () => (await db.kysely.selectFrom('nodes').selectAll().execute()).length).toBe(2);
    backend.finish(backend.accepted[0]!);
    expect(await second.generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(backend.calls).toMatchObject({ cancel: 0, submit: 1 });
    const events = await collect(second.generations.events(id, ACCOUNT, { live: false }));
    expect(events.map((event) => event.type)).toEqual(['queued', 'started', 'collecting', 'succeeded']);
  });

  test('one that was stopped before it sent does not send when it goes on', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const clock = new StoppableClock();
    const gate = new Latch();
    const first = await nodes.node(await database.open(), {
      backend,
      clock,
      timing: QUICK,
      async probe(point) {
        if (point === 'marked-sent') await gate.pass();
      },
    });
    const { id } = await first.generations.submit(request());
    await gate.reached;
    clock.stop();
    const db = await database.open();
    const stoppedAt = Date.now();
    const second = await nodes.node(db, { backend, mediaRoot: first.mediaRoot, timing: { tickMs: 30 } });
    await backend.whenAccepted(1);
    await expect.poll(() => Date.now() - stoppedAt, { timeout: 5_000 }).toBeGreaterThan(QUICK.leaseMs);
    clock.goOn();
    gate.open();
    backend.finish(backend.accepted[0]!);
    expect((await second.generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    await first.generations.stop();
    expect(backend.calls.submit).toBe(1);
  });

  test('a run that was given up, but is there after all, is followed again and not sent a second time', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const first = await nodes.node(await database.open(), { backend });
    const { id } = await first.generations.submit(request());
    await backend.whenAccepted(1);
    await first.generations.stop();
    const db = await database.open();
    // As if its node had vanished long ago: the sweep gives the attempt up, and the generation waits again.
    await db.transaction(async (tx) => {
      await tx.updateTable('backends').set({ owner_node: ELSEWHERE, lease_until: 1 }).execute();
      await tx.updateTable('attempts').set({ claimed_at: 1 }).execute();
    });
    const watcher = await nodes.node(await database.open(), { backends: [] });
    await watcher.generations.sweep();
    expect((await watcher.generations.get(id, ACCOUNT)).status).toBe('queued');
    await db.transaction(async (tx) => {
      // Until the new owner has looked, so that the order of the two does not depend on luck.
      await tx
        .updateTable('generations')
        .set({ available_at: Date.now() + 60_000 })
        .execute();
    });
    const second = await nodes.node(db, { backend, mediaRoot: first.mediaRoot });
    await expect.poll(async () => (await second.generations.get(id, ACCOUNT)).status).toBe('running');
    backend.finish(backend.accepted[0]!);
    expect(await second.generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(backend.calls).toMatchObject({ submit: 1, cancel: 0 });
  });

  test('a run of ours that nobody waits for is stopped, and those of others are left alone', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const first = await nodes.node(await database.open(), { backend });
    const { id } = await first.generations.submit(request());
    await backend.whenAccepted(1);
    await first.generations.stop();
    const db = await database.open();
    await db.transaction(async (tx) => {
      await tx.updateTable('attempts').set({ status: 'lost', finished_at: 2 }).execute();
      await tx.updateTable('generations').set({ status: 'failed', finished_at: 2 }).where('id', '=', id).execute();
    });
    const theirs = newId();
    await backend.submit({ attemptId: theirs, graph: {} });
    const second = await nodes.node(db, { backend, mediaRoot: first.mediaRoot });
    await expect.poll(() => backend.listOpen()).toEqual([theirs]);
    expect(backend.calls.cancel).toBe(1);
    await second.generations.stop();
  });
});
