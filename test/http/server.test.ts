import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { EaselError, ERROR_CATALOGUE } from '../../src/core/errors.js';
import { createLogger } from '../../src/logger.js';
import { type Answer, capturingLogger, rawSocket, useServers } from './harness.js';

async function replyTo(port: number, bytes: string): Promise<string> {
  const socket = await rawSocket(port);
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('problems', () => {
  const server = useServers();

  test('have the same shape, whatever went wrong', async () => {
    const { app } = await server();
    const answer = await app.inject({ url: '/v1/nothing?token=secret', headers: { 'x-request-id': 'mine-1' } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers).toMatchObject({ 'x-request-id': 'mine-1', 'cache-control': 'no-store' });
    expect(answer.json()).toEqual({
      type: '/v1/errors/not_found',
      title: ERROR_CATALOGUE.not_found.summary,
      status: 404,
      detail: 'There is no route GET /v1/nothing.',
      code: 'not_found',
      hint: expect.any(String),
      retryable: false,
      request_id: 'mine-1',
    });
    const post = await app.inject({ method: 'POST', url: '/v1/nothing', payload: 'x' });
    expect(post.json()).toMatchObject({ status: 404 });
  });

  test('point to an explanation of their code', async () => {
    const { app } = await server();
    const problem = (await app.inject('/v1/generations/x')).json();
    const explained = await app.inject(problem.type);
    expect(explained.json()).toEqual({
      code: 'not_found',
      summary: ERROR_CATALOGUE.not_found.summary,
      hint: ERROR_CATALOGUE.not_found.hint,
      status: 404,
      retryable: false,
    });
    const all = (await app.inject('/v1/errors')).json().data;
    expect(all.map((one: Answer) => one.code)).toEqual(Object.keys(ERROR_CATALOGUE));
    expect((await app.inject('/v1/errors/toString')).statusCode).toBe(404);
  });

  test('never show our own insides; the log has them', async () => {
    const { logger, lines } = capturingLogger();
    const { app, generations } = await server({ logger });
    const failures: [unknown, string][] = [
      [new TypeError('secret path /etc/x'), 'internal'],
      [new EaselError('storage_failed', 'secret path /etc/x', { details: { path: 'secret' } }), 'storage_failed'],
      [new EaselError('database_unavailable', 'secret path /etc/x'), 'database_unavailable'],
      ['secret, and no error at all', 'internal'],
    ];
    for (const [failure, code] of failures) {
      generations.list = async () => {
        throw failure;
      };
      const answer = await app.inject('/v1/generations');
      expect(answer.json()).toMatchObject({ status: ERROR_CATALOGUE[code as 'internal'].httpStatus, code });
      expect(answer.body).not.toMatch(/secret|stack|TypeError/);
      const line = lines.find(
        ({ message, fields }) => message === 'request failed' && fields.request_id === answer.json().request_id,
      );
      expect(line?.fields).toMatchObject({ path: '/v1/generations', err: expect.anything() });
    }
  });

  test('come back for bytes that are no request', async () => {
    const { listen } = await server();
    const { port } = await listen();
    for (const [bytes, status] of [
      ['hello\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
      ['GET / HTTP/1.1\r\n\r\n', 400],
    ] as const) {
      const reply = await replyTo(port, bytes);
      expect(reply).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      if (!bytes.startsWith('GET / HTTP/1.1\r\n\r\n')) expect(reply).toContain('"code":"request_invalid"');
    }
    const odd = await replyTo(port, 'GET /v1/generations/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect(odd).toMatch(/^HTTP\/1.1 400 /);
    expect(odd).toContain('application/problem+json');
    expect(odd.toLowerCase()).toContain('x-request-id');
    const long = await replyTo(
      port,
      `GET /v1/generations/${'x'.repeat(3_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    );
    expect(long).toContain('application/problem+json');
  });

  test('reach a client that is still sending', async () => {
    const { listen } = await server({ maxBodyBytes: 1_000 });
    const { url } = await listen();
    for (const body of ['x'.repeat(5_000_000), new Blob(['x'.repeat(5_000_000)]).stream()]) {
      const request = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } };
      const answer = await fetch(`${url}/v1/generations`, request as RequestInit);
      expect(answer.status).toBe(413);
      expect((await answer.json()) as Answer).toMatchObject({ code: 'payload_too_large' });
    }
  });
});

describe('anything at all', () => {
  const server = useServers();

  test('in path, query, headers and body is answered or refused, and never breaks us', async () => {
    const { app, succeed } = await server();
    const id = await succeed({ 'a.png': Buffer.from('0123456789') });
    const path = fc.constantFrom('', `/${id}`, `/${id}/events`, `/${id}/outputs/0`, `/${id}/cancel`, `/${id}/rerun`);
    const name = fc.constantFrom('limit', 'before', 'status', 'after', 'previews', 'download', '__proto__', 'x');
    const value = fc.oneof(fc.string(), fc.nat().map(String), fc.constantFrom('1', 'true', 'queued', id));
    const header = fc.constantFrom(
      'range',
      'if-range',
      'if-none-match',
      'last-event-id',
      'idempotency-key',
      'x-request-id',
      'origin',
      'accept',
    );
    const printable = fc.stringMatching(/^[ -~]{0,40}$/);
    const request = fc.record({
      method: fc.constantFrom('GET' as const, 'HEAD' as const, 'POST' as const, 'PUT' as const, 'DELETE' as const),
      path,
      query: fc.array(fc.tuple(name, value), { maxLength: 3 }),
      headers: fc.dictionary(header, printable, { maxKeys: 3 }),
      payload: fc.option(fc.oneof(fc.string(), fc.json())),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, headers, payload }) => {
        const search = new URLSearchParams(query).toString();
        const answer = await app.inject({
          method,
          url: `/v1/generations${path}${search === '' ? '' : `?${search}`}`,
          headers: { ...headers, ...(payload === null ? {} : { 'content-type': 'application/json' }) },
          ...(payload === null || method === 'GET' || method === 'HEAD' ? {} : { payload }),
        });
        expect(answer.statusCode, answer.body).toBeLessThan(500);
        if (answer.statusCode >= 400 && method !== 'HEAD') expect(answer.json()).toHaveProperty('code');
      }),
      { numRuns: 300 },
    );
  });
});

describe('who may call', () => {
  const server = useServers();

  test('nobody under another name, and no page of another site', async () => {
    const { app, submit } = await server();
    const id = await submit();
    for (const url of ['/v1/generations', `/v1/generations/${id}/events`, '/health/ready', '/nothing']) {
      const answer = await app.inject({ url, headers: { host: 'evil.example' } });
      expect(answer.json()).toMatchObject({ status: 403, code: 'origin_forbidden' });
      expect(answer.headers).toHaveProperty('x-request-id');
    }
    const cancel = { method: 'POST', url: `/v1/generations/${id}/cancel` } as const;
    const foreign = await app.inject({ ...cancel, headers: { origin: 'https://evil.example' } });
    expect(foreign.json()).toMatchObject({ status: 403, code: 'origin_forbidden' });
    const simple = { method: 'POST', url: '/v1/media', payload: 'x' } as const;
    const upload = await app.inject({ ...simple, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(upload.statusCode).toBe(403);
    expect((await app.inject(`/v1/generations/${id}`)).json().cancel_requested).toBe(false);
    const own = await app.inject({ ...cancel, headers: { origin: 'http://localhost:3000' } });
    expect(own.statusCode).toBeLessThan(300);
  });

  test('a proxy under the name that it passes on', async () => {
    const { app } = await server({ allowedHosts: ['easel.example'] });
    expect((await app.inject({ url: '/health/live', headers: { host: 'easel.example' } })).statusCode).toBe(200);
  });
});

describe('the access log', () => {
  const server = useServers();

  test('has one line per request, without query', async () => {
    const { logger, lines } = capturingLogger();
    const { app } = await server({ logger });
    const answer = await app.inject({ url: '/v1/backends?token=secret', headers: { 'x-request-id': 'abc' } });
    expect(answer.statusCode).toBe(400);
    await app.inject('/health/live');
    const requests = lines.filter(({ message }) => message === 'request');
    expect(requests).toMatchObject([
      { level: 'info', fields: { request_id: 'abc', method: 'GET', path: '/v1/backends', status: 400 } },
      { level: 'debug', fields: { path: '/health/live', status: 200 } },
    ]);
    expect(requests[0]?.fields.duration_ms).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test.each(['', 'a b', 'a\tb', '-x', 'x'.repeat(129), '<script>'])('makes an id of its own for %j', async (given) => {
    const { app } = await server();
    const answer = await app.inject({ url: '/health/live', headers: { 'x-request-id': given } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('suits the logger of Easel', async () => {
    const { app } = await server({ logger: createLogger(parseConfig({ log: { level: 'silent' } })) });
    expect((await app.inject('/health/live')).statusCode).toBe(200);
  });
});

describe('health', () => {
  const server = useServers();

  test('is live always, ready with a database and a backend', async () => {
    let now = 1_000_000;
    const clock = { now: () => now, setTimer: () => ({ cancel: () => {} }) };
    const { app, backend, generations } = await server({ clock });
    const ready = async () => {
      now += 10_000;
      const answer = await app.inject('/health/ready');
      return [answer.statusCode, answer.json()];
    };
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' });
    expect(await ready()).toEqual([200, { status: 'ready', database: 'ok', backends: { ready: 1, total: 1 } }]);
    backend.healthState = 'unreachable';
    expect(await ready()).toEqual([503, { status: 'not_ready', database: 'ok', backends: { ready: 0, total: 1 } }]);
    backend.healthState = 'ready';
    generations.list = async () => {
      throw new EaselError('database_unavailable', 'Gone.');
    };
    expect(await ready()).toMatchObject([503, { status: 'not_ready', database: 'failed' }]);
    expect((await app.inject('/health/live')).statusCode).toBe(200);
  });

  test('does not wait for a database that hangs', async () => {
    const timers: (() => void)[] = [];
    const setTimer = (due: () => void) => {
      timers.push(due);
      return { cancel: () => {} };
    };
    const clock = { now: () => 0, setTimer };
    const { app, generations } = await server({ clock });
    generations.list = () => new Promise(() => {});
    const answer = app.inject('/health/ready');
    while (timers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const due of timers) due();
    expect((await answer).json()).toMatchObject({ status: 'not_ready', database: 'failed' });
  });

  test('asks a backend once, however many ask us', async () => {
    const { app, backend } = await server();
    let asked = 0;
    backend.health = async () => {
      asked += 1;
      return { state: 'ready', latencyMs: 3, checkedAt: 0, queueRemaining: 2, version: '0.8.0' };
    };
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject('/health/ready')));
    for (const { statusCode } of answers) expect(statusCode).toBe(200);
    // The runner asks for itself, now and then.
    expect(asked).toBeLessThan(5);
  });

  test('HEAD answers as GET does', async () => {
    const { app } = await server();
    const answer = await app.inject({ method: 'HEAD', url: '/health/live' });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
  });
});
