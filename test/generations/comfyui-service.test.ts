import { expect, test } from 'vitest';
import { BackendError } from '../../src/core/errors.js';
import type { Db } from '../../src/db/index.js';
import { ComfyUiService, type Generations, type ProbePoint, type RequestPhase } from '../../src/generations/index.js';
import { Latch, VirtualClock } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { capturingLogger } from '../http/harness.js';
import { ACCOUNT, request, useNodes } from './harness.js';

const BROKEN = new BackendError('node_failed', 'A node broke.').toInfo();
/** Nothing is swept unless a test asks for it. */
const NO_TICKS = { timing: { tickMs: 24 * 60 * 60_000 } };

describeEachDatabase('easel.comfyui', ({ createDb }) => {
  const nodes = useNodes();

  function serve(db: Db, generations: Generations) {
    const { logger, lines } = capturingLogger();
    const comfyui = new ComfyUiService({ db, logger, generations });
    return { comfyui, lines };
  }

  test('shows a request in each phase, by its filter and by no other', async () => {
    const db = await createDb();
    const gates = new Map<ProbePoint, Latch>([
      ['marked-sent', new Latch()],
      ['running', new Latch()],
      ['collected', new Latch()],
    ]);
    const probe = async (point: ProbePoint) => gates.get(point)?.pass();
    const { generations, backend } = await nodes.node(db, { probe, limits: { queueMs: 700_000, runMs: 300_000 } });
    const { comfyui } = serve(db, generations);
    const expectPhase = async (phase: RequestPhase, id: string, more: object) => {
      const [shown, ...others] = await comfyui.active({ phase });
      expect(others).toEqual([]);
      expect(shown).toMatchObject({ id, phase, accountId: ACCOUNT, ...more });
      for (const other of ['queued', 'sending', 'running', 'collecting'] as const)
        if (other !== phase) expect(await comfyui.active({ phase: other })).toEqual([]);
      expect((await comfyui.status(id, ACCOUNT)).active).toEqual(shown);
      return shown!;
    };

    // No other backend than the one that is not there.
    const waiting = await comfyui.submit(request({ backendId: 'nobody' }));
    const queued = await expectPhase('queued', waiting.id, { attemptId: null, backendId: null, attempts: 0 });
    expect(queued.deadlineAt).toBe(queued.createdAt + 700_000);
    await comfyui.cancel(waiting.id, ACCOUNT);

    const { id } = await comfyui.submit(request());
    await gates.get('marked-sent')?.reached;
    const tried = { attemptId: expect.any(String), backendId: 'fake', attempts: 1 };
    const sending = await expectPhase('sending', id, tried);
    expect(sending.deadlineAt).toBe(sending.createdAt + 700_000);
    expect(backend.accepted).toEqual([]);

    gates.get('marked-sent')?.open();
    await gates.get('running')?.reached;
    const running = await expectPhase('running', id, { ...tried, attemptId: backend.accepted[0] });
    expect(running.deadlineAt).toBe(running.since + 300_000);
    expect(await comfyui.active({ backendId: 'fake' })).toEqual([running]);
    expect(await comfyui.active({ backendId: 'other' })).toEqual([]);

    gates.get('running')?.open();
    backend.finish(running.attemptId!);
    await gates.get('collected')?.reached;
    await expectPhase('collecting', id, { ...tried, attemptId: running.attemptId });

    gates.get('collected')?.open();
    expect(await comfyui.result(id, ACCOUNT)).toMatchObject({ status: 'succeeded' });
    expect(await comfyui.active()).toEqual([]);
  });

  test('tells a failure with its code, attempt and backend; a listener that throws is nobody else’s concern', async () => {
    const db = await createDb();
    const { generations, backend } = await nodes.node(db);
    const { comfyui, lines } = serve(db, generations);
    const failures: unknown[] = [];
    comfyui.on('failed', () => {
      throw new Error('A listener broke.');
    });
    const stop = comfyui.on('failed', ({ generationId, data }) => failures.push({ generationId, data }));
    const fail = async () => {
      const count = backend.accepted.length + 1;
      const { id } = await comfyui.submit(request());
      await backend.whenAccepted(count);
      backend.finish(backend.accepted.at(-1)!, { outcome: 'failed', error: BROKEN });
      expect(await comfyui.result(id, ACCOUNT)).toMatchObject({ status: 'failed', error: { code: 'node_failed' } });
      return id;
    };
    const id = await fail();
    expect(failures).toMatchObject([
      { generationId: id, data: { attemptId: backend.accepted[0], backendId: 'fake', error: { code: 'node_failed' } } },
    ]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'a listener threw',
        fields: expect.objectContaining({ service: 'comfyui', generation: id, event: 'failed' }),
      }),
    );
    stop();
    await fail();
    expect(failures).toHaveLength(1);
  });

  test('ends what waited beyond its deadline, when told to sweep', async () => {
    const db = await createDb();
    const clock = new VirtualClock();
    const { generations } = await nodes.node(db, { backends: [], clock, ...NO_TICKS });
    const { comfyui, lines } = serve(db, generations);
    const late = await comfyui.submit(request({ limits: { queueMs: 60_000 } }));
    const early = await comfyui.submit(request());
    clock.jumpTo(clock.now() + 60_000);
    expect((await comfyui.status(late.id, ACCOUNT)).status).toBe('queued');
    expect(await comfyui.sweepStale()).toEqual({ expired: 1, givenUp: 0, released: 0 });
    expect(await comfyui.status(late.id, ACCOUNT)).toMatchObject({
      status: 'expired',
      isActive: false,
      error: { code: 'queue_timeout' },
    });
    expect((await comfyui.active()).map(({ id }) => id)).toEqual([early.id]);
    expect(lines.at(-1)).toMatchObject({ message: 'swept', fields: { service: 'comfyui', expired: 1 } });
    expect(await comfyui.sweepStale()).toEqual({ expired: 0, givenUp: 0, released: 0 });
  });

  test('ends what nobody follows any more, when told to sweep', async () => {
    const db = await createDb();
    const first = await nodes.node(db);
    const { id } = await first.generations.submit(request({ limits: { maxAttempts: 1, runMs: 300_000 } }));
    await first.backend.whenAccepted(1);
    const [attempt] = first.backend.accepted;
    await expect
      .poll(async () => (await serve(db, first.generations).comfyui.active({ phase: 'running' })).length)
      .toBe(1);
    // Its run is left to be adopted, and the second node has no such backend.
    await first.generations.stop();

    const clock = new VirtualClock(Date.now());
    const second = await nodes.node(db, { backends: [], clock, ...NO_TICKS });
    const { comfyui } = serve(db, second.generations);
    const failures: unknown[] = [];
    comfyui.on('failed', ({ data }) => failures.push(data));
    expect(await comfyui.sweepStale()).toEqual({ expired: 0, givenUp: 0, released: 0 });
    clock.jumpTo(clock.now() + 300_000 + 60_000);
    expect(await comfyui.sweepStale()).toEqual({ expired: 0, givenUp: 1, released: 0 });
    expect(failures).toMatchObject([{ attemptId: attempt, backendId: 'fake', error: { code: 'backend_lost_run' } }]);
    expect(await comfyui.status(id, ACCOUNT)).toMatchObject({ status: 'failed', isActive: false });
  });

  test('an attempt is logged with its generation, attempt and backend from the first line to the last', async () => {
    const { logger, lines } = capturingLogger();
    const { generations, backend } = await nodes.node(await createDb(), { logger });
    const { id } = await generations.submit(request());
    await backend.whenAccepted(1);
    const [attempt] = backend.accepted;
    backend.finish(attempt!, { outcome: 'failed', error: BROKEN });
    await generations.wait(id, ACCOUNT);
    for (const message of ['prompt sent', 'attempt settled', 'an attempt failed'])
      await expect
        .poll(() => lines.filter((line) => line.message === message).map(({ fields }) => fields))
        .toMatchObject([{ generation: id, attempt, backend: 'fake' }]);
  });
});
