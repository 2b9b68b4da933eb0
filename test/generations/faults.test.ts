import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BackendError } from '../../src/core/errors.js';
import { newId } from '../../src/core/ids.js';
import { FakeBackend, Latch } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { ACCOUNT, collect, request, useNodes } from './harness.js';

const refused = new BackendError('backend_unreachable', 'Connection refused.');

describeEachDatabase('faults around a generation', ({ createDb, createDatabase }) => {
  const nodes = useNodes();

  test('a lost answer after acceptance is looked up, never sent again', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.script('accept-unanswered');
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(backend.calls.submit).toBe(1);
  });

  test('a submit that was lost on the way is withdrawn, then tried again without spending a try', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.script('lose', 'lose');
    backend.autoFinish = () => [];
    const { id } = await generations.submit(request({ limits: { maxAttempts: 1 } }));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(backend.calls.submit).toBe(3);
    expect(backend.calls.cancel).toBe(2);
  });

  test('a refused connection costs no try; the queue deadline ends it with the last error named', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.script(...Array.from({ length: 500 }, () => ({ refuse: refused })));
    const { id } = await generations.submit(request({ limits: { queueMs: 300, maxAttempts: 1 } }));
    const ended = await generations.wait(id, ACCOUNT);
    expect(ended).toMatchObject({ status: 'expired', attemptCount: 0, error: { code: 'queue_timeout' } });
    expect(ended.error?.hint).toContain('backend_unreachable');
  });

  test('a rejected graph fails at once, whatever tries are left', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    backend.script({ refuse: new BackendError('backend_rejected_graph', 'Node 9: images is missing.') });
    const { id } = await generations.submit(request());
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      error: { code: 'backend_rejected_graph' },
    });
    expect(backend.calls.submit).toBe(1);
  });

  test('a run that the backend forgot is run again, and fails when the tries are spent', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const { id } = await generations.submit(request({ limits: { maxAttempts: 2 } }));
    for (const count of [1, 2]) {
      await backend.whenAccepted(count);
      backend.forgetAll();
    }
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      attemptCount: 2,
      error: { code: 'backend_lost_run' },
    });
    const events = await collect(generations.events(id, ACCOUNT, { live: false }));
    expect(events.map((event) => event.type)).toEqual(['queued', 'started', 'retrying', 'started', 'failed']);
  });

  test('an end without its event is found by looking', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!, {}, { silently: true });
    backend.emit({ type: 'disconnected', reason: 'test' });
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
  });

  test('a silent run is stopped at its limit', async () => {
    const { generations, backend } = await nodes.node(await createDb(), { limits: { silenceMs: 100, cancelMs: 50 } });
    const { id } = await generations.submit(request({ limits: { maxAttempts: 1 } }));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({ status: 'failed', error: { code: 'run_timeout' } });
    expect(backend.calls.cancel).toBe(1);
  });

  test('a run that finishes while it is being timed out is a success, not a refund', async () => {
    const { generations, backend } = await nodes.node(await createDb(), { limits: { silenceMs: 100 } });
    const cancel = backend.cancel.bind(backend);
    backend.cancel = async (attemptId) => {
      backend.finish(attemptId, {}, { silently: true });
      return cancel(attemptId);
    };
    const { id } = await generations.submit(request());
    expect((await generations.wait(id, ACCOUNT)).status).toBe('succeeded');
  });

  test('a node exception fails with its node named; out of memory gets one more try', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const failure = (code: 'node_failed' | 'out_of_memory') => ({
      outcome: 'failed' as const,
      error: new BackendError(code, 'Node 9 (SaveImage): boom', { details: { nodeId: '9' } }).toInfo(),
    });
    const first = await generations.submit(request());
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!, failure('node_failed'));
    expect(await generations.wait(first.id, ACCOUNT)).toMatchObject({
      status: 'failed',
      attemptCount: 1,
      error: { code: 'node_failed', details: { nodeId: '9' } },
    });
    const second = await generations.submit(request());
    for (const count of [2, 3]) {
      await backend.whenAccepted(count);
      backend.finish(backend.accepted[count - 1]!, failure('out_of_memory'));
    }
    expect(await generations.wait(second.id, ACCOUNT)).toMatchObject({
      attemptCount: 2,
      error: { code: 'out_of_memory' },
    });
  });

  test('an output that cannot be fetched fails the attempt and leaves no file', async () => {
    const { generations, backend, mediaRoot } = await nodes.node(await createDb());
    backend.autoFinish = () => [backend.addFile('a.png', Buffer.from('a')), backend.addFile('b.png', Buffer.from('b'))];
    const open = backend.openOutput.bind(backend);
    backend.openOutput = async (output) => {
      if (output.filename === 'b.png') throw new BackendError('output_unavailable', 'The file b.png is gone.');
      return open(output);
    };
    const { id } = await generations.submit(request({ limits: { maxAttempts: 1 } }));
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'failed',
      error: { code: 'output_unavailable' },
    });
    expect(await readdir(join(mediaRoot, 'tmp'))).toEqual([]);
  });

  test('cancel: in the queue at once, on the backend verified, too late stays a success', async () => {
    const { generations, backend } = await nodes.node(await createDb());
    const running = await generations.submit(request());
    await backend.whenAccepted(1);
    const waiting = await generations.submit(request());
    expect((await generations.cancel(waiting.id, ACCOUNT)).status).toBe('cancelled');

    await generations.cancel(running.id, ACCOUNT);
    expect(await generations.wait(running.id, ACCOUNT)).toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', details: { verified: true } },
    });

    const late = await generations.submit(request());
    await backend.whenAccepted(2);
    backend.finish(backend.accepted[1]!, {}, { silently: true });
    await generations.cancel(late.id, ACCOUNT);
    expect((await generations.wait(late.id, ACCOUNT)).status).toBe('succeeded');
    expect((await generations.cancel(late.id, ACCOUNT)).status).toBe('succeeded');
    expect(backend.calls.submit).toBe(2);
  });

  test('cancel of a stuck run ends unverified at its limit', async () => {
    const { generations, backend } = await nodes.node(await createDb(), { limits: { cancelMs: 60 } });
    backend.ignoresCancel = true;
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    await generations.cancel(id, ACCOUNT);
    expect(await generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'cancelled',
      error: { details: { verified: false } },
    });
  });

  test('a stopped node leaves its run to the next one, which adopts it without sending it again', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const first = await nodes.node(await database.open(), { backend });
    const { id } = await first.generations.submit(request());
    await backend.whenAccepted(1);
    await first.generations.stop();
    const second = await nodes.node(await database.open(), { backend, mediaRoot: first.mediaRoot });
    backend.finish(backend.accepted[0]!);
    expect(await second.generations.wait(id, ACCOUNT)).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(backend.calls.submit).toBe(1);
  });

  test('a node whose lease was taken over cannot write any more', async () => {
    const database = await createDatabase();
    const backend = new FakeBackend();
    const db = await database.open();
    const gate = new Latch();
    const slow = await nodes.node(db, {
      backend,
      async probe(point) {
        if (point === 'collected') await gate.pass();
      },
    });
    backend.autoFinish = () => [backend.addFile('a.png', Buffer.from('a'))];
    const { id } = await slow.generations.submit(request());
    await gate.reached;
    // As after SIGSTOP past the lease: the row says that the lease has run out, and another node takes it.
    const thief = await database.open();
    await thief.transaction(async (tx) => {
      await tx
        .updateTable('backends')
        .set({ owner_node: `elsewhere:1:${newId()}`, lease_until: 0 })
        .execute();
    });
    const second = await nodes.node(thief, { backend, mediaRoot: slow.mediaRoot });
    expect((await second.generations.wait(id, ACCOUNT)).status).toBe('succeeded');
    gate.open();
    await slow.generations.stop();
    const events = await collect(second.generations.events(id, ACCOUNT, { live: false }));
    expect(events.filter((event) => event.type === 'succeeded')).toHaveLength(1);
    expect(await thief.kysely.selectFrom('outputs').selectAll().execute()).toHaveLength(1);
    expect(await thief.kysely.selectFrom('media').selectAll().where('state', '=', 'pending').execute()).toEqual([]);
  });
});
