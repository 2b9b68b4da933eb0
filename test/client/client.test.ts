import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { EaselClient, type GenerationEvent, verifyWebhook } from '../../src/client/index.js';
import { type Listening, listen } from '../../src/http/index.js';
import { root } from '../e2e/easel.js';
import { GRAPH } from '../generations/harness.js';
import { expectGenerated } from '../helpers/generated.js';
import { type WholeServer, wholeServer } from '../http/whole.js';

const WORKFLOW = {
  name: 'plain',
  graph: {
    '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 255 } },
    '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
  },
  manifest: { inputs: [{ name: 'width', target: '1.width', type: 'integer', min: 16, max: 256 }] },
};

describe('the client', () => {
  let server: WholeServer;
  let listening: Listening;
  let client: EaselClient;
  beforeAll(async () => {
    server = await wholeServer({ requireKeys: true });
    listening = await listen(server.app, { host: '127.0.0.1', port: 0 });
    const { authorization } = await server.keyOf('ann');
    client = new EaselClient({ baseUrl: listening.url, key: authorization.replace('Bearer ', '') });
    const picture = server.backend.addFile('a.png', Buffer.from('picture'));
    server.backend.autoFinish = () => [picture];
    const { response, error } = await client.api.POST('/v1/workflows', { body: WORKFLOW as never });
    expect(response.status, JSON.stringify(error)).toBe(201);
  });
  afterAll(() => server.close());

  test('runs a workflow and fetches what it made', async () => {
    const events: GenerationEvent[] = [];
    const generation = await client.run('plain', { width: 32 }, { onEvent: (event) => events.push(event) });
    expect(generation.status).toBe('succeeded');
    expect(await (await client.fetchOutput(generation)).text()).toBe('picture');
    const durable = events.filter(({ seq }) => seq !== undefined).map(({ type }) => type);
    expect(durable.at(-1) ?? 'succeeded').toBe('succeeded');
  });

  test('tells every field that is wrong', async () => {
    await expect(client.run('plain', { width: 1, height: 2 })).rejects.toMatchObject({
      name: 'EaselApiError',
      status: 422,
      retryable: false,
      fieldErrors: [{ pointer: expect.stringContaining('width') }, { pointer: expect.stringContaining('height') }],
    });
  });

  test('cancels, and run says so by the code of the generation', async () => {
    server.backend.autoFinish = null;
    try {
      const submitted = await client.submitGraph(GRAPH);
      expect(submitted.ended).toBe(false);
      await client.cancel(submitted.id);
      expect((await client.wait(submitted.id)).status).toBe('cancelled');
    } finally {
      const picture = server.backend.addFile('a.png', Buffer.from('picture'));
      server.backend.autoFinish = () => [picture];
    }
  });

  test('uploads, and follows from the start', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    expect((await client.upload(png, { type: 'image/png' })).media_id).toMatch(/^[0-9a-f-]{36}$/);
    const { id } = await client.submit('plain', {});
    await client.wait(id);
    const types: string[] = [];
    for await (const event of client.stream(id)) types.push(event.type);
    expect(types).toEqual(['queued', 'started', 'collecting', 'succeeded']);
    const rest: (number | undefined)[] = [];
    for await (const event of client.stream(id, { after: 3 })) rest.push(event.seq);
    expect(rest).toEqual([4]);
  });

  test('types are those of docs/openapi.json', async () => {
    const { apiTypes } = (await import('../../scripts/lib/api-types.mjs' as string)) as {
      apiTypes(document: string): Promise<string>;
    };
    expectGenerated('src/client/api-types.ts', await apiTypes(readFileSync(join(root, 'docs/openapi.json'), 'utf8')));
  });
});

