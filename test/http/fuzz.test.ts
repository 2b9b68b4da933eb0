import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SCOPES } from '../../src/access/index.js';
import { GRAPH } from '../generations/harness.js';
import { type Answer, lossless } from './harness.js';
import { checker, type OpenApi, type Operation, type Schema, valuesOf } from './schema-values.js';
import { type WholeServer, wholeServer } from './whole.js';

/**
 * Requests made of our own OpenAPI document. What fits it is never a fault of ours, and is answered as the document says;
 * what does not fit is refused with a problem.
 */
const RUNS = 12;
/** First, so that each operation is seen to work: of what is given alone, and with what it needs. */
const LUCKY_RUNS = 4;

/** Outside of this machine, or never ending: not for requests made by chance. */
const LEFT_OUT = ['followGeneration', 'followAccount', 'callMcp', 'reportRun'];

/** Where chance would reach for the network, or never find what works, something else in its place. */
const NOWHERE = 'http://127.0.0.1:9/';
const OTHERWISE: Readonly<Record<string, (body: Answer, isLucky: boolean) => unknown>> = {
  storeMedia: (body) => ('url' in body ? { url: NOWHERE } : body),
  addBackend: (body, isLucky) => (isLucky ? { id: 'extra', url: NOWHERE } : { ...body, url: NOWHERE }),
  createWebhook: (body, isLucky) => ({ ...body, url: isLucky ? 'https://hooks.invalid/' : NOWHERE }),
  updateWebhook: (body, isLucky) =>
    isLucky ? { description: 'changed' } : 'url' in body ? { ...body, url: NOWHERE } : body,
  submitGraph: ({ metadata = {}, lane = 'batch' }, isLucky) =>
    isLucky ? { graph: GRAPH, metadata, lane } : { metadata },
  addWorkflow: ({ note = '' }, isLucky) => (isLucky ? { name: 'another', graph: GRAPH, note } : { note, graph: {} }),
  addDeployment: (body, isLucky) => (isLucky ? { weight: 1 } : body),
  changeDeployment: (body, isLucky) => (isLucky ? { weight: 2 } : body),
  openSession: (body, isLucky) => (isLucky ? {} : body),
  updateSession: (body, isLucky) => (isLucky ? { locale: 'de' } : body),
  claimSession: (body, isLucky) => (isLucky ? { account_id: 'ann' } : body),
  generate: (body, isLucky) => (isLucky ? {} : body),
  setWorkflowLabel: (body, isLucky) => (isLucky ? { version: '1' } : body),
};

/** What nobody may have by chance: an address inside, a signature, a configured backend, a label that was nowhere before, a code. */
const REFUSED = ['getSignedMedia', 'redeemLinkCode', 'removeBackend', 'rollbackWorkflowLabel', 'storeMedia'];

interface Named extends Operation {
  readonly method: string;
  readonly path: string;
}

