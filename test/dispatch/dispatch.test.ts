import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryTables } from '../../bench/lib/scheduling/memory-tables.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { enqueueTags } from '../../src/generations/dispatch/books.js';
import { createDispatch } from '../../src/generations/dispatch/create.js';
import { needsOf } from '../../src/generations/dispatch/needs.js';
import type { BackendState, WaitingJob } from '../../src/generations/dispatch/policy.js';
import { chooseNext, type RoundView } from '../../src/generations/dispatch/round.js';
import { SqlSource } from '../../src/generations/dispatch/sql-source.js';
import { EventHub } from '../../src/generations/event-hub.js';
import { fingerprint, type Graph } from '../../src/graph/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { ACCOUNT, GRAPH, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';

const graphOf = (checkpoint: string): Graph => ({
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: checkpoint } },
  '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
});

const loader = (...names: string[]) => ({
  CheckpointLoaderSimple: { input: { required: { ckpt_name: [names, {}] } } },
  SaveImage: { input: { required: { images: ['IMAGE', {}], filename_prefix: ['STRING', {}] } }, output_node: true },
});

/** A backend that says which checkpoints it has. */
class ModelBackend extends FakeBackend {
  readonly names: string[];

  constructor(id: string, ...names: string[]) {
    super({ id });
    this.names = names;
  }

  override async capabilities() {
    return { ...(await super.capabilities()), nodeDefinitions: loader(...this.names) as never };
  }
}

async function insert(db: Db, jobs: readonly WaitingJob[]): Promise<void> {
  const row = { status: 'queued' as const, attempt_count: 0, max_attempts: 3, unaccepted_count: 0, available_at: 0 };
  await db.transaction(async (tx) => {
    await tx.deleteFrom('generations').execute();
    await tx.deleteFrom('dispatch_needs').execute();
    const keys = [...new Map(jobs.map((job) => [job.needsKey, job.modelKey]))];
    await tx
      .insertInto('dispatch_needs')
      .values(keys.map(([needs_key, model_key]) => ({ needs_key, model_key, needs: '{}', used_at: 0 })))
      .execute();
    await tx
      .insertInto('generations')
      .values(
        jobs.map((job) => ({
          ...row,
          id: job.id,
          account_id: job.accountId,
          lane: job.lane,
          model_key: job.modelKey,
          lora_key: job.loraKey,
          needs_key: job.needsKey,
          vstart: job.vstart,
          estimate_ms: job.estimateMs,
          created_at: job.createdAt,
          updated_at: 0,
          queue_deadline_at: 0,
          run_limit_ms: 0,
          event_seq: 1,
        })),
      )
      .execute();
  });
}

