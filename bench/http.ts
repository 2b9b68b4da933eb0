import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { OpenStream } from './lib/open-stream.js';
import { formatMs, print, quantile, table } from './lib/report.js';
import { CLI, runCli, startServer } from './lib/servers.js';

/**
 * 500 open event streams and 200 requests per second at once, on Easel and on a bare Fastify beside it in the same run.
 *
 * Requests are sent by the clock and not when the one before has ended, and each is measured from the moment when it was
 * due: a server that stalls shows it. Servers are processes of their own; Easel asks every request for a key. Nothing may
 * be dropped: every request is answered well, every stream tells all its events, and the stream of the account tells of
 * every generation that was submitted meanwhile.
 */
const STREAMS = 500;
const RATE = 200;
const LIMIT_MS = 100;
const GRAPH = {
  '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 255 } },
  '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'bench' } },
};

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request with this number. */
  request(number: number): { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: string };
  note(number: number, body: string): void;
}

interface Measured {
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

export async function run(args: readonly string[]): Promise<object> {
  const durationS = args.includes('--quick') ? 5 : 30;
  const easel = await measureEasel(durationS);
  const fastify = await measureFastify(durationS);
  print(`${STREAMS} open streams and ${RATE} requests/s for ${durationS} s`);
  table(
    Object.entries({ Easel: easel.measured, 'Fastify alone': fastify }).map(([server, measured]) => ({
      server,
      requests: measured.sent,
      failed: measured.failed,
      p50: formatMs(measured.p50Ms),
      p95: formatMs(measured.p95Ms),
      p99: formatMs(measured.p99Ms),
      slowest: formatMs(measured.slowestMs),
    })),
  );
  const isReached = easel.measured.p95Ms < LIMIT_MS && easel.measured.failed === 0 && easel.dropped === 0;
  print(
    `Easel: ${easel.dropped} of ${easel.expected} events dropped on ${STREAMS + 1} streams; p95 under ${LIMIT_MS} ms with nothing dropped: ${isReached ? 'reached' : 'NOT REACHED'}`,
  );
  return { streams: STREAMS, rate: RATE, durationS, easel, fastify, isReached };
}

async function measureEasel(durationS: number) {
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  // What waits for `nowhere` waits as long as it is let: its streams stay open.
  const backends = [
    { kind: 'embedded', id: 'engine' },
    { kind: 'comfyui', id: 'nowhere', url: 'http://127.0.0.1:9' },
  ];
  const http = { port: 0, requireKeys: true, maxStreams: STREAMS * 2 };
  const config = { dataDir: folder, backends, http, log: { level: 'error' } };
  const file = join(folder, 'easel.config.json');
  writeFileSync(file, JSON.stringify(config));
  try {
    const key = (
      await runCli([
        'keys',
        'create',
        'bench',
        '--scope',
        'all',
        '--rate',
        '10000000',
        '--concurrency',
        '10000',
        '--config',
        file,
      ])
    ).trim();
    const server = await startServer([CLI, 'serve', '--config', file]);
    try {
      return await loadEasel(server.url, { authorization: `Bearer ${key}` }, durationS);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loadEasel(url: string, headers: Readonly<Record<string, string>>, durationS: number) {
  const json = { ...headers, 'content-type': 'application/json' };
  const agent = new Agent({ connections: 64 });
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await request(`${url}${path}`, {
      method,
      headers: json,
      dispatcher: agent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.statusCode >= 300) throw new Error(await answer.body.text());
    return (await answer.body.json()) as { readonly id: string };
  };
  const waiting: string[] = [];
  for (let count = 0; count < STREAMS; count++) {
    waiting.push((await call('POST', '/v1/generations', { graph: GRAPH, backend_id: 'nowhere' })).id);
  }
  const account = await OpenStream.open(`${url}/v1/events`, headers);
  const streams = await Promise.all(
    waiting.map((id) => OpenStream.open(`${url}/v1/generations/${id}/events`, headers)),
  );
  const submitted: string[] = [];
  const measured = await load(durationS, {
    url,
    headers: json,
    request(number) {
      const id = waiting[number % waiting.length] ?? '';
      // One in ten submits, and is run beside all this.
      if (number % 10 === 0) {
        const graph = { ...GRAPH, '1': { class_type: 'EmptyImage', inputs: { ...GRAPH['1'].inputs, color: number } } };
        return { method: 'POST', path: '/v1/generations', body: JSON.stringify({ graph, backend_id: 'engine' }) };
      }
      if (number % 10 === 1) return { method: 'GET', path: '/v1/generations?limit=20' };
      return { method: 'GET', path: `/v1/generations/${id}` };
    },
    note(number, body) {
      if (number % 10 === 0) submitted.push((JSON.parse(body) as { readonly id: string }).id);
    },
  });
  for (const id of waiting) await call('POST', `/v1/generations/${id}/cancel`);
  const expectedOfEach = ['queued', 'cancelled'];
  const expectedOfAccount = submitted.length + waiting.length;
  const isComplete = () =>
    streams.every((stream) => expectedOfEach.every((event) => stream.count(event) === 1)) &&
    account.ended(['succeeded', 'cancelled']) >= expectedOfAccount;
  for (let waited = 0; !isComplete() && waited < 60_000; waited += 100) await sleep(100);
  const missing = streams.reduce(
    (sum, stream) => sum + expectedOfEach.filter((event) => stream.count(event) !== 1).length,
    0,
  );
  const missingOfAccount = expectedOfAccount - account.ended(['succeeded', 'cancelled']);
  for (const stream of [account, ...streams]) stream.close();
  await agent.close();
  return {
    measured,
    submitted: submitted.length,
    expected: STREAMS * expectedOfEach.length + expectedOfAccount,
    dropped: missing + missingOfAccount,
  };
}

async function measureFastify(durationS: number): Promise<Measured> {
  const server = await startServer(['--input-type=module', '-e', BARE_SERVER]);
  try {
    const streams = await Promise.all(
      Array.from({ length: STREAMS }, () => OpenStream.open(`${server.url}/events`, {})),
    );
    const measured = await load(durationS, {
      url: server.url,
      headers: { 'content-type': 'application/json' },
      request: (number) =>
        number % 10 === 0
          ? { method: 'POST', path: '/things', body: JSON.stringify({ graph: GRAPH }) }
          : { method: 'GET', path: `/things/${number}` },
      note: () => {},
    });
    for (const stream of streams) stream.close();
    return measured;
  } finally {
    await server.stop();
  }
}

/** Answers of about the same size from memory, and streams that are silent. */
const BARE_SERVER = `
import { fastify } from ${JSON.stringify(import.meta.resolve('fastify'))};
import { PassThrough } from 'node:stream';
const app = fastify();
const thing = (id) => ({ id, status: 'queued', outputs: [], error: null, padding: 'x'.repeat(600) });
app.get('/things/:id', async (request) => thing(request.params.id));
app.post('/things', async (request, reply) => reply.code(202).send(thing('new')));
app.get('/events', (request, reply) => {
  const stream = new PassThrough();
  stream.write('retry: 2000\\n\\n');
  reply.header('content-type', 'text/event-stream').send(stream);
});
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
process.once('SIGTERM', () => process.exit(0));
`;

async function load(durationS: number, target: Target): Promise<Measured> {
  const agent = new Agent({ connections: 128 });
  const latencies: number[] = [];
  const underWay: Promise<void>[] = [];
  let failed = 0;
  const total = durationS * RATE;
  const startedAt = performance.now();
  const send = async (number: number, dueAt: number): Promise<void> => {
    const { method, path, body } = target.request(number);
    try {
      const answer = await request(`${target.url}${path}`, {
        method,
        headers: target.headers,
        dispatcher: agent,
        ...(body === undefined ? {} : { body }),
      });
      const text = await answer.body.text();
      latencies.push(performance.now() - dueAt);
      if (answer.statusCode >= 300) failed += 1;
      else target.note(number, text);
    } catch {
      failed += 1;
    }
  };
  for (let number = 0; number < total; number++) {
    const dueAt = startedAt + (number * 1000) / RATE;
    const early = dueAt - performance.now();
    if (early > 1) await sleep(early);
    underWay.push(send(number, dueAt));
  }
  await Promise.all(underWay);
  await agent.close();
  const at = (share: number) => quantile(latencies, share);
  return { sent: total, failed, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), slowestMs: at(1) };
}