describe('requests made of the OpenAPI document', () => {
  let server: WholeServer;
  let document: OpenApi;
  let operations: readonly Named[] = [];
  let key: Readonly<Record<string, string>> = {};
  let check: (schema: Schema, value: unknown) => string | null;
  let picture: Buffer;

  beforeAll(async () => {
    server = await wholeServer({
      requireKeys: true,
      config: { http: { ratePerMinute: 1_000_000 }, points: { enabled: true } },
    });
    const output = server.backend.addFile('output.txt', Buffer.from('output'));
    server.backend.autoFinish = () => [output];
    key = { ...(await server.keyOf('ann', ALL_SCOPES)) };
    document = (await server.app.inject({ url: '/v1/openapi.json', headers: key })).json();
    check = checker(document);
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
    );
    picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
  });
  afterAll(() => server.close());

  /** Something to find under the parameters of a path, made anew: the operation before may have removed it. */
  async function objectsFor(path: string): Promise<Readonly<Record<string, string>>> {
    const post = async (url: string, payload: object | Buffer, headers: object = {}) =>
      (await server.app.inject({ method: 'POST', url, payload, headers: { ...key, ...headers } })).json();
    const { name } = await post('/v1/workflows', {
      name: 'fuzzed',
      graph: GRAPH,
      labels: ['production'],
      manifest: { type: 'MAKE' },
    });
    await server.easel.workflows.setEnabled(name, true);
    const common = { name, version: '1', type: 'MAKE', label: 'production', code: 'not_found', ordinal: '0' };
    if (path.endsWith('/diff')) return { ...common, from: '1', to: 'latest' };
    if (path.startsWith('/v1/generations')) {
      return { ...common, id: (await post('/v1/generations', { graph: GRAPH }, { prefer: 'wait=30' })).id };
    }
    if (path.startsWith('/v1/media')) {
      return { ...common, id: (await post('/v1/media', picture, { 'content-type': 'image/png' })).media_id };
    }
    if (path.startsWith('/v1/types')) await post('/v1/workflows/fuzzed/deployments', {});
    if (path.startsWith('/v1/deployments')) {
      return { ...common, id: (await post('/v1/workflows/fuzzed/deployments', {})).id };
    }
    if (path.startsWith('/v1/sessions')) return { ...common, id: (await post('/v1/sessions', {})).id };
    if (path.startsWith('/v1/keys')) return { ...common, id: (await post('/v1/keys', { name: 'fuzzed' })).id };
    if (path.startsWith('/v1/backends')) return { ...common, id: server.backend.id };
    if (path.startsWith('/v1/webhooks')) {
      // An account may have only so many.
      for (const { id } of await server.easel.webhooks.list('ann')) await server.easel.webhooks.remove(id, 'ann');
      const url = `https://hooks.invalid/${Math.random()}`;
      const endpoint = await post('/v1/webhooks', { url, events: ['generation.succeeded'] });
      const { message_id: message } = await post(`/v1/webhooks/${endpoint.id}/test`, {});
      // Nothing is to be sent to it, except where that is what is asked for.
      if (path.endsWith('/test')) return { ...common, id: endpoint.id };
      await server.app.inject({
        method: 'PATCH',
        url: `/v1/webhooks/${endpoint.id}`,
        payload: { enabled: false },
        headers: key,
      });
      return { ...common, id: endpoint.id, message };
    }
    return common;
  }

  function requests(
    { method, path, parameters = [], requestBody, operationId }: Named,
    known: Readonly<Record<string, string>>,
    luck: fc.Arbitrary<boolean>,
  ): fc.Arbitrary<InjectOptions> {
    const values = (where: string) =>
      fc.record(
        Object.fromEntries(
          parameters
            .filter((parameter) => parameter.in === where)
            .map(({ name, schema }) => [name, parameterOf(where, name, schema, known)]),
        ),
        { requiredKeys: parameters.filter((one) => one.in === where && one.required).map(({ name }) => name) },
      );
    const body = requestBody?.content['application/json']?.schema;
    const bodies = body === undefined ? fc.constant(undefined) : valuesOf(document, body);
    return fc
      .tuple(values('path'), values('query'), values('header'), bodies, luck)
      .map(([names, query, headers, made, isLucky]) => {
        const payload = made === undefined ? undefined : (OTHERWISE[operationId]?.(made, isLucky) ?? made);
        // Whoever is lucky names what is there, and asks for nothing special.
        const textOf = (name: string) => String(isLucky ? (known[name] ?? names[name]) : names[name]);
        const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(textOf(name)));
        const search = new URLSearchParams();
        for (const [name, value] of Object.entries(query)) {
          if (isLucky && !parameters.some((one) => one.name === name && one.required)) continue;
          for (const each of [value].flat()) search.append(name, String(each));
        }
        return {
          method: method as 'GET',
          url: `${address}?${search}`,
          headers: { ...headers, ...key, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
        };
      });
  }

  function parameterOf(
    where: string,
    name: string,
    schema: Schema,
    known: Readonly<Record<string, string>>,
  ): fc.Arbitrary<unknown> {
    if (name === 'Prefer') return fc.constantFrom('wait=0', 'respond-async');
    if (where === 'header') return fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/);
    const found = where === 'header' ? undefined : known[name];
    const values = valuesOf(document, schema).filter(
      (value) => where !== 'path' || /^[^/\\.?#%]+$/.test(String(value)),
    );
    return found === undefined ? values : fc.oneof(values, { weight: 4, arbitrary: fc.constant(found) });
  }

  const isFuzzed = ({ operationId }: Named) => !LEFT_OUT.includes(operationId);

  function expectProblem(answer: Answer, place: string): void {
    expect(answer.headers['content-type'], `${place}: ${answer.body}`).toBe('application/problem+json; charset=utf-8');
    const problem = answer.json();
    expect(check({ $ref: '#/components/schemas/Problem' }, problem), place).toBeNull();
    expect(problem.status, place).toBe(answer.statusCode);
    expect(problem.request_id, place).toBe(answer.headers['x-request-id']);
    expect(problem.hint, place).not.toBe('');
  }

  test('that fit it are answered as it says, and never with a fault of ours', async () => {
    const answered = new Set<string>();
    for (const operation of operations.filter(isFuzzed)) {
      const known = await objectsFor(operation.path);
      const property = (luck: fc.Arbitrary<boolean>) =>
        fc.asyncProperty(requests(operation, known, luck), async (request) => {
          const answer = await server.app.inject(request);
          const place = `${operation.operationId} ${request.method} ${request.url} ${String(request.payload)}`;
          const isReadiness = operation.operationId === 'isReady';
          if (!isReadiness) expect(answer.statusCode, `${place}: ${answer.body}`).toBeLessThan(500);
          if (answer.statusCode >= 400 && !isReadiness) return expectProblem(answer, place);
          const declared = operation.responses[answer.statusCode];
          expect(declared, `${place} answered ${answer.statusCode}`).toBeDefined();
          const schema = declared?.content?.['application/json']?.schema;
          const fault = schema === undefined ? null : check(schema, plain(lossless(answer.body)));
          expect(fault, `${place}: ${answer.body}`).toBeNull();
          answered.add(operation.operationId);
        });
      await fc.assert(property(fc.constant(true)), { numRuns: LUCKY_RUNS });
      await fc.assert(property(fc.boolean()), { numRuns: RUNS });
    }
    const refused = operations.filter(isFuzzed).filter(({ operationId }) => !answered.has(operationId));
    expect(refused.map(({ operationId }) => operationId).sort()).toEqual(REFUSED);
  }, 120_000);

  test('refused inputs of a workflow are told as it says, whatever is wrong with them', async () => {
    const manifest = { inputs: [{ name: 'width', target: '1.width', type: 'integer', min: 16, max: 256 }] };
    await server.easel.workflows.add({ name: 'strict', file: { format: 'api', graph: GRAPH }, manifest });
    for (const inputs of [{ '': {} }, { widht: 32 }, { width: 1 }, { width: 'wide' }, { width: null }]) {
      const request = { method: 'POST' as const, url: '/v1/workflows/strict/generations', payload: { inputs } };
      const answer = await server.app.inject({ ...request, headers: key });
      expect(answer.statusCode).toBe(422);
      expect(answer.json().errors).toHaveLength(1);
      expectProblem(answer, JSON.stringify(inputs));
    }
  });

  test('that do not fit it are refused, with a problem', async () => {
    const mutations = fc.oneof(
      fc.constant('unknown-field'),
      fc.constant('unknown-parameter'),
      fc.constant('not-json'),
      fc.constant('another-type'),
      fc.constant('wrong-value'),
    );
    let refused = 0;
    for (const operation of operations.filter(isFuzzed)) {
      const body = operation.requestBody?.content['application/json']?.schema;
      const known = await objectsFor(operation.path);
      await fc.assert(
        fc.asyncProperty(
          requests(operation, known, fc.boolean()),
          mutations,
          fc.jsonValue({ maxDepth: 2 }),
          async (request, how, value) => {
            const broken = mutate(request, how, value, body);
            if (broken === null) return;
            const answer = await server.app.inject(broken);
            const place = `${how}: ${operation.operationId} ${broken.method} ${broken.url} ${String(broken.payload)}`;
            expect(answer.statusCode, `${place}: ${answer.body}`).toBeGreaterThanOrEqual(400);
            expect(answer.statusCode, `${place}: ${answer.body}`).toBeLessThan(500);
            expectProblem(answer, place);
            refused += 1;
          },
        ),
        { numRuns: RUNS },
      );
    }
    expect(refused).toBeGreaterThan(200);
  }, 120_000);

  /** Null where that would not break it. */
  function mutate(request: InjectOptions, how: string, value: unknown, body: Schema | undefined): InjectOptions | null {
    const isOpen = /^\/(health|metrics|docs|v1\/(openapi|errors))/.test(String(request.url));
    if (how === 'unknown-parameter') return isOpen ? null : { ...request, url: `${request.url}&unknown-parameter=1` };
    if (body === undefined || request.payload === undefined) return null;
    const given = JSON.parse(String(request.payload)) as unknown;
    switch (how) {
      case 'not-json':
        return { ...request, payload: `{${String(request.payload)}` };
      case 'another-type':
        return { ...request, headers: { ...request.headers, 'content-type': 'application/xml' } };
      case 'unknown-field':
        if (typeof given !== 'object' || given === null) return null;
        return brokenBody(request, { ...given, 'no such field': value }, body);
      default: {
        if (typeof given !== 'object' || given === null) return null;
        const [name] = Object.keys(given);
        return brokenBody(request, name === undefined ? value : { ...given, [name]: value }, body);
      }
    }
  }

  const brokenBody = (request: InjectOptions, broken: unknown, schema: Schema): InjectOptions | null =>
    // Null is as good as nothing, where the body may be left out.
    broken === null || check(schema, broken) === null ? null : { ...request, payload: JSON.stringify(broken) };
});

/** With numbers as numbers: schemas know no others. */
function plain(value: Answer): Answer {
  return JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part)));
}