const drawnJobs = fc.array(
  fc.record({
    lane: fc.constantFrom(0 as const, 1 as const),
    model: fc.nat(5),
    loraKey: fc.constantFrom('', 'a', 'b'),
    isRare: fc.boolean(),
    vstart: fc.nat(40),
    createdAt: fc.nat(100_000),
  }),
  { minLength: 1, maxLength: 120 },
);
const drawnBackends = fc.array(
  fc.record({
    resident: fc.uniqueArray(fc.constantFrom('model-0', 'model-1', 'model-2', 'model-3'), { maxLength: 3 }),
    loraKey: fc.constantFrom('', 'a'),
    hasRare: fc.boolean(),
    isIdle: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);

describeEachDatabase('dispatch', ({ createDb }) => {
  const nodes = useNodes();

  test('chooses the same job from the database as from memory, whatever waits', async () => {
    const db = await createDb();
    await fc.assert(
      fc.asyncProperty(drawnJobs, drawnBackends, fc.nat(200_000), async (drawn, fleet, nowMs) => {
        const jobs = drawn.map(({ model, isRare, ...more }, index): WaitingJob => {
          const id = `job-${String(index).padStart(4, '0')}`;
          const needsKey = `needs-${model}-${isRare ? 'rare' : 'any'}`;
          return {
            ...more,
            id,
            accountId: `account-${index % 3}`,
            modelKey: `model-${model}`,
            needsKey,
            estimateMs: 9_000,
          };
        });
        await insert(db, jobs);
        const memory = new MemoryTables();
        for (const job of jobs) memory.add(job);
        const states = fleet.map((one, index): BackendState => {
          const { resident, loraKey, isIdle } = one;
          return {
            id: `b${index}`,
            speed: 1 + index,
            io: 1,
            resident,
            loraKey,
            busyUntil: isIdle ? 0 : nowMs + 3_000,
            runsInteractive: !isIdle,
          };
        });
        const view: RoundView = {
          nowMs,
          backends: states,
          lane: () => ({ v: 30, activeWeight: 3 }),
          facts: () => ({ loadMs: 20_000, warmMs: 1_000, loraMs: 700, genMs: 8_000 }),
          canRun: (id, { needsKey }) => !needsKey.endsWith('rare') || fleet[Number(id.slice(1))]?.hasRare === true,
        };
        const idle = states.filter((state) => state.busyUntil === 0);
        const fromMemory = await chooseNext(memory, idle, view);
        const fromDatabase = await chooseNext(new SqlSource(db.kysely, nowMs), idle, view);
        expect(fromDatabase?.backend.id).toBe(fromMemory?.backend.id);
        expect(fromDatabase?.choices).toEqual(fromMemory?.choices);
      }),
      { numRuns: 60 },
    );
  });

  test('a greedy account does not hold up the others', async () => {
    const db = await createDb();
    const { generations, backend } = await nodes.node(db);
    backend.autoFinish = null;
    const greedy = [];
    for (let index = 0; index < 12; index += 1) greedy.push(await generations.submit(request({ accountId: 'greedy' })));
    const modest = await generations.submit(request({ accountId: 'modest' }));
    for (let done = 0; ; done += 1) {
      await backend.whenAccepted(done + 1);
      const current = await generations.find(modest.id, 'modest');
      if (current?.status !== 'queued') {
        // Behind the one that ran when it came, and at most one more.
        expect(done).toBeLessThanOrEqual(3);
        return;
      }
      backend.finish(backend.accepted[done]!);
    }
  });

  test('work goes only where its model is, and why it waits can be asked', async () => {
    const db = await createDb();
    const [one, two] = [new ModelBackend('one', 'a.safetensors'), new ModelBackend('two', 'b.safetensors')];
    const { generations } = await nodes.node(db, {
      backend: one,
      backends: [{ backend: one }, { backend: two }],
      dispatch: { everyMs: 20 },
    });
    const first = await generations.submit(request({ graph: graphOf('b.safetensors') }));
    await two.whenAccepted(1);
    const second = await generations.submit(request({ graph: graphOf('b.safetensors') }));
    await expect
      .poll(async () => (await generations.why(second.id, ACCOUNT)).waiting?.backends)
      .toEqual([
        expect.objectContaining({ backendId: 'one', can: 'never', reason: 'models' }),
        expect.objectContaining({ backendId: 'two', can: 'later', reason: 'busy' }),
      ]);
    const nowhere = await generations.submit(request({ graph: graphOf('c.safetensors') }));
    await expect
      .poll(async () => (await generations.why(nowhere.id, ACCOUNT)).summary)
      .toContain('no backend can run it: one: it lacks the model checkpoints/c.safetensors');
    expect(one.accepted).toHaveLength(0);
    two.finish(two.accepted[0]!);
    await two.whenAccepted(2);
    two.finish(two.accepted[1]!);
    await generations.wait(first.id, ACCOUNT);
    await generations.wait(second.id, ACCOUNT);
    expect(await generations.why(first.id, ACCOUNT)).toMatchObject({ status: 'succeeded', waiting: null });
  });

  test('a run whose end was not heard does not keep its backend busy in the books', async () => {
    const db = await createDb();
    const [one, two] = [new FakeBackend({ id: 'one' }), new FakeBackend({ id: 'two' })];
    const { generations } = await nodes.node(db, {
      backend: one,
      backends: [{ backend: one, concurrency: 2 }],
      dispatch: { everyMs: 20 },
    });
    // The books are published where a backend of another node may go by them.
    await nodes.node(db, { backend: two });
    const { id } = await generations.submit(request({ backendId: 'one' }));
    await one.whenAccepted(1);
    const published = async () => {
      const query = db.kysely.selectFrom('backends').select('dispatch').where('id', '=', 'one');
      return JSON.parse((await query.executeTakeFirst())?.dispatch ?? 'null');
    };
    expect(await published()).toMatchObject({ runsInteractive: true });
    one.finish(one.accepted[0]!, {}, { silently: true });
    one.emit({ type: 'disconnected', reason: 'test' });
    await generations.wait(id, ACCOUNT);
    await expect.poll(published, { timeout: 5_000 }).toMatchObject({ runsInteractive: false, busyUntil: 0 });
  });

  test('what no backend can run fails at once where that is wanted', async () => {
    const db = await createDb();
    const backend = new ModelBackend('one', 'a.safetensors');
    const { generations } = await nodes.node(db, { backend, dispatch: { everyMs: 20, failsUnservable: true } });
    const { id } = await generations.submit(request({ graph: graphOf('c.safetensors') }));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      error: { code: 'backend_model_missing' },
    });
  });

  test('a model that is put on a running backend is noticed while something waits for it', async () => {
    const db = await createDb();
    const backend = new ModelBackend('one', 'a.safetensors');
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const { generations } = await nodes.node(db, { backend, clock, dispatch: { everyMs: 20 } });
    const { id } = await generations.submit(request({ graph: graphOf('c.safetensors') }));
    await expect.poll(async () => (await generations.why(id, ACCOUNT)).summary).toContain('it lacks the model');
    backend.names.push('c.safetensors');
    aheadMs = 61_000;
    await backend.whenAccepted(1);
  });

  test('the database gives places in line as the arithmetic of the books does', async () => {
    const db = await createDb();
    let nowMs = systemClock.now();
    const clock = { ...systemClock, now: () => nowMs };
    const parts = { db, clock, logger: silentLogger, hub: new EventHub() };
    const { books } = createDispatch(parts, { weightOf: () => 3 });
    const loads = fingerprint(GRAPH);
    const needs = needsOf({ graph: GRAPH, loads, backendId: null, isDeployment: false });
    let vfinish = 0;
    for (const v of [0, 0, 7_000, 90_000, 90_001, 90_001]) {
      // What is remembered of a lane is then too old.
      nowMs += 2_000;
      await db.transaction((tx) =>
        tx
          .insertInto('dispatch_lanes')
          .values({ name: 'interactive', v })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ v }))
          .execute(),
      );
      const entry = await books.prepare({ accountId: ACCOUNT, lane: 0, modelKey: loads.modelKey, needs });
      const { vstart, estimate_ms: estimateMs } = await db.transaction((tx) => entry.enter(tx));
      const tags = enqueueTags(vfinish, v, estimateMs, 3);
      expect(vstart).toBe(tags.vstart);
      vfinish = tags.vfinish;
    }
  });

  test('that a set of needs is in use is written once an hour, and not with every submit', async () => {
    const db = await createDb();
    const begunAt = systemClock.now();
    let atMs = begunAt;
    const { generations } = await nodes.node(db, { backends: [], clock: { ...systemClock, now: () => atMs } });
    const written: number[] = [];
    for (const minute of [0, 30, 61, 62, 90]) {
      atMs = begunAt + minute * 60_000;
      await generations.submit(request());
      const { used_at: usedAt } = await db.kysely
        .selectFrom('dispatch_needs')
        .select('used_at')
        .executeTakeFirstOrThrow();
      written.push((usedAt - begunAt) / 60_000);
    }
    expect(written).toEqual([0, 0, 61, 61, 61]);
  });

  test('who cancels in the queue gets the place back', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { backends: [] });
    const vfinish = async () =>
      (await db.kysely.selectFrom('dispatch_accounts').select('vfinish').executeTakeFirst())?.vfinish;
    const { id } = await generations.submit(request());
    expect(await vfinish()).toBeGreaterThan(0);
    await generations.cancel(id, ACCOUNT);
    expect(await vfinish()).toBe(0);
  });

  test('nothing is claimed twice by backends that ask at the same moment', async () => {
    const db = await createDb();
    const backends = Array.from({ length: 4 }, (_, index) => new FakeBackend({ id: `b${index}` }));
    for (const backend of backends) backend.autoFinish = () => [];
    const { generations } = await nodes.node(db, {
      backend: backends[0]!,
      backends: backends.map((backend) => ({ backend })),
    });
    const ids = await Promise.all(Array.from({ length: 24 }, async () => (await generations.submit(request())).id));
    for (const id of ids) expect(await generations.wait(id, ACCOUNT)).toMatchObject({ attemptCount: 1 });
    expect(backends.reduce((sum, { accepted }) => sum + accepted.length, 0)).toBe(24);
  });
});
