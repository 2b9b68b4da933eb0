import { expect, test, vi } from 'vitest';
import { StorageError } from '../../src/core/errors.js';
import type { Db } from '../../src/db/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { ACCOUNT, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { backendsOf, ELSEWHERE } from './support.js';

describeEachDatabase('backends at run time', ({ createDatabase }) => {
  const nodes = useNodes();

  /** A node without a backend of its own, and what it opens. */
  async function setUp(failingStarts = 0) {
    const database = await createDatabase();
    const db = await database.open();
    const opened: FakeBackend[] = [];
    const closed: string[] = [];
    const node = async (on: Db) =>
      nodes.node(on, {
        backends: [],
        open(settings) {
          const backend = new FakeBackend(settings as { readonly id: string });
          const close = backend.close.bind(backend);
          if (failingStarts > 0) {
            failingStarts -= 1;
            backend.start = () => Promise.reject(new StorageError('storage_failed', 'Its folder is not there yet.'));
          }
          backend.close = async () => {
            closed.push(backend.id);
            await close();
          };
          opened.push(backend);
          return { backend };
        },
      });
    const { generations } = await node(db);
    // As the command line does: another process, which on SQLite hears and tells nothing.
    const backends = backendsOf(await database.open());
    const add = async (id: string): Promise<FakeBackend> => {
      await backends.add({ id });
      await expect.poll(async () => (await backends.get(id)).state).toBe('ready');
      return opened.find((backend) => backend.id === id)!;
    };
    return { database, db, generations, backends, add, opened, closed };
  }

  test('one that is added gets work; drained it gets none, and what runs goes on; resumed it gets work', async () => {
    const { generations, backends, add } = await setUp();
    const gpu = await add('gpu');
    expect(await backends.get('gpu')).toMatchObject({ origin: 'added', desired: 'active', settings: { id: 'gpu' } });
    const running = await generations.submit(request());
    await gpu.whenAccepted(1);
    await backends.drain('gpu');
    await expect.poll(async () => (await backends.get('gpu')).state).toBe('draining');
    expect((await backends.get('gpu')).openAttempts).toBe(1);
    const waiting = await generations.submit(request());
    gpu.finish(gpu.accepted[0]!);
    expect((await generations.wait(running.id, ACCOUNT)).status).toBe('succeeded');
    expect((await generations.get(waiting.id, ACCOUNT)).status).toBe('queued');
    await backends.resume('gpu');
    await gpu.whenAccepted(2);
    gpu.finish(gpu.accepted[1]!);
    expect((await generations.wait(waiting.id, ACCOUNT)).status).toBe('succeeded');
  });

  test('one that is removed finishes its work, is closed, and its settings are erased', async () => {
    const { db, generations, backends, add, closed } = await setUp();
    const gpu = await add('gpu');
    const { id } = await generations.submit(request());
    await gpu.whenAccepted(1);
    expect(await backends.remove('gpu')).toMatchObject({ desired: 'removing', openAttempts: 1 });
    gpu.finish(gpu.accepted[0]!);
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    await expect.poll(() => closed).toEqual(['gpu']);
    expect(await backends.list()).toEqual([]);
    const row = await db.kysely.selectFrom('backends').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ desired: 'gone', settings: null, owner_node: null });
    // It may come back, and its epoch goes on counting.
    await add('gpu');
    const again = await db.kysely.selectFrom('backends').selectAll().executeTakeFirstOrThrow();
    expect(again.epoch).toBeGreaterThan(row.epoch);
  });

  test('removed by force, what runs is stopped there and goes to another one without costing a try', async () => {
    const { generations, backends, add } = await setUp();
    const first = await add('first');
    const { id } = await generations.submit(request({ limits: { maxAttempts: 1 } }));
    await first.whenAccepted(1);
    const second = await add('second');
    await backends.remove('first', { force: true });
    await second.whenAccepted(1);
    expect(first.calls.cancel).toBe(1);
    second.finish(second.accepted[0]!);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    await expect.poll(async () => (await backends.list()).map((backend) => backend.id)).toEqual(['second']);
  });

  test('removed while its node is gone: another node takes its work up first', async () => {
    const { database, db, generations, backends, add } = await setUp();
    const gpu = await add('gpu');
    const { id } = await generations.submit(request());
    await gpu.whenAccepted(1);
    await generations.stop();
    await backends.remove('gpu', { force: true });
    await db.transaction((tx) => tx.updateTable('backends').set({ owner_node: ELSEWHERE, lease_until: 1 }).execute());
    // A node that does not know how to open it: only the sweep can help.
    const other = await nodes.node(await database.open(), { backends: [] });
    await expect.poll(async () => (await other.generations.get(id, ACCOUNT)).status).toBe('queued');
    expect(await backends.remove('gpu', { force: true })).toBeNull();
  });

  test('a node that stops while the database is away closes all that it has opened', async () => {
    const { db, generations, add, closed } = await setUp();
    await add('one');
    await add('two');
    vi.spyOn(db, 'transaction').mockRejectedValue(new StorageError('database_unavailable', 'It is away.'));
    await generations.stop();
    expect([...closed].sort()).toEqual(['one', 'two']);
  });

  test('one that does not start is closed, and tried again', async () => {
    const { generations, add, opened, closed } = await setUp(2);
    await add('gpu');
    expect(opened).toHaveLength(3);
    expect(closed).toEqual(['gpu', 'gpu']);
    const { id } = await generations.submit(request());
    const started = opened[2]!;
    await started.whenAccepted(1);
    started.finish(started.accepted[0]!);
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
  });

  test('one that no node can open disturbs nobody', async () => {
    const { database, backends } = await setUp();
    const picky = await nodes.node(await database.open(), {
      backends: [],
      open() {
        throw new Error('I do not know this kind.');
      },
    });
    await backends.add({ id: 'odd' });
    await expect.poll(async () => (await backends.get('odd')).owner).not.toBeNull();
    await picky.generations.stop();
    await expect(backends.add({ id: 'odd' })).rejects.toMatchObject({ code: 'backend_exists' });
  });
});
