import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../testing/index.js';
import { ComfyUiBackend } from './comfyui.js';

/** Servers that the embedded engine does not play: very old ones, and ones that do what they like. */
interface Script {
  readonly version?: string | null;
  /** `[running ids, pending ids]`, one entry per look; the last one stays. */
  readonly queue?: readonly (readonly [readonly string[], readonly string[]])[];
  readonly history?: Readonly<Record<string, unknown>>;
  readonly prompt?: (body: Record<string, unknown>) => unknown;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setUp(script: Script) {
  const posted: string[] = [];
  const queue = [...(script.queue ?? [[[], []]])];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const url = request.url ?? '';
    const item = (id: string, index: number) => [index, id, {}, {}, []];
    const answer = () => {
      if (request.method === 'POST') posted.push(`${url} ${body}`);
      if (url === '/prompt' && request.method === 'POST') return script.prompt?.(JSON.parse(body)) ?? {};
      if (url === '/queue' && request.method === 'GET') {
        const [running, pending] = (queue.length > 1 ? queue.shift() : queue[0]) ?? [[], []];
        return { queue_running: running.map(item), queue_pending: pending.map(item) };
      }
      if (url === '/system_stats') return { system: { comfyui_version: script.version ?? null }, devices: [] };
      const id = url.replace('/history/', '');
      return script.history?.[id] === undefined ? {} : { [id]: script.history[id] };
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clock = new VirtualClock();
  const backend = new ComfyUiBackend({
    id: 'b',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock,
  });
  closers.push(
    () => new Promise<void>((resolve) => server.close(() => resolve())),
    () => backend.close(),
  );
  return { backend, posted, clock };
}

/** Runs the work under the virtual clock, which moves on whenever the work has gone to sleep. */
async function running<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const watched = work.finally(() => {
    over = true;
  });
  // Its failure is for the caller, who gets the promise below.
  watched.catch(() => {});
  const start = clock.now();
  while (!over) {
    // Request limits are 1 s and more: only shorter pauses are slept through, so no request times out.
    const due = clock.nextDueAt;
    if (due !== null && due - clock.now() <= 500) await clock.advanceToNext();
    else await new Promise((resolve) => setImmediate(resolve));
    if (clock.now() - start > 60_000) throw new Error('The work does not end.');
  }
  return watched;
}

const graph = { '1': { class_type: 'X', inputs: {} } };
const interrupted = {
  outputs: {},
  status: { status_str: 'error', completed: false, messages: [['execution_interrupted', { node_id: '1' }]] },
};

describe('old servers', () => {
  it('are interrupted only when ours runs and nothing waits behind it', async () => {
    const { backend, posted, clock } = await setUp({
      version: '0.3.40',
      queue: [
        [['ours'], []],
        [['ours'], []],
        [[], []],
      ],
      history: { ours: interrupted },
    });
    expect(await running(clock, backend.cancel('ours'))).toEqual({ state: 'cancelled' });
    expect(posted).toEqual(['/interrupt {}']);
  });

  it("are not interrupted when somebody else's prompt could be hit", async () => {
    const { backend, posted, clock } = await setUp({ version: null, queue: [[['ours'], ['theirs']]] });
    expect(await running(clock, backend.cancel('ours', { timeoutMs: 2_000 }))).toEqual({ state: 'stopping' });
    expect(posted).toEqual([]);
  });

  it('that choose ids of their own are refused, and what they took is withdrawn', async () => {
    const { backend, posted, clock } = await setUp({
      prompt: () => ({ prompt_id: 'own-id', number: 1, node_errors: {} }),
      queue: [
        [[], ['own-id']],
        [[], []],
      ],
    });
    const outcome = await running(clock, backend.submit({ attemptId: 'ours', graph }));
    expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'backend_protocol', retryable: false } });
    expect(posted.at(-1)).toBe('/queue {"delete":["own-id"]}');
  });
});

describe('cancelling', () => {
  it('repeats the interrupt, because a server forgets one that comes before the run has started', async () => {
    const { backend, posted, clock } = await setUp({
      version: '0.3.64',
      queue: [
        [['ours'], []],
        [['ours'], []],
        [['ours'], []],
        [['ours'], []],
        [[], []],
      ],
      history: { ours: interrupted },
    });
    expect(await running(clock, backend.cancel('ours'))).toEqual({ state: 'cancelled' });
    expect(posted.filter((line) => line === '/interrupt {"prompt_id":"ours"}').length).toBeGreaterThan(1);
  });

  it('follows an attempt that starts while it is taken off the queue', async () => {
    const { backend, posted, clock } = await setUp({
      version: '0.8.0',
      queue: [
        [['x'], ['ours']],
        [['ours'], []],
        [['ours'], []],
        [[], []],
      ],
      history: { ours: interrupted },
    });
    expect(await running(clock, backend.cancel('ours'))).toEqual({ state: 'cancelled' });
    expect(posted).toEqual(['/queue {"delete":["ours"]}', '/interrupt {"prompt_id":"ours"}']);
  });

  it('that loses the race to success leaves it a success', async () => {
    const done = {
      outputs: {},
      status: { status_str: 'success', completed: true, messages: [['execution_success', {}]] },
    };
    const { backend, clock } = await setUp({
      version: '0.8.0',
      queue: [
        [['ours'], []],
        [[], []],
      ],
      history: { ours: done },
    });
    expect(await running(clock, backend.cancel('ours'))).toMatchObject({
      state: 'finished',
      result: { outcome: 'succeeded' },
    });
  });
});

describe('submitting', () => {
  it('sends id, client id and workflow, and no workflow where there is none', async () => {
    const bodies: Record<string, unknown>[] = [];
    const { backend } = await setUp({
      prompt: (body) => {
        bodies.push(body);
        return { prompt_id: body['prompt_id'], number: 1, node_errors: {} };
      },
    });
    await backend.submit({ attemptId: 'a', graph, workflow: { nodes: [] } });
    await backend.submit({ attemptId: 'b', graph });
    expect(bodies[0]).toMatchObject({ prompt_id: 'a', extra_data: { extra_pnginfo: { workflow: { nodes: [] } } } });
    expect(bodies[0]?.['client_id']).toMatch(/^easel-/);
    expect(bodies[1]).not.toHaveProperty('extra_data');
  });

  it('does not believe a 200 that says something else', async () => {
    const { backend } = await setUp({ prompt: () => ({ ok: true }) });
    expect(await backend.submit({ attemptId: 'a', graph })).toMatchObject({
      kind: 'unknown',
      error: { code: 'backend_not_comfyui' },
    });
  });
});
