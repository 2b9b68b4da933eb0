import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { BackendError } from '../../src/core/errors.js';
import type { DurableEvent } from '../../src/generations/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ACCOUNT, collect, GRAPH, request, useNodes } from './harness.js';

describeEachDatabase('the life of a generation', ({ createDb }) => {
  const nodes = useNodes();

  test('ends with its output stored, and tells each step once and in order', async () => {
    const db = await createDb();
    const { generations, backend } = await nodes.node(db);
    const picture = backend.addFile('test_00001_.png', Buffer.from('picture'));
    backend.autoFinish = () => [picture];
    const { id } = await generations.submit(request());

    const events = await collect(generations.events(id, ACCOUNT, { live: false }));
    expect(events.map((event) => event.type)).toEqual(['queued', 'started', 'collecting', 'succeeded']);
    expect(events.map((event) => (event as DurableEvent).seq)).toEqual([1, 2, 3, 4]);

    const generation = await generations.get(id, ACCOUNT);
    expect(generation).toMatchObject({ status: 'succeeded', attemptCount: 1, error: null, backendId: 'fake' });
    expect(generation.outputs).toMatchObject([{ ordinal: 0, filename: 'test_00001_.png', kind: 'image', bytes: 7 }]);
    const opened = await generations.openOutput(id, ACCOUNT, 0);
    expect(Buffer.concat(await collect(opened.stream as AsyncIterable<Buffer>)).toString()).toBe('picture');
    expect(backend.calls.submit).toBe(1);
  });

  test('resumes its events after any of them', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request());
    await generations.wait(id, ACCOUNT);
    const rest = await collect(generations.events(id, ACCOUNT, { afterSeq: 2 }));
    expect(rest.map((event) => event.type)).toEqual(['collecting', 'succeeded']);
    expect(await collect(generations.events(id, ACCOUNT, { afterSeq: 4 }))).toEqual([]);
    expect(await collect(generations.events(id, ACCOUNT, { afterSeq: 99 }))).toEqual([]);
    expect(generations.followers).toBe(0);
  });

  test('is invisible to another account', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request());
    await generations.wait(id, ACCOUNT);
    for (const read of [
      () => generations.get(id, 'other'),
      () => generations.cancel(id, 'other'),
      () => generations.rerun(id, 'other'),
      () => generations.openOutput(id, 'other', 0),
      () => collect(generations.events(id, 'other')),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await generations.list({ accountId: 'other' })).toEqual([]);
    expect(await generations.list({ accountId: ACCOUNT })).toHaveLength(1);
  });

  test('answers a repeated idempotency key with the first generation, and another request under it with a conflict', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.autoFinish = () => [];
    const all = await Promise.all(
      Array.from({ length: 20 }, () => generations.submit(request({ idempotencyKey: 'k' }))),
    );
    expect(new Set(all.map((generation) => generation.id)).size).toBe(1);
    await expect(generations.submit(request({ idempotencyKey: 'k', lane: 'batch' }))).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    await generations.wait(all[0]!.id, ACCOUNT);
    expect(backend.calls.submit).toBe(1);
  });

  test('compares a digest in place of the request where one is given', async () => {
    const { generations } = await nodes.node(await createDb());
    const keyed = { idempotencyKey: 'k', idempotencyDigest: 'what was asked for' };
    expect(await generations.findSubmitted(ACCOUNT, 'k', 'what was asked for')).toBeNull();
    const first = await generations.accept(request(keyed));
    const derived = { ...GRAPH, '2': { class_type: 'PreviewAny', inputs: { source: 'drawn anew' } } };
    const second = await generations.accept(request({ ...keyed, graph: derived }));
    expect([first.isNew, second.isNew]).toEqual([true, false]);
    expect(second.generation.id).toBe(first.generation.id);
    expect((await generations.findSubmitted(ACCOUNT, 'k', 'what was asked for'))?.id).toBe(first.generation.id);
    expect(await generations.findSubmitted('other', 'k', 'what was asked for')).toBeNull();
    await expect(generations.findSubmitted(ACCOUNT, 'k', 'another')).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });

  test('follows to the end after a number that no event has yet', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    const attemptId = backend.accepted[0]!;
    const events = generations.events(id, ACCOUNT, { afterSeq: 99 });
    let heard = false;
    const first = events.next().finally(() => {
      heard = true;
    });
    // It has begun to follow when it hears what is sent once.
    while (!heard) {
      backend.emit({ type: 'warning', attemptId, nodeId: null, message: 'still here' });
      await nextTurn();
    }
    expect((await first).value).toMatchObject({ type: 'warning' });
    backend.finish(attemptId);
    expect((await collect(events)).at(-1)?.type).toBe('succeeded');
  });

  test('runs one prompt at a time on a backend, interactive before batch, first come first served', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const submit = async (lane: 'interactive' | 'batch') => (await generations.submit(request({ lane }))).id;
    const first = await submit('batch');
    await backend.whenAccepted(1);
    const batch = await submit('batch');
    const one = await submit('interactive');
    const two = await submit('interactive');
    const order: string[] = [];
    for (let count = 1; count <= 4; count += 1) {
      await backend.whenAccepted(count);
      expect(backend.accepted).toHaveLength(count);
      const attemptId = backend.accepted[count - 1]!;
      const open = await generations.list({ accountId: ACCOUNT, statuses: ['running'] });
      expect(open).toHaveLength(1);
      order.push(open[0]!.id);
      backend.finish(attemptId);
      await generations.wait(open[0]!.id, ACCOUNT);
    }
    expect(order).toEqual([first, one, two, batch]);
  });

  test('keeps a 64-bit seed to its last digit', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const seed = 18446744073709551615n;
    const graph = { ...GRAPH, '5': { class_type: 'KSampler', inputs: { seed } } };
    let sent: unknown;
    backend.autoFinish = (submitted) => {
      sent = submitted.graph['5']?.inputs['seed'];
      return [];
    };
    const { id } = await generations.submit(request({ graph }));
    await generations.wait(id, ACCOUNT);
    expect(sent).toBe(seed);
    const again = await generations.rerun(id, ACCOUNT);
    await generations.wait(again.id, ACCOUNT);
    expect(sent).toBe(seed);
  });

  test('a rerun goes where the first run had to go', async () => {
    const db = await createDb();
    const { generations } = await nodes.node(db, { backends: [] });
    const needs = { tags: ['video'], vramBytes: 24e9 };
    for (const more of [{ needs }, { needs, backendId: 'gpu' }, {}]) {
      const { id } = await generations.submit(request(more));
      const again = await generations.rerun(id, ACCOUNT);
      const [first, second] = await db.kysely
        .selectFrom('generations')
        .select(['needs_key', 'backend_pin'])
        .where('id', 'in', [id, again.id])
        .execute();
      expect(second).toEqual(first);
    }
  });

  test('a rerun has the limits of the first run, without the time that was added for its tries', async () => {
    const db = await createDb();
    const { generations, backend } = await nodes.node(db);
    const limits = { queueMs: 77_000, runMs: 55_000, maxAttempts: 2 };
    backend.script({ refuse: new BackendError('backend_overloaded', 'Full.') });
    const { id } = await generations.submit(request({ limits }));
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!, { outcome: 'interrupted' });
    await backend.whenAccepted(2);
    backend.finish(backend.accepted[1]!);
    await generations.wait(id, ACCOUNT);
    const again = await generations.rerun(id, ACCOUNT);
    const row = await db.kysely
      .selectFrom('generations')
      .select((eb) => [
        eb('queue_deadline_at', '-', eb.ref('created_at')).as('queueMs'),
        'run_limit_ms',
        'max_attempts',
      ])
      .where('id', '=', again.id)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ queueMs: limits.queueMs, run_limit_ms: limits.runMs, max_attempts: limits.maxAttempts });
  });

  test('uploads an attached file under a name of its own and puts the answered name into the graph', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const graph = { ...GRAPH, '2': { class_type: 'LoadImage', inputs: { image: '../../etc/passwd' } } };
    const attached = await generations.attach(ACCOUNT, Buffer.from('my picture'), { maxBytes: 1000 });
    let value: unknown;
    backend.autoFinish = (submitted) => {
      value = submitted.graph['2']?.inputs['image'];
      return [];
    };
    const attachments = [{ nodeId: '2', inputName: 'image', mediaId: attached.mediaId }];
    await expect(generations.submit(request({ accountId: 'other', graph, attachments }))).rejects.toMatchObject({
      code: 'not_found',
    });
    const { id } = await generations.submit(request({ graph, attachments }));
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    expect(value).toBe(`easel/${attached.hash}.bin`);
    expect(backend.uploads.get(`${attached.hash}.bin`)?.toString()).toBe('my picture');
  });

  test('wait gives up at its own limit and leaves the generation alone', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const { id } = await generations.submit(request());
    await expect(generations.wait(id, ACCOUNT, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'wait_timeout' });
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!);
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
  });

  test('refuses what it cannot run, and leaves no trace of it', async () => {
    const { generations } = await nodes.node(await createDb());
    const cases = [
      [request({ graph: { '1': { class_type: 'X' } } as never }), 'graph_invalid'],
      [request({ limits: { runMs: 0 } }), 'request_invalid'],
      [request({ metadata: { text: 'x'.repeat(20_000) } }), 'payload_too_large'],
      [request({ attachments: [{ nodeId: '7', inputName: 'image', mediaId: 'm' }] }), 'graph_input_unknown'],
    ] as const;
    for (const [bad, code] of cases) await expect(generations.submit(bad)).rejects.toMatchObject({ code });
    expect(await generations.list({ accountId: ACCOUNT })).toEqual([]);
  });

  test('billing joins both transactions: a refused hold leaves nothing, an end is billed once', async () => {
    const db = await createDb();
    const settled: string[] = [];
    let poor = true;
    const { generations, backend } = await nodes.node(db, {
      billing: {
        async hold() {
          if (poor) throw new BackendError('backend_overloaded', 'No money.');
        },
        async settle(_tx, generation, outcome) {
          settled.push(`${generation.id} ${outcome.status}`);
        },
      },
    });
    await expect(generations.submit(request())).rejects.toThrow('No money.');
    expect(await db.kysely.selectFrom('generations').selectAll().execute()).toEqual([]);
    poor = false;
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request());
    await generations.wait(id, ACCOUNT);
    expect(settled).toEqual([`${id} succeeded`]);
  });
});
