import { context, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { InjectOptions } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ALL_SCOPES } from '../../src/access/index.js';
import { systemClock } from '../../src/core/clock.js';
import { BackendError, EaselError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/log.js';
import { createHttpServer } from '../../src/http/index.js';
import { route } from '../../src/http/route.js';
import { GRAPH } from '../generations/harness.js';
import { capturingLogger } from './harness.js';
import { declaredRoutes, requestOf } from './requests.js';
import { type WholeServer, wholeServer } from './whole.js';

const servers: WholeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
const serve = async (options: Parameters<typeof wholeServer>[0] = {}) => {
  const server = await wholeServer(options);
  servers.push(server);
  return server;
};

describe('an answer', () => {
  test('has only fields that its route declares', async () => {
    const { easel } = await serve();
    const app = createHttpServer({ easel, logger: silentLogger, clock: systemClock });
    const facts = route({
      operationId: 'leak',
      tag: 'Health',
      summary: 'Leaks',
      scope: 'public',
      answers: { 200: { description: 'Less than it has.', schema: z.object({ name: z.string() }) } },
    });
    app.get('/leak', facts, async () => ({ name: 'shown', password_hash: 'hidden' }));
    app.get('/misfit', facts, async () => ({ name: 7, password_hash: 'hidden' }));
    try {
      expect((await app.inject('/leak')).body).toBe('{"name":"shown"}');
      const misfit = await app.inject('/misfit');
      expect(misfit.statusCode).toBe(500);
      expect(misfit.body).not.toContain('hidden');
    } finally {
      await app.close();
    }
  });
});

describe('the server', () => {
  test('shows no secret of ours in log, error, trace or answer', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    const { logger, lines } = capturingLogger();
    const secrets = { backend: 'canary-backend-7c1e', database: 'canary-database-7c1e' };
    const server = await serve({
      requireKeys: true,
      logger,
      config: { http: { ratePerMinute: 1_000_000 }, telemetry: { tracing: true } },
    });
    const { easel, app, backend } = server;
    const made = await easel.keys.create({ accountId: 'ann', name: 'canary', scopes: ALL_SCOPES });
    const headers = { authorization: `Bearer ${made.secret}` };
    backend.autoFinish = () => [];
    const answers: string[] = [];
    const ask = async (request: InjectOptions) => {
      const answer = await app.inject(request);
      answers.push(answer.body, JSON.stringify(answer.headers));
      return answer;
    };
    const hook = { url: 'https://hooks.invalid/x', events: ['generation.succeeded'] };
    const webhook = (await app.inject({ method: 'POST', url: '/v1/webhooks', headers, payload: hook })).json();

    // The key where it belongs, and where people put it by mistake.
    for (const each of declaredRoutes(server)) if (!each.isStream) await ask(requestOf(each, headers));
    await ask({ url: `/v1/generations?key=${made.secret}`, headers });
    await ask({ url: '/v1/generations', headers: { authorization: `Bearer ${made.secret}x` } });
    await ask({ url: '/v1/generations', headers: { authorization: `Basic ${made.secret}` } });
    await ask({ url: `/v1/generations?token=${made.secret}` });
    await ask({ method: 'POST', url: '/v1/generations', headers, payload: '{"graph":' });

    // A backend that fails, and says its credentials while it does; faults of ours that quote the database.
    backend.script({
      refuse: new BackendError('backend_rejected_graph', 'The backend does not take this.', {
        cause: new Error(secrets.backend),
      }),
    });
    await ask({
      method: 'POST',
      url: '/v1/generations',
      headers: { ...headers, prefer: 'wait=30' },
      payload: { graph: GRAPH },
    });
    for (const code of ['internal', 'database_unavailable', 'storage_failed'] as const) {
      const { generations } = easel;
      const list = generations.list.bind(generations);
      generations.list = async () => {
        throw new EaselError(code, `postgres://easel:${secrets.database}@db/easel`);
      };
      await ask({ url: '/v1/generations', headers });
      generations.list = list;
    }

    const told = answers.join('\n');
    const logged = lines.map((line) => JSON.stringify(line, errorsToo)).join('\n');
    const spans = exporter.getFinishedSpans();
    const traced = spans
      .map(({ name, attributes, events, status }) => JSON.stringify([name, attributes, events, status], errorsToo))
      .join('\n');
    const [keySecret, hookSecret] = [made.secret.slice(made.key.prefix.length), webhook.secret as string];
    for (const secret of [keySecret, hookSecret]) {
      expect(told.includes(secret), 'an answer tells a secret').toBe(false);
      expect(logged.includes(secret), 'the log tells a secret').toBe(false);
      expect(traced.includes(secret), 'a trace tells a secret').toBe(false);
    }
    for (const text of [told, traced]) {
      expect(text).not.toContain(secrets.database);
      expect(text).not.toContain(secrets.backend);
    }
    expect(lines.length).toBeGreaterThan(50);
    expect(spans.length).toBeGreaterThan(50);
    trace.disable();
    context.disable();
  });
});

/** Errors have no enumerable fields of their own, and a log shows them all the same. */
function errorsToo(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { ...value, message: value.message, stack: value.stack, cause: value.cause };
}
