import { expect, test } from 'vitest';
import { BackendError, type ErrorCode } from '../../src/core/errors.js';
import type { Db } from '../../src/db/index.js';
import {
  type ClaimPolicy,
  type DurableEvent,
  firstComeFirstServed,
  type Generations,
  type GenerationsOptions,
} from '../../src/generations/index.js';
import { FakeBackend } from '../../src/testing/index.js';
import { ACCOUNT, collect, GRAPH, request, useNodes } from '../generations/harness.js';
import { describeEachDatabase } from '../helpers/databases.js';

const failed = (code: ErrorCode, details: Record<string, unknown> = {}) => ({
  outcome: 'failed' as const,
  error: new BackendError(code, 'boom', { details }).toInfo(),
});

describeEachDatabase('another try', ({ createDb }) => {
  const nodes = useNodes();

  async function two(db: Db, options: Partial<GenerationsOptions> = {}, ids = ['a', 'b']) {
    const backends = ids.map((id) => new FakeBackend({ id }));
    const { generations } = await nodes.node(db, {
      backend: backends[0]!,
      backends: backends.map((backend) => ({ backend })),
      ...options,
    });
    await untilReady(db, ids.length);
    return { generations, backends };
  }

  const whichRuns = async (backends: readonly FakeBackend[], total: number): Promise<FakeBackend> => {
    await expect.poll(() => backends.reduce((sum, { accepted }) => sum + accepted.length, 0)).toBe(total);
    return [...backends].sort((x, y) => ((x.accepted.at(-1) ?? '') < (y.accepted.at(-1) ?? '') ? 1 : -1))[0]!;
  };

  test('goes to another backend, also when that one is busy and the failed one idle', async () => {
    const db = await createDb();
    const asked: string[] = [];
    const policy: ClaimPolicy = {
      candidates(reader, backend, nowMs) {
        asked.push(backend.id);
        return firstComeFirstServed.candidates(reader, backend, nowMs);
      },
    };
    const { generations, backends } = await two(db, { policy });
    const { id } = await generations.submit(request());
    const first = await whichRuns(backends, 1);
    const other = backends.find((backend) => backend !== first)!;
    const blocker = await generations.submit(request({ backendId: other.id }));
    await other.whenAccepted(1);
    first.finish(first.accepted[0]!, failed('backend_failed'));
    await retried(generations, id);
    asked.length = 0;
    await expect.poll(() => asked.filter((backendId) => backendId === first.id).length).toBeGreaterThan(4);
    expect(first.accepted).toHaveLength(1);
    other.finish(other.accepted[0]!);
    await generations.wait(blocker.id, ACCOUNT);
    await other.whenAccepted(2);
    other.finish(other.accepted[1]!);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', backendId: other.id });
    expect(await db.kysely.selectFrom('generation_avoids').selectAll().execute()).toEqual([]);
  });

  test('comes back to the same backend when the other one goes down', async () => {
    const db = await createDb();
    const { generations, backends } = await two(db, { health: { lookEveryMs: 20 } });
    const { id } = await generations.submit(request());
    const first = await whichRuns(backends, 1);
    const other = backends.find((backend) => backend !== first)!;
    const blocker = await generations.submit(request({ backendId: other.id }));
    await other.whenAccepted(1);
    first.finish(first.accepted[0]!, failed('backend_failed'));
    other.healthState = 'unreachable';
    await first.whenAccepted(2);
    first.finish(first.accepted[1]!);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', backendId: first.id });
    await generations.cancel(blocker.id, ACCOUNT);
  });

  test('takes the same one when there is no other, after a pause', async () => {
    const { generations, backends } = await two(await createDb(), { retry: { baseDelayMs: 40 } }, ['a']);
    const { id } = await generations.submit(request());
    await backends[0]!.whenAccepted(1);
    backends[0]!.finish(backends[0]!.accepted[0]!, failed('backend_failed'));
    const { elsewhere, delayMs } = await retried(generations, id);
    expect(elsewhere).toBe(false);
    expect(delayMs).toBeGreaterThanOrEqual(20);
    await backends[0]!.whenAccepted(2);
  });

  test('out of memory: once more, on the larger backend, and never on the smaller ones', async () => {
    const db = await createDb();
    const ids = ['large', 'small-1', 'small-2'];
    const backends = ids.map((id) => new FakeBackend({ id }));
    for (const backend of backends) backend.vramBytes = backend.id === 'large' ? 48e9 : 12e9;
    const { generations } = await nodes.node(db, { backends: backends.map((backend) => ({ backend })) });
    await untilReady(db, 3);
    const [large, ...small] = backends as [FakeBackend, FakeBackend, FakeBackend];
    const blocker = await generations.submit(request({ backendId: 'large' }));
    await large.whenAccepted(1);
    const { id } = await generations.submit(request());
    const first = await whichRuns(small, 1);
    first.finish(first.accepted[0]!, failed('out_of_memory'));
    await retried(generations, id);
    large.finish(large.accepted[0]!);
    await generations.wait(blocker.id, ACCOUNT);
    await large.whenAccepted(2);
    large.finish(large.accepted[1]!, failed('out_of_memory'));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      attemptCount: 2,
      error: { code: 'out_of_memory' },
    });
    expect(small.map((backend) => backend.accepted.length).sort()).toEqual([0, 1]);
  });

  test('stops a generation under which backends die, and says so', async () => {
    const { generations, backends } = await two(await createDb(), { retry: { poisonLimit: 2 } });
    const { id } = await generations.submit(request({ limits: { maxAttempts: 9 } }));
    for (const total of [1, 2]) (await whichRuns(backends, total)).forgetAll();
    const ended = await generations.wait(id, ACCOUNT);
    expect(ended).toMatchObject({
      status: 'failed',
      attemptCount: 2,
      error: { code: 'generation_poisoned', details: { deaths: 2, lastError: { code: 'backend_lost_run' } } },
    });
    expect(ended.error?.details?.['backends']).toHaveLength(2);
  });

  test('a backend that refuses everything does not stop the others', async () => {
    const { generations, backends } = await two(await createDb());
    backends[0]!.script(
      ...Array.from({ length: 1_000 }, () => ({ refuse: new BackendError('backend_failed', 'It answered 500.') })),
    );
    backends[1]!.autoFinish = () => [];
    const all = await Promise.all(Array.from({ length: 30 }, () => generations.submit(request())));
    for (const { id } of all) expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    // Three open the circuit; few half-open tries follow.
    expect(backends[0]!.calls.submit).toBeLessThan(10);
  });

  test('no try after files that are gone is answered from the same cache', async () => {
    const { generations, backends } = await two(await createDb(), {}, ['a']);
    const backend = backends[0]!;
    const graphs: unknown[] = [];
    const submit = backend.submit.bind(backend);
    backend.submit = (submitted) => {
      graphs.push(submitted.graph);
      return submit(submitted);
    };
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    const gone = {
      kind: 'image',
      nodeId: '9',
      key: 'images',
      filename: 'gone.png',
      subfolder: '',
      type: 'output',
    } as const;
    backend.finish(backend.accepted[0]!, { outputs: [gone] });
    await backend.whenAccepted(2);
    // How this one ends says nothing of the cache.
    backend.finish(backend.accepted[1]!, { outcome: 'interrupted' });
    await backend.whenAccepted(3);
    backend.finish(backend.accepted[2]!, { outputs: [backend.addFile('new.png', Buffer.from('new'))] });
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    const past = { ...GRAPH, '9': { ...GRAPH['9'], inputs: { ...GRAPH['9']!.inputs, easel_try: expect.any(String) } } };
    expect(graphs).toEqual([GRAPH, past, past]);
  });

  async function retried(generations: Generations, id: string): Promise<DurableEvent['data']> {
    for await (const event of generations.events(id, ACCOUNT, { live: false }))
      if (event.type === 'retrying') return event.data;
    throw new Error(`It was not tried again: ${JSON.stringify(await collect(generations.events(id, ACCOUNT)))}`);
  }
});

/** The rows say that so many backends are ready. */
async function untilReady(db: Db, count: number): Promise<void> {
  await expect
    .poll(
      async () => (await db.kysely.selectFrom('backends').select('id').where('state', '=', 'ready').execute()).length,
    )
    .toBe(count);
}
