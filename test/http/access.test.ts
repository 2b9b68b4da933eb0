import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SCOPES, isScope, type Scope, USER_SCOPES } from '../../src/access/index.js';
import { listen } from '../../src/http/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { GRAPH } from '../generations/harness.js';
import { type DeclaredRoute, declaredRoutes, requestOf } from './requests.js';
import { type WholeServer, wholeServer } from './whole.js';

describe('every route', () => {
  let server: WholeServer;
  let url = '';
  let routes: DeclaredRoute[] = [];
  beforeAll(async () => {
    server = await wholeServer({ requireKeys: true, config: { http: { ratePerMinute: 1_000_000 } } });
    url = (await listen(server.app, { host: '127.0.0.1', port: 0 })).url;
    routes = declaredRoutes(server);
  });
  afterAll(() => server.close());

  /** The status and the code of the problem, if it is one. Streams are left as soon as they have begun. */
  async function ask(route: DeclaredRoute, headers: Readonly<Record<string, string>>) {
    const { url: path, payload } = requestOf(route, headers) as { readonly url: string; readonly payload?: object };
    const stop = new AbortController();
    const answer = await fetch(`${url}${path}`, {
      method: route.method,
      headers: { ...headers, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: stop.signal,
      ...(payload === undefined ? {} : { body: JSON.stringify(payload) }),
    });
    const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true;
    const problem = isProblem ? ((await answer.json()) as { readonly code: string; readonly details?: object }) : null;
    stop.abort();
    return { status: answer.status, problem, headers: answer.headers };
  }

  test('asks for a scope that there is, or says that it is for everybody', () => {
    expect(routes.length).toBeGreaterThan(50);
    for (const { method, url: path, scopes } of routes) {
      const known = scopes.every((scope) => isScope(scope) || scope === 'public' || scope === 'optional');
      expect(known, `${method} ${path}: ${scopes}`).toBe(true);
    }
    expect(routes.filter(({ scopes }) => scopes.includes('public')).map(({ operationId }) => operationId)).toEqual([
      'getSignedMedia',
      'isLive',
      'isReady',
      'listErrors',
      'explainError',
      'reportRun',
    ]);
    expect(routes.filter(({ scopes }) => scopes.includes('optional')).map(({ operationId }) => operationId)).toEqual([
      'getOpenApi',
    ]);
  });

  test('is closed without a key, and with one that does not work', async () => {
    const revoked = await server.keyOf('ann');
    for (const key of await server.easel.keys.list('ann')) await server.easel.keys.revoke(key.id);
    const expired = await server.easel.keys.create({
      accountId: 'ann',
      name: 'expired',
      scopes: ALL_SCOPES,
      expiresAt: Date.now() + 1,
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const wrong = {
      none: {},
      revoked,
      expired: { authorization: `Bearer ${expired.secret}` },
      unknown: { authorization: `Bearer easel_${'A'.repeat(43)}` },
      malformed: { authorization: 'Bearer x' },
      basic: { authorization: 'Basic YW5uOnNlY3JldA==' },
    };
    for (const [what, headers] of Object.entries(wrong)) {
      for (const route of routes) {
        if (route.scopes.includes('public') || route.scopes.includes('optional')) continue;
        const { status, problem } = await ask(route, headers as Record<string, string>);
        expect([status, problem?.code], `${what}: ${route.method} ${route.url}`).toEqual([401, 'unauthenticated']);
      }
    }
  });

  test('is closed to a key with every scope but one of its own, and open to a key with just its own', async () => {
    const headersOf = new Map<string, Record<string, string>>();
    const key = async (scopes: readonly Scope[]) => {
      const name = [...scopes].sort().join();
      const known = headersOf.get(name) ?? { ...(await server.keyOf('ann', scopes)) };
      headersOf.set(name, known);
      return known;
    };
    for (const route of routes) {
      const own = route.scopes.filter(isScope);
      if (own.length === 0) continue;
      for (const scope of own) {
        const { status, problem } = await ask(route, await key(ALL_SCOPES.filter((other) => other !== scope)));
        const place = `${route.method} ${route.url} without ${scope}`;
        expect([status, problem?.code, problem?.details], place).toEqual([403, 'scope_missing', { scope }]);
      }
      const { status, problem } = await ask(route, await key(own));
      expect([401, 403], `${route.method} ${route.url} with ${own}: ${JSON.stringify(problem)}`).not.toContain(status);
      expect(status, `${route.method} ${route.url}: ${JSON.stringify(problem)}`).toBeLessThan(500);
    }
  });

  test('that is for everybody answers without a key, and does not look at one', async () => {
    for (const route of routes.filter(({ scopes }) => scopes.includes('public'))) {
      const { status } = await ask(route, { authorization: 'Bearer x' });
      expect(status, `${route.method} ${route.url}`).not.toBe(401);
    }
  });

  test('tells a key how much it may still do', async () => {
    const route = routes.find(({ operationId }) => operationId === 'listGenerations')!;
    const { headers } = await ask(route, { ...(await server.keyOf('ann')) });
    for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']) {
      expect(headers.get(name), name).toMatch(/^\d+$/);
    }
  });
});

describe('a key', () => {
  const servers: WholeServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  const serve = async (...options: Parameters<typeof wholeServer>) => {
    const server = await wholeServer(...options);
    servers.push(server);
    return server;
  };

  test('is stored as its hash alone, and shown once', async () => {
    const { easel, app } = await serve({ requireKeys: true });
    const { key, secret } = await easel.keys.create({ accountId: 'ann', name: 'shop' });
    expect(secret).toMatch(/^easel_[A-Za-z0-9_-]{43}$/);
    const row = await easel.db.kysely.selectFrom('api_keys').selectAll().executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(secret.slice(key.prefix.length));
    expect(key.scopes).toEqual(USER_SCOPES);
    const admin = await easel.keys.create({ accountId: 'ann', name: 'admin', scopes: ALL_SCOPES });
    const listed = await app.inject({ url: '/v1/keys', headers: { authorization: `Bearer ${admin.secret}` } });
    expect(listed.body).not.toContain(secret);
    expect(listed.body).not.toContain(row.hash);
  });

  test('may do so much in a minute, then waits as long as it is told', async () => {
    const clock = new VirtualClock();
    const { easel, app } = await serve({ requireKeys: true, clock });
    const { secret } = await easel.keys.create({ accountId: 'ann', name: 'slow', ratePerMinute: 2 });
    const ask = () => app.inject({ url: '/v1/generations', headers: { authorization: `Bearer ${secret}` } });
    expect((await ask()).headers['ratelimit-remaining']).toBe('1');
    expect((await ask()).statusCode).toBe(200);
    const refused = await ask();
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'rate_limited', retryable: true });
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    await clock.advance(seconds * 1000);
    expect((await ask()).statusCode).toBe(200);
  });

  test('may do so much at a time, and have so many streams open', async () => {
    const { easel, app, backend } = await serve({ requireKeys: true, config: { http: { maxStreams: 1 } } });
    const { secret } = await easel.keys.create({
      accountId: 'ann',
      name: 'narrow',
      maxConcurrent: 1,
      scopes: ALL_SCOPES,
    });
    const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const submit = fetch(`${url}/v1/generations`, {
      method: 'POST',
      headers: { ...headers, prefer: 'wait=60' },
      body: JSON.stringify({ graph: GRAPH }),
    });
    await backend.whenAccepted(1);
    expect((await fetch(`${url}/v1/generations`, { headers })).status).toBe(429);
    const stop = new AbortController();
    const stream = await fetch(`${url}/v1/events`, { headers, signal: stop.signal });
    expect(stream.status).toBe(200);
    expect((await fetch(`${url}/v1/events`, { headers })).status).toBe(429);
    backend.finish(backend.accepted[0]!);
    expect((await submit).status).toBe(200);
    stop.abort();
  });

  test('takes its streams with it when it is revoked', async () => {
    const { easel, app } = await serve({ requireKeys: true });
    const { key, secret } = await easel.keys.create({ accountId: 'ann', name: 'gone' });
    const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
    const headers = { authorization: `Bearer ${secret}` };
    const stream = await fetch(`${url}/v1/events`, { headers });
    await easel.keys.revoke(key.id);
    await expect(stream.text()).rejects.toThrow();
    expect((await fetch(`${url}/v1/events`, { headers })).status).toBe(401);
  });

  test('is rotated with an overlap, and keeps its budget', async () => {
    const { easel } = await serve();
    const { key, secret } = await easel.keys.create({ accountId: 'ann', name: 'turned' });
    const next = await easel.keys.rotate(key.id, 60_000);
    expect(next.key).toMatchObject({ accountId: 'ann', name: 'turned', budgetKey: key.budgetKey, scopes: key.scopes });
    expect(await easel.keys.verify(secret)).not.toBeNull();
    expect(await easel.keys.verify(next.secret)).not.toBeNull();
    await easel.keys.rotate(next.key.id, 0);
    expect(await easel.keys.verify(next.secret)).toBeNull();
  });

  test('spends no more points than its budget, by whatever route', async () => {
    const { easel, app } = await serve({
      requireKeys: true,
      config: { points: { enabled: true, prices: [{ workflow: '*', flat: 1 }] } },
    });
    const { key, secret } = await easel.keys.create({ accountId: 'ann', name: 'poor', scopes: ALL_SCOPES });
    const authority = { actor: 'test', reason: 'test' };
    await easel.points.grant({ accountId: 'ann', amount: 100_000_000, idempotencyKey: 'g', authority });
    await easel.points.accounts.setBudget(
      { accountId: 'ann', budgetKey: key.budgetKey, period: 'day', amount: 1_500_000 },
      authority,
    );
    const submit = (url: string, payload: object) =>
      app.inject({ method: 'POST', url, payload, headers: { authorization: `Bearer ${secret}` } });
    const first = await submit('/v1/generations', { graph: GRAPH });
    expect(first.statusCode, first.body).toBe(202);
    for (const [url, payload] of [
      ['/v1/generations', { graph: GRAPH }],
      [`/v1/generations/${first.json().id}/rerun`, {}],
    ] as const) {
      const refused = await submit(url, payload);
      expect(refused.json(), url).toMatchObject({ code: 'points_budget_exceeded' });
    }
  });

  test('acts for another account only with the scope for it', async () => {
    const { app, keyOf } = await serve({ requireKeys: true });
    const bot = { ...(await keyOf('bot')), 'easel-account': 'user-1' };
    const made = await app.inject({ method: 'POST', url: '/v1/generations', payload: { graph: GRAPH }, headers: bot });
    expect(made.statusCode).toBe(202);
    const own = await keyOf('user-1', ['generations:read']);
    expect((await app.inject({ url: `/v1/generations/${made.json().id}`, headers: own })).statusCode).toBe(200);
    const plain = { ...(await keyOf('bot', USER_SCOPES)), 'easel-account': 'user-1' };
    expect((await app.inject({ url: '/v1/generations', headers: plain })).json()).toMatchObject({
      code: 'scope_missing',
      details: { scope: 'accounts:any' },
    });
    for (const account of ['', 'house:bank', 'x'.repeat(256)]) {
      const asked = { ...(await keyOf('bot')), 'easel-account': account };
      expect((await app.inject({ url: '/v1/generations', headers: asked })).statusCode, account).toBe(400);
    }
  });

  test('gives away only what it has', async () => {
    const { app, keyOf } = await serve({ requireKeys: true });
    const headers = await keyOf('ann', ['keys:admin', 'generations:read']);
    const payload = { name: 'more', scopes: ['generations:read', 'points:admin'] };
    const refused = await app.inject({ method: 'POST', url: '/v1/keys', payload, headers });
    expect(refused.json()).toMatchObject({ code: 'scope_missing', details: { scope: 'points:admin' } });
    const unsaid = await app.inject({ method: 'POST', url: '/v1/keys', payload: { name: 'default' }, headers });
    expect(unsaid.json().scopes).toEqual(['generations:read']);
  });
});
