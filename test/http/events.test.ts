import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/index.js';
import { census, leakedSince } from '../helpers/leaks.js';
import { type Answer, rawSocket, readEvents, type ServerEvent, type TestServer, useServers } from './harness.js';

async function open(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  const events = readEvents(response.body as unknown as AsyncIterable<Uint8Array>);
  return { response, events, stop };
}

async function all(events: AsyncIterable<ServerEvent>): Promise<ServerEvent[]> {
  const seen: ServerEvent[] = [];
  for await (const event of events) if (event.event !== undefined) seen.push(event);
  return seen;
}

/** Reads up to and including the first event of this name. */
async function until(events: AsyncGenerator<ServerEvent>, name: string): Promise<ServerEvent[]> {
  const seen: ServerEvent[] = [];
  for (;;) {
    const next = await events.next();
    if (next.done) throw new Error(`The stream ended before "${name}".`);
    if (next.value.event !== undefined) seen.push(next.value);
    if (next.value.event === name) return seen;
  }
}

/** Turns of the event loop until it is so; the test's own time limit ends it otherwise. */
async function when(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

describe('GET /v1/generations/{id}/events', () => {
  const server = useServers();

  async function running(): Promise<
    TestServer & { readonly url: string; readonly id: string; readonly attemptId: string }
  > {
    const made = await server();
    const listening = await made.listen();
    const id = await made.submit();
    await made.backend.whenAccepted(1);
    return { ...made, id, url: `${listening.url}/v1/generations/${id}/events`, attemptId: made.backend.accepted[0]! };
  }

  test('tells the whole story, then ends', async () => {
    const { url, backend, attemptId, id, generations } = await running();
    const { response, events } = await open(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await events.next()).value).toEqual({ retry: '2000' });
    const begun = await until(events, 'started');
    backend.finish(attemptId);
    const seen = [...begun, ...(await all(events))];
    expect(seen.map(({ id: seq, event }) => [seq, event])).toEqual([
      ['1', 'queued'],
      ['2', 'started'],
      ['3', 'collecting'],
      ['4', 'succeeded'],
    ]);
    expect(seen[1]?.data).toEqual({
      generation_id: id,
      type: 'started',
      seq: 2,
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { attempt_id: attemptId, attempt: 1, backend_id: 'fake' },
    });
    await when(() => generations.followers === 0);
  });

  test('resumes in the middle, where the header knows better than the address', async () => {
    const { url, backend, attemptId } = await running();
    const first = await open(`${url}?after=0`);
    const seen = await until(first.events, 'started');
    first.stop.abort();
    const second = await open(`${url}?after=0`, { 'last-event-id': seen.at(-1)?.id ?? '' });
    const rest = all(second.events);
    backend.finish(attemptId);
    expect((await rest).map((event) => event.id)).toEqual(['3', '4']);
    const third = await open(`${url}?after=3`);
    expect((await all(third.events)).map((event) => event.id)).toEqual(['4']);
    const fourth = await open(url, { 'last-event-id': '' });
    expect(await all(fourth.events)).toHaveLength(4);
  });

  test('tells a browser that has seen the end not to come back', async () => {
    const { app, succeed } = await server();
    const id = await succeed({});
    for (const after of ['4', '99']) {
      const answer = await app.inject({ url: `/v1/generations/${id}/events`, headers: { 'last-event-id': after } });
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
    }
  });

  test('passes progress on, and previews to who asks for them', async () => {
    const { url, backend, attemptId, generations } = await running();
    const with_ = await open(`${url}?previews=1`);
    const without = await open(url);
    await until(with_.events, 'started');
    await until(without.events, 'started');
    expect(generations.followers).toBe(1);
    const bytes = Buffer.from('a picture');
    backend.emit({ type: 'preview', attemptId, nodeId: '1', contentType: 'image/jpeg', bytes });
    backend.emit({ type: 'progress', attemptId, nodeId: '1', value: 3, max: 4 });
    const [preview, progress] = await until(with_.events, 'progress');
    expect(preview).toMatchObject({
      event: 'preview',
      data: { data: { node_id: '1', content_type: 'image/jpeg', base64: bytes.toString('base64') } },
    });
    expect(preview).not.toHaveProperty('id');
    expect(progress?.data.data).toMatchObject({ node_id: '1', step: 3, steps: 4, nodes_total: 2 });
    expect((await until(without.events, 'progress')).map((event) => event.event)).toEqual(['progress']);
    backend.finish(attemptId);
    await Promise.all([all(with_.events), all(without.events)]);
  });

  test('tells a failure in public words', async () => {
    const { url, backend, attemptId } = await running();
    const error = {
      code: 'node_failed',
      message: 'Boom.',
      hint: 'Look.',
      retryable: false,
      details: { nodeId: '9' },
    } as const;
    backend.finish(attemptId, { outcome: 'failed', error });
    const { events } = await open(url);
    const last = (await all(events)).at(-1);
    expect(last).toMatchObject({
      event: 'failed',
      data: { data: { error: { code: 'node_failed', details: { node_id: '9' } } } },
    });
  });

  test.each([
    ['?after=-1', {}],
    ['?after=x', {}],
    ['?after=1&after=2', {}],
    ['?previews=yes', {}],
    ['?afer=1', {}],
    ['', { 'last-event-id': 'abc' }],
  ])('refuses %s %o', async (query, headers) => {
    const { app, submit } = await server();
    const id = await submit();
    const answer = await app.inject({ url: `/v1/generations/${id}/events${query}`, headers });
    expect(answer.json()).toMatchObject({ status: 400, code: 'request_invalid' });
    expect(answer.json().errors).toHaveLength(1);
  });

  test('sends a comment after a silence, by the clock it was given', async () => {
    const clock = new VirtualClock();
    const { app, submit, backend } = await server({ clock });
    const id = await submit();
    await backend.whenAccepted(1);
    const answer = await app.inject({ url: `/v1/generations/${id}/events`, payloadAsStream: true });
    const events = readEvents(answer.stream());
    await until(events, 'started');
    await clock.advance(15_000);
    expect((await events.next()).value).toEqual({ comment: 'heartbeat' });
    backend.finish(backend.accepted[0]!);
    await all(events);
    expect(clock.pending).toBe(0);
  });

  test('a client that goes away leaves nothing behind', async () => {
    const { url, generations, backend, attemptId, app, id } = await running();
    const before = census();
    const { port } = new URL(url);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => rawSocket(Number(port))));
    for (const socket of sockets) {
      socket.write(`GET /v1/generations/${id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      await once(socket, 'data');
    }
    expect(generations.followers).toBe(1);
    for (const socket of sockets) socket.destroy();
    await when(() => generations.followers === 0);
    await when(() => connections(app) === 0);
    // The node goes on working; 20 clients that left something would show all the same.
    expect(await leakedSince(before, { Timeout: 3 })).toEqual([]);
    backend.finish(attemptId);
  });

  test('a client that reads slowly costs no memory, and hears how it ended', async () => {
    const { url, id, backend, attemptId, generations } = await running();
    const socket = await rawSocket(Number(new URL(url).port));
    socket.write(`GET /v1/generations/${id}/events?previews=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    await when(() => generations.followers === 1);
    const bytes = Buffer.alloc(1024 * 1024, 1);
    for (let count = 0; count < 300; count += 1) {
      backend.emit({ type: 'preview', attemptId, nodeId: '1', contentType: 'image/png', bytes });
      await nextTurn();
    }
    backend.finish(attemptId);
    await generations.wait(id, 'local');
    let received = 0;
    let tail = '';
    socket.on('data', (chunk) => {
      received += chunk.length;
      tail = (tail + chunk.toString('latin1')).slice(-2_000);
    });
    socket.resume();
    await when(() => tail.includes('event: succeeded'));
    socket.destroy();
    // 300 previews are 420 MB. What arrives is what the kernel had taken, and the newest.
    expect(received).toBeLessThan(60 * 1024 * 1024);
    await when(() => generations.followers === 0);
  });
});

function connections(app: TestServer['app']): number {
  return (app.server as Answer)._connections;
}
