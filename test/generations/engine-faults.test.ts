import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ComfyUiBackend } from '../../src/backends/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { EmbeddedEngine, type FaultPlan } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { type Generation, Generations, type GenerationsOptions } from '../../src/generations/index.js';
import type { Graph } from '../../src/graph/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { makeKit } from '../helpers/databases.js';

/**
 * Faults of a real server on the wire, through everything: engine, HTTP and websocket, adapter, generations, SQLite. Each
 * ends in success or in a named error, within its deadline; the test's own timeout is the proof that none hangs.
 */
const ACCOUNT = 'faults';
const rehearsal = { stepMs: 1, loadMs: 1, previewSize: 0, models: 'any' as const, standInImages: false };

function graph(seconds = 0.2): Graph {
  return {
    '1': {
      class_type: 'EmptyImage',
      inputs: { width: 32, height: 32, batch_size: 1, color: Math.floor(Math.random() * 2 ** 24) },
    },
    '2': { class_type: 'TestSleep', inputs: { value: ['1', 0], seconds } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: newId() } },
  };
}

describe('faults of the engine', () => {
  const { createDb } = makeKit('sqlite');
  let folder: string;
  let engine: EmbeddedEngine;
  let backend: ComfyUiBackend;
  let generations: Generations;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'easel-engine-faults-'));
  });
  afterEach(async () => {
    await generations.stop();
    await backend.close();
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function setUp(
    options: { readonly faults?: FaultPlan; readonly limits?: GenerationsOptions['limits'] } = {},
  ): Promise<void> {
    engine = new EmbeddedEngine({
      nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
      dataDir: join(folder, 'engine'),
      version: '0.8.0',
      rehearsal,
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    });
    const { url } = await engine.start();
    backend = new ComfyUiBackend({ id: 'engine', baseUrl: url });
    await backend.start();
    generations = new Generations({
      db: await createDb(),
      media: new FileMediaStore({ root: join(folder, 'media'), clock: systemClock }),
      clock: systemClock,
      logger: silentLogger,
      backends: [{ backend }],
      instance: newId(),
      limits: { queueMs: 20_000, runMs: 10_000, silenceMs: 8_000, cancelMs: 1_000, ...options.limits },
      retry: { baseDelayMs: 10, maxDelayMs: 50 },
      timing: { tickMs: 100, maxHealthPauseMs: 100 },
    });
    await generations.start();
  }

  const submit = async (made: Graph = graph()) => (await generations.submit({ accountId: ACCOUNT, graph: made })).id;
  const wait = (id: string): Promise<Generation> => generations.wait(id, ACCOUNT);
  const runs = () => engine.counts.history;

  /** Resolves when the engine executes something. */
  async function untilRunning(id: string): Promise<void> {
    for await (const event of generations.events(id, ACCOUNT)) if (event.type === 'progress') return;
  }

  test('sockets cut while idle: the next job is heard again', async () => {
    await setUp();
    expect((await wait(await submit())).status).toBe('succeeded');
    engine.dropSockets();
    expect((await wait(await submit())).status).toBe('succeeded');
    expect(runs()).toBe(2);
  });

  test('sockets cut in the middle of a run: it is followed by looking, and not run again', async () => {
    await setUp({ faults: { dropSocketsAtNode: { classType: 'TestSleep', count: 1 } } });
    expect(await wait(await submit(graph(0.5)))).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(runs()).toBe(1);
  });

  test('history written 10 ms after the end was announced', async () => {
    await setUp({ faults: { history: { delayMs: 10 } } });
    expect(await wait(await submit())).toMatchObject({ status: 'succeeded', attemptCount: 1 });
  });

  test('history written 800 ms late, as by a server that stalls', async () => {
    await setUp({ faults: { history: { delayMs: 800, count: 1 } } });
    const ended = await wait(await submit());
    expect(ended.status).toBe('succeeded');
  });

  test.each([500, 502, 503, 429])('%i on submit: tried again until it is taken', async (status) => {
    await setUp({ faults: { submitErrors: { count: 2, status } } });
    expect((await wait(await submit())).status).toBe('succeeded');
    expect(runs()).toBe(1);
  });

  test('answer lost after acceptance: looked up, run once', async () => {
    await setUp({ faults: { dropAcceptedSubmits: { count: 1 } } });
    expect(await wait(await submit())).toMatchObject({ status: 'succeeded', attemptCount: 1 });
    expect(runs()).toBe(1);
  });

  test('a node that hangs for ever ends at the silence limit, in a named error', async () => {
    await setUp({
      faults: { hangAtNode: { classType: 'TestSleep' } },
      limits: { silenceMs: 300, cancelMs: 300, maxAttempts: 1 },
    });
    expect(await wait(await submit())).toMatchObject({ status: 'failed', error: { code: 'run_timeout' } });
  });

  test('a server that accepts connections and never answers ends at the queue deadline', async () => {
    await setUp({ faults: { silentRoutes: ['*'] }, limits: { queueMs: 500, silenceMs: 500, maxAttempts: 1 } });
    const ended = await wait(await submit());
    expect(['expired', 'failed']).toContain(ended.status);
    expect(['queue_timeout', 'backend_unreachable']).toContain(ended.error?.code);
  });

  test('a restart in the middle of a run: the lost run is run again', async () => {
    await setUp();
    const id = await submit(graph(3));
    await untilRunning(id);
    await engine.restart({ downMs: 200 });
    expect(await wait(id)).toMatchObject({ status: 'succeeded', attemptCount: 2 });
  });

  test('deleted from the queue by somebody else: run again', async () => {
    await setUp({ faults: { losePrompts: { count: 1 } } });
    expect(await wait(await submit())).toMatchObject({ status: 'succeeded', attemptCount: 2 });
  });

  test('interrupted by somebody else: run again', async () => {
    await setUp();
    const id = await submit(graph(1));
    await untilRunning(id);
    await fetch(`${engine.url}/interrupt`, { method: 'POST' });
    expect(await wait(id)).toMatchObject({ status: 'succeeded', attemptCount: 2 });
  });

  test('out of memory once: one more try; every time: the error says so', async () => {
    await setUp({ faults: { outOfMemoryAtNode: { classType: 'TestSleep', count: 1 } } });
    expect(await wait(await submit())).toMatchObject({ status: 'succeeded', attemptCount: 2 });
    engine.faults.set({ outOfMemoryAtNode: { classType: 'TestSleep' } });
    expect(await wait(await submit())).toMatchObject({
      status: 'failed',
      attemptCount: 2,
      error: { code: 'out_of_memory' },
    });
  });

  test('a download that breaks off is taken up again from the start', async () => {
    await setUp({ faults: { view: { cutAfterBytes: 10, count: 1 } } });
    expect(await wait(await submit())).toMatchObject({ status: 'succeeded', attemptCount: 1 });
  });

  test('files that always break off: a named error, and no half file', async () => {
    await setUp({ faults: { view: { cutAfterBytes: 10 } }, limits: { maxAttempts: 1 } });
    const ended = await wait(await submit());
    expect(ended.status).toBe('failed');
    expect(['output_unavailable', 'backend_unreachable', 'backend_protocol']).toContain(ended.error?.code);
    expect(ended.outputs).toEqual([]);
  });

  test('cancel of a running job is verified on the engine, and its neighbour is left alone', async () => {
    await setUp();
    const id = await submit(graph(5));
    await untilRunning(id);
    const neighbour = await submit();
    await generations.cancel(id, ACCOUNT);
    expect(await wait(id)).toMatchObject({ status: 'cancelled', error: { details: { verified: true } } });
    expect((await wait(neighbour)).status).toBe('succeeded');
    expect(engine.counts.queued).toBe(0);
  });

  test('somebody else uses the same server: ours wait their turn, and theirs are not touched', async () => {
    await setUp();
    const theirs = await fetch(`${engine.url}/prompt`, {
      method: 'POST',
      body: JSON.stringify({ prompt: graph(0.5) }),
    });
    const { prompt_id: promptId } = (await theirs.json()) as { prompt_id: string };
    const id = await submit();
    expect((await wait(id)).status).toBe('succeeded');
    const history = (await (await fetch(`${engine.url}/history/${promptId}`)).json()) as Record<
      string,
      { status: { status_str: string } }
    >;
    expect(history[promptId]?.status.status_str).toBe('success');
  });

  test('a burst of 180 short jobs loses none', async () => {
    // A slow machine may take a while; what counts is that all come through.
    await setUp({ limits: { queueMs: 120_000 } });
    const ids = await Promise.all(Array.from({ length: 180 }, () => submit(graph(0.005))));
    const ended = await Promise.all(ids.map(wait));
    expect(ended.filter((generation) => generation.status !== 'succeeded')).toEqual([]);
    expect(runs()).toBe(180);
  }, 150_000);
});
