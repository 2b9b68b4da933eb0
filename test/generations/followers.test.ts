import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AccountEvent, GenerationEvent } from '../../src/generations/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ACCOUNT, collect, request, useNodes } from './harness.js';

/** So long that what arrives in time came by a notification. */
const NEVER_MS = 3_600_000;

async function until<T>(source: AsyncGenerator<T>, isIt: (item: T) => boolean): Promise<T[]> {
  const seen: T[] = [];
  for (;;) {
    const next = await source.next();
    if (next.done) throw new Error('It ended before that came.');
    seen.push(next.value);
    if (isIt(next.value)) return seen;
  }
}

const typesOf = (events: readonly GenerationEvent[]) => events.map(({ type }) => type);

describeEachDatabase('the events of an account', ({ createDatabase }) => {
  const nodes = useNodes();

  /** Two nodes of which only the first has a backend. */
  async function pair() {
    const database = await createDatabase();
    const worker = await nodes.node(await database.open());
    const door = await nodes.node(await database.open(), { backends: [] });
    return { ...worker, door: door.generations };
  }

  test('tell of every generation on any node, in order and without gaps', async () => {
    const { door, generations, backend } = await pair();
    backend.autoFinish = () => [];
    const stop = new AbortController();
    const stream = door.accountEvents(ACCOUNT, { signal: stop.signal });
    const reading = collectUntilEnded(stream, 6);
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) {
      ids.push((await (count % 2 === 0 ? door : generations).submit(request())).id);
    }
    await generations.submit(request({ accountId: 'other' }));
    const seen = await reading;
    for (const id of ids) {
      const own = seen.filter(({ event }) => event.generationId === id && 'seq' in event);
      expect(own.map(({ event }) => 'seq' in event && event.seq)).toEqual([1, 2, 3, 4]);
    }
    expect(new Set(seen.map(({ event }) => event.generationId))).toEqual(new Set(ids));
    stop.abort();
    await expect(stream.next()).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('resume after a cursor, and miss nothing', async () => {
    const { door, backend } = await pair();
    backend.autoFinish = () => [];
    const first = door.accountEvents(ACCOUNT);
    const reading = until(first, ({ event }) => event.type === 'started');
    await door.submit(request());
    const seen = await reading;
    await first.return();
    const late = await door.submit(request());
    await door.wait(late.id, ACCOUNT);
    const cursor = seen.at(-1)?.cursor ?? '';
    const stream = door.accountEvents(ACCOUNT, { after: cursor });
    const rest = await collectUntilEnded(stream, 2);
    await stream.return();
    const keys = [...seen, ...rest].map(({ event }) => `${event.generationId} ${event.type}`);
    // What was told shortly before may be told again; each event is there.
    expect(new Set(keys).size).toBe(8);
  });

  test('do not tell of another account, nor of what was before', async () => {
    const { door, backend } = await pair();
    backend.autoFinish = () => [];
    const before = await door.submit(request());
    await door.wait(before.id, ACCOUNT);
    const stream = door.accountEvents('other');
    const reading = until(stream, ({ event }) => event.type === 'queued');
    await door.submit(request());
    const own = await door.submit(request({ accountId: 'other' }));
    expect((await reading).map(({ event }) => event.generationId)).toEqual([own.id]);
    await stream.return();
  });

  test('end with the reason when an event cannot be read, instead of waiting for good', async () => {
    const db = await (await createDatabase()).open();
    const { generations } = await nodes.node(db, { backends: [] });
    const stream = generations.accountEvents(ACCOUNT);
    const reading = until(stream, ({ event }) => event.type === 'queued');
    const { id } = await generations.submit(request());
    await reading;
    const broken = { generation_id: id, seq: 2, type: 'started', data: '{', created_at: Date.now() };
    await db.transaction((tx) => tx.insertInto('events').values(broken).execute());
    await expect(stream.next()).rejects.toMatchObject({ code: 'internal' });
  });

  async function collectUntilEnded(stream: AsyncGenerator<AccountEvent>, count: number): Promise<AccountEvent[]> {
    const ended = new Set<string>();
    return until(stream, ({ event }) => {
      if (event.type === 'succeeded') ended.add(event.generationId);
      return ended.size === count;
    });
  }
});

describeEachDatabase('a follower on another node', ({ createDatabase, dialect }) => {
  const nodes = useNodes();

  test('hears of durable events by notification, or at the next tick', async () => {
    const database = await createDatabase();
    const { generations, backend } = await nodes.node(await database.open());
    const tickMs = dialect === 'postgres' ? NEVER_MS : 50;
    const door = await nodes.node(await database.open(), {
      backends: [],
      timing: { tickMs, leaseMs: 3_000, maxHealthPauseMs: 50 },
    });
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    const following = collect(door.generations.events(id, ACCOUNT));
    while (door.generations.followers === 0) await nextTurn();
    backend.finish(backend.accepted[0]!);
    const events = (await following).filter((event) => 'seq' in event);
    expect(typesOf(events)).toEqual(['queued', 'started', 'collecting', 'succeeded']);
  });

  // Processes that share an SQLite file cannot notify one another; live events stay where they are made.
  if (dialect !== 'postgres') return;

  async function running() {
    const database = await createDatabase();
    const db = await database.open();
    const worker = await nodes.node(db);
    const { generations: door } = await nodes.node(await database.open(), { backends: [] });
    const { id } = await worker.generations.submit(request());
    await worker.backend.whenAccepted(1);
    return { ...worker, door, db, id, attemptId: worker.backend.accepted[0]! };
  }

  const wished = async ({ db }: Awaited<ReturnType<typeof running>>) => {
    while ((await db.kysely.selectFrom('live_wishes').selectAll().execute()).length === 0) await nextTurn();
  };

  test('sees progress, previews and warnings, then the end', async () => {
    const node = await running();
    const { door, backend, attemptId, id, db } = node;
    const stream = door.events(id, ACCOUNT);
    const reading = until(stream, ({ type }) => type === 'preview');
    await wished(node);
    const bytes = Buffer.from('picture');
    // What was said before somebody asked is not repeated: say it until it is heard.
    let isHeard = false;
    const heard = reading.finally(() => {
      isHeard = true;
    });
    while (!isHeard) {
      backend.emit({ type: 'progress', attemptId, nodeId: '1', value: 1, max: 4 });
      backend.emit({ type: 'warning', attemptId, nodeId: '1', message: 'slow' });
      backend.emit({ type: 'preview', attemptId, nodeId: '1', contentType: 'image/png', bytes });
      await nextTurn();
    }
    const seen = await heard;
    expect(seen.find(({ type }) => type === 'preview')).toMatchObject({
      generationId: id,
      data: { nodeId: '1', contentType: 'image/png', bytes },
    });
    expect(typesOf(seen)).toContain('progress');
    backend.finish(attemptId);
    const rest = await collect(stream);
    // What moved may be told a moment later than a step, but nothing after the end.
    expect(typesOf(rest.filter((event) => 'seq' in event))).toEqual(['collecting', 'succeeded']);
    expect(rest.at(-1)?.type).toBe('succeeded');
    // Nothing is kept of what was on its way.
    while ((await db.kysely.selectFrom('live_states').selectAll().execute()).length > 0) await nextTurn();
  });

  test('is not sent pictures that are too large to carry', async () => {
    const node = await running();
    const { door, backend, attemptId, id } = node;
    const stream = door.events(id, ACCOUNT);
    const reading = until(stream, ({ type }) => type === 'progress');
    await wished(node);
    let isHeard = false;
    const heard = reading.finally(() => {
      isHeard = true;
    });
    const bytes = Buffer.alloc(300 * 1024);
    while (!isHeard) {
      backend.emit({ type: 'preview', attemptId, nodeId: '1', contentType: 'image/png', bytes });
      backend.emit({ type: 'progress', attemptId, nodeId: '1', value: 1, max: 4 });
      await nextTurn();
    }
    expect(typesOf(await heard)).not.toContain('preview');
    await stream.return();
  });

  test('costs nothing when nobody asks', async () => {
    const { backend, attemptId, db, generations, id } = await running();
    for (let step = 1; step <= 4; step++)
      backend.emit({ type: 'progress', attemptId, nodeId: '1', value: step, max: 4 });
    backend.finish(attemptId);
    await generations.wait(id, ACCOUNT);
    expect(await db.kysely.selectFrom('live_states').selectAll().execute()).toEqual([]);
    expect(await db.kysely.selectFrom('live_wishes').selectAll().execute()).toEqual([]);
  });

  test('sees an account move', async () => {
    const node = await running();
    const { door, backend, attemptId, id } = node;
    const stream = door.accountEvents(ACCOUNT);
    const reading = until(stream, ({ event }) => event.type === 'progress');
    await wished(node);
    let isHeard = false;
    const heard = reading.finally(() => {
      isHeard = true;
    });
    while (!isHeard) {
      backend.emit({ type: 'progress', attemptId, nodeId: '1', value: 2, max: 4 });
      await nextTurn();
    }
    expect((await heard).at(-1)).toMatchObject({ cursor: null, event: { generationId: id, type: 'progress' } });
    await stream.return();
  });
});