describe('requests', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  async function serve(handler: RequestListener): Promise<string> {
    const made = createServer(handler);
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      made.closeAllConnections();
      await new Promise((resolve) => made.close(resolve));
    });
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
  }
  const generation = { id: 'g', status: 'queued', ended: false, outputs: [], error: null };

  test('a submit whose answer was lost is sent again under the same key', async () => {
    const keys: unknown[] = [];
    const baseUrl = await serve((request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) request.socket.destroy();
      else response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(generation));
    });
    const client = new EaselClient({ baseUrl });
    expect((await client.submit('w', { seed: 18446744073709551615n })).id).toBe('g');
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  test('seeds keep every digit', async () => {
    let body = '';
    const baseUrl = await serve((request, response) => {
      request.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      request.on('end', () => response.writeHead(202).end(JSON.stringify(generation)));
    });
    await new EaselClient({ baseUrl }).submit('w', { seed: 18446744073709551615n, text: '"big:1:2"' });
    expect(body).toContain('"seed":18446744073709551615');
    expect(body).toContain('"text":"\\"big:1:2\\""');
  });

  test('heed Retry-After, and are not repeated where it would not help', async () => {
    let count = 0;
    const baseUrl = await serve((request, response) => {
      count += 1;
      const problem = (status: number, code: string, retryable: boolean) =>
        response
          .writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '0' })
          .end(JSON.stringify({ code, detail: 'no', hint: 'h', retryable, request_id: 'r' }));
      if (request.url?.includes('busy')) {
        if (count < 3) problem(429, 'rate_limited', true);
        else response.writeHead(200).end(JSON.stringify(generation));
      } else problem(404, 'not_found', false);
    });
    const client = new EaselClient({ baseUrl });
    expect((await client.get('busy')).id).toBe('g');
    expect(count).toBe(3);
    count = 0;
    await expect(client.get('gone')).rejects.toMatchObject({
      code: 'not_found',
      hint: 'h',
      requestId: 'r',
      status: 404,
    });
    expect(count).toBe(1);
  });

  test('a stream that breaks off goes on after what was seen', async () => {
    const asked: unknown[] = [];
    const event = (seq: number, type: string) =>
      `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ generation_id: 'g', type, seq, at: '', data: {} })}\n\n`;
    const baseUrl = await serve((request, response) => {
      asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('after'));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (asked.length === 1) {
        response.write(event(1, 'queued'));
        response.write(`: still here\n\n${event(2, 'started')}`, () => request.socket.destroy());
      } else response.end(event(3, 'succeeded'));
    });
    const seen: (number | undefined)[] = [];
    for await (const { seq } of new EaselClient({ baseUrl }).stream('g')) seen.push(seq);
    expect(seen).toEqual([1, 2, 3]);
    expect(asked).toEqual(['0', '2']);
  });

  /** What waits is a timer, everything else has come to rest. `vi.waitFor` would move the timers on. */
  async function oneTimer(): Promise<void> {
    for (let turns = 0; turns < 5 || vi.getTimerCount() !== 1; turns += 1) await nextTurn();
  }

  test('a stream that ends at once is not asked for again at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    try {
      const last = `data: ${JSON.stringify({ generation_id: 'g', type: 'succeeded', seq: 1, at: '', data: {} })}\r\n\r\n`;
      const bodies = ['', 'data: {cut', '', last];
      const send = vi.fn(
        async () => new Response(bodies.shift(), { headers: { 'content-type': 'text/event-stream' } }),
      );
      const seen = new EaselClient({ baseUrl: 'http://easel', fetch: send }).stream('g').next();
      for (const [calls, pauseMs] of [
        [1, 150],
        [2, 300],
        [3, 600],
      ] as const) {
        await oneTimer();
        await vi.advanceTimersByTimeAsync(pauseMs - 1);
        expect(send).toHaveBeenCalledTimes(calls);
        await vi.advanceTimersByTimeAsync(1);
      }
      expect((await seen).value).toMatchObject({ type: 'succeeded' });
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  test('a stream that falls silent, heartbeats included, is opened anew', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const last = `data: ${JSON.stringify({ generation_id: 'g', type: 'succeeded', seq: 1, at: '', data: {} })}\n\n`;
      const bodies = [new ReadableStream(), last];
      const send = vi.fn(
        async () => new Response(bodies.shift(), { headers: { 'content-type': 'text/event-stream' } }),
      );
      const seen = new EaselClient({ baseUrl: 'http://easel', fetch: send }).stream('g').next();
      await oneTimer();
      await vi.advanceTimersByTimeAsync(61_000);
      expect((await seen).value).toMatchObject({ type: 'succeeded' });
      expect(send).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a page of a proxy is no stream of events', async () => {
    const send = vi.fn(async () => new Response('<p>Hello', { headers: { 'content-type': 'text/html' } }));
    const next = new EaselClient({ baseUrl: 'http://easel', fetch: send }).stream('g').next();
    await expect(next).rejects.toMatchObject({ code: 'network', hint: expect.stringContaining('proxy') });
    expect(send).toHaveBeenCalledTimes(1);
  });

  test('an answer that breaks off is asked for again', async () => {
    let count = 0;
    const baseUrl = await serve((_request, response) => {
      count += 1;
      response.writeHead(200, { 'content-type': 'application/json' });
      if (count === 1) response.write('{"id": "g', () => response.destroy());
      else response.end(JSON.stringify(generation));
    });
    expect((await new EaselClient({ baseUrl }).get('g')).id).toBe('g');
    expect(count).toBe(2);
  });

  test('a server that does not hold its answer back is not asked without pause', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const answers = [generation, { ...generation, ended: true }];
      const send = vi.fn(async () => Response.json(answers.shift()));
      const waiting = new EaselClient({ baseUrl: 'http://easel', fetch: send }).wait('g');
      await oneTimer();
      expect(send).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(1_000);
      expect((await waiting).ended).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('an Easel that is not there is a network error, after a few tries', async () => {
    const client = new EaselClient({ baseUrl: 'http://127.0.0.1:1', maxTries: 2 });
    await expect(client.get('x')).rejects.toMatchObject({ code: 'network', status: 0, retryable: true });
  });

  test('webhooks of others are refused', () => {
    expect(() => verifyWebhook('{}', {}, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).toThrow();
  });
});
