import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/clock.js';
import { type Bench, openBench, show, waiting } from './engine-bench.js';

/** Every fault that the engine can play does what it says, and nothing after it is spoilt. */
let bench: Bench;
afterEach(() => bench.close());

const cut = { code: expect.stringMatching(/ECONNRESET|EPIPE|ECONNREFUSED/) };

describe('faults on the way of a request', () => {
  it('fails the next submits and stores nothing', async () => {
    bench = await openBench({ faults: { submitErrors: { count: 2, status: 503 } } });
    const statuses = [];
    for (let index = 0; index < 3; index++)
      statuses.push((await bench.post('/prompt', { prompt: show(index) })).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(bench.engine.faults.plan).toEqual({});
  });

  it('accepts a prompt and cuts the connection before the answer', async () => {
    bench = await openBench({ faults: { dropAcceptedSubmits: { count: 1 } } });
    const client = await bench.connect();
    await expect(
      bench.post('/prompt', { prompt: show(1), client_id: 'me', prompt_id: 'lost-answer' }),
    ).rejects.toMatchObject(cut);
    await client.ended('lost-answer');
    expect((await bench.get('/history/lost-answer')).json['lost-answer'].status.completed).toBe(true);
  });

  it('answers late by the clock', async () => {
    const clock = new VirtualClock();
    bench = await openBench({ clock, faults: { latencyMs: { 'GET /queue': 5_000, 'GET /history/': 1_000 } } });
    let isAnswered = false;
    const answer = bench.get('/api/queue').then(() => {
      isAnswered = true;
    });
    await clock.whenPending();
    await bench.get('/prompt');
    expect(isAnswered).toBe(false);
    await clock.advance(5_000);
    await answer;
    const entry = bench.get('/history/x');
    await clock.whenPending();
    await clock.advance(1_000);
    expect((await entry).json).toEqual({});
  });

  it('stays silent, and ends with the engine', async () => {
    bench = await openBench({ faults: { silentRoutes: ['GET /system_stats'] } });
    const silent = expect(bench.get('/system_stats')).rejects.toMatchObject(cut);
    expect((await bench.get('/queue')).status).toBe(200);
    await bench.engine.close();
    await silent;
  });

  it('sends a file late, or only a part of it', async () => {
    const clock = new VirtualClock();
    bench = await openBench({ clock, faults: { view: { delayMs: 100, cutAfterBytes: 4, count: 1 } } });
    await writeFile(join(bench.engine.folders.output, 'a.bin'), '0123456789');
    const truncated = expect(bench.get('/view?filename=a.bin')).rejects.toMatchObject(cut);
    await clock.whenPending();
    await clock.advance(100);
    await truncated;
    expect((await bench.get('/view?filename=a.bin')).json).toBe('0123456789');
  });
});

describe('faults of the executor', () => {
  it('runs out of memory at a node and carries on with the next prompt', async () => {
    bench = await openBench({ faults: { outOfMemoryAtNode: { classType: 'Show', count: 1 } } });
    const client = await bench.connect();
    const first = await bench.submit(show(1), { client_id: 'me' });
    const error = await client.until((type) => type === 'execution_error');
    expect(error).toMatchObject({ exception_type: 'torch.OutOfMemoryError', node_id: '1', current_inputs: { v: [1] } });
    await client.ended(first);
    await client.ended(await bench.submit(show(2), { client_id: 'me' }));
    expect((await bench.get(`/history/${first}`)).json[first].status.status_str).toBe('error');
  });

  it('wedges: HTTP stays up, interrupts do nothing, only a restart helps', async () => {
    bench = await openBench({ faults: { hangAtNode: { nodeId: '1', count: 1 } } });
    const client = await bench.connect();
    const stuck = await bench.submit(show(1), { client_id: 'me' });
    await client.until((type) => type === 'executing');
    await bench.post('/interrupt', {});
    const behind = await bench.submit(show(2));
    const { json } = await bench.get('/queue');
    expect([json.queue_running[0][1], json.queue_pending[0][1]]).toEqual([stuck, behind]);
    await bench.engine.restart();
    expect((await bench.get('/prompt')).json.exec_info.queue_remaining).toBe(0);
    const again = await bench.connect();
    await again.ended(await bench.submit(show(3), { client_id: 'me' }));
  });

  it('writes the history after the frames that announce the end', async () => {
    const clock = new VirtualClock();
    bench = await openBench({ clock, faults: { history: { delayMs: 10, count: 1 } } });
    const client = await bench.connect();
    const id = await bench.submit(show(1), { client_id: 'me' });
    await client.ended(id);
    expect((await bench.get(`/history/${id}`)).json).toEqual({});
    expect((await bench.get('/queue')).json).toEqual({ queue_running: [], queue_pending: [] });
    await clock.advance(10);
    expect((await bench.get(`/history/${id}`)).json[id].status.completed).toBe(true);
  });

  it('writes the history late and everything after it too', async () => {
    const clock = new VirtualClock();
    bench = await openBench({ clock, faults: { history: { delayMs: 10, isAnnouncedFirst: false } } });
    const client = await bench.connect();
    const id = await bench.submit(show(1), { client_id: 'me' });
    await client.until((type) => type === 'execution_success');
    await clock.whenPending();
    expect((await bench.get(`/history/${id}`)).json).toEqual({});
    expect((await bench.get('/prompt')).json.exec_info.queue_remaining).toBe(1);
    await clock.advance(10);
    await client.ended(id);
    expect((await bench.get(`/history/${id}`)).json[id]).toBeDefined();
  });
});

describe('lost prompts and connections', () => {
  it('loses a prompt right after it was accepted', async () => {
    bench = await openBench();
    await bench.connect();
    await bench.submit(waiting(1));
    await bench.gate.reached();
    bench.engine.faults.set({ losePrompts: { count: 1 } });
    const lost = await bench.submit(show(2));
    const kept = await bench.submit(show(3));
    const { json } = await bench.get('/queue');
    expect(json.queue_pending.map((item: string[]) => item[1])).toEqual([kept]);
    expect((await bench.get(`/history/${lost}`)).json).toEqual({});
  });

  it('loses a running prompt without a trace', async () => {
    bench = await openBench();
    const client = await bench.connect();
    const lost = await bench.submit(waiting(1), { client_id: 'me' });
    await bench.gate.reached();
    expect(bench.engine.losePrompt(lost)).toBe(true);
    expect(bench.engine.losePrompt('nobody')).toBe(false);
    await client.ended(await bench.submit(show(2), { client_id: 'me' }));
    expect((await bench.get(`/history/${lost}`)).json).toEqual({});
  });

  it('cuts sockets while idle, and at a node', async () => {
    bench = await openBench();
    const idle = await bench.connect('idle');
    const closed = new Promise((resolve) => idle.socket.webSocket.once('close', resolve));
    bench.engine.dropSockets();
    expect(await closed).toBe(1006);

    bench.engine.faults.set({ dropSocketsAtNode: { classType: 'Wait', count: 1 } });
    const busy = await bench.connect('me');
    const cutMidRun = new Promise((resolve) => busy.socket.webSocket.once('close', resolve));
    const id = await bench.submit(waiting(1), { client_id: 'me' });
    expect(await cutMidRun).toBe(1006);
    expect(busy.types()).not.toContain('executing null');
    const again = await bench.connect('me');
    await bench.gate.reached();
    bench.gate.open();
    await again.ended(id);
    expect(bench.engine.counts.sockets).toBe(1);
  });

  it('restarts on the same port and has forgotten everything but files', async () => {
    bench = await openBench();
    await writeFile(join(bench.engine.folders.input, 'kept.png'), 'x');
    await writeFile(join(bench.engine.folders.temp, 'gone.png'), 'x');
    const client = await bench.connect();
    const done = await bench.submit(show(1), { client_id: 'me' });
    await client.ended(done);
    await bench.submit(waiting(2), { client_id: 'me' });
    await bench.gate.reached();
    const pending = await bench.submit(show(3));
    const { url } = bench.engine;
    const closed = new Promise((resolve) => client.socket.webSocket.once('close', resolve));
    await bench.engine.restart();
    expect(bench.engine.url).toBe(url);
    expect(await closed).toBe(1006);
    for (const id of [done, pending]) expect((await bench.get(`/history/${id}`)).json).toEqual({});
    expect((await bench.get('/queue')).json).toEqual({ queue_running: [], queue_pending: [] });
    expect((await bench.post('/prompt', { prompt: show(1) })).json.number).toBe(0);
    expect((await bench.get('/view?filename=kept.png&type=input')).status).toBe(200);
    expect((await bench.get('/view?filename=gone.png&type=temp')).status).toBe(404);
  });

  it('is not there while it is down', async () => {
    const clock = new VirtualClock();
    bench = await openBench({ clock });
    const back = bench.engine.restart({ downMs: 1_000 });
    await clock.whenPending();
    await expect(bench.get('/queue')).rejects.toMatchObject(cut);
    await clock.advance(1_000);
    await back;
    expect((await bench.get('/queue')).status).toBe(200);
  });
});

describe('the control route', () => {
  it('exists only when the engine was told so', async () => {
    bench = await openBench();
    expect((await bench.get('/easel/faults')).status).toBe(404);
    expect((await bench.post('/easel/faults', { set: {} })).status).toBe(405);
  });

  it('changes the plan, names mistakes, and restarts', async () => {
    bench = await openBench({ control: true });
    const set = await bench.post('/easel/faults', { set: { submitErrors: { count: 1 } } });
    expect(set.json.plan).toEqual({ submitErrors: { count: 1, status: 500 } });
    expect((await bench.post('/prompt', { prompt: show(1) })).status).toBe(500);
    expect((await bench.post('/easel/faults', { set: { hangAt: {} } })).json.error).toContain('hangAt');
    await bench.post('/easel/faults', { clear: true, set: { latencyMs: { '*': 0 } } });
    expect((await bench.get('/easel/faults')).json.plan).toEqual({ latencyMs: { '*': 0 } });

    const client = await bench.connect();
    const id = await bench.submit(show(1), { client_id: 'me' });
    await client.ended(id);
    const closed = new Promise((resolve) => client.socket.webSocket.once('close', resolve));
    await bench.post('/easel/faults', { restart: {} });
    await closed;
    const isBack = async (): Promise<boolean> => (await bench.get(`/history/${id}`).catch(() => null)) !== null;
    while (!(await isBack()));
    expect((await bench.get(`/history/${id}`)).json).toEqual({});
  });
});
