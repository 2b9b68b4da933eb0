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

/** Outside of this machine, or never ending: not for requests made by chance. */
const LEFT_OUT = ['followGeneration', 'followAccount', 'callMcp', 'reportRun'];

/** Where chance would reach for the network, something else in its place. */
const NOWHERE = 'http://127.0.0.1:9/';
const WITHOUT_NETWORK: Readonly<Record<string, (body: Answer) => unknown>> = {
  storeMedia: (body) => ('url' in body ? { url: NOWHERE } : body),
  addBackend: (body) => ({ ...body, ...('url' in body ? { url: NOWHERE } : {}) }),
  createWebhook: (body) => ({ ...body, url: NOWHERE }),
  updateWebhook: (body) => ('url' in body ? { ...body, url: NOWHERE } : body),
};

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
  let known: Readonly<Record<string, readonly string[]>> = {};

  beforeAll(async () => {
    server = await wholeServer({
      requireKeys: true,
      config: { http: { ratePerMinute: 1_000_000 }, points: { enabled: true } },
    });
    server.backend.autoFinish = () => [];
    key = { ...(await server.keyOf('ann', ALL_SCOPES)) };
    document = (await server.app.inject({ url: '/v1/openapi.json', headers: key })).json();
    check = checker(document);
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
    );
    await fill();
  });
  afterAll(() => server.close());

  /** Something to find under the parameters of paths. */
  async function fill(): Promise<void> {
    const post = async (url: string, payload: object | Buffer, headers: object = {}) =>
      (await server.app.inject({ method: 'POST', url, payload, headers: { ...key, ...headers } })).json();
    const generation = await post('/v1/generations', { graph: GRAPH });
    const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const media = await post('/v1/media', picture, { 'content-type': 'image/png' });
    await post('/v1/workflows', { name: 'fuzzed', graph: GRAPH });
    const deployment = await post('/v1/workflows/fuzzed/deployments', {});
    known = {
      id: [generation.id, media.media_id, deployment.id],
      name: ['fuzzed', 'none'],
      version: ['1', 'latest', 'none'],
      label: ['production', 'other'],
      code: ['not_found'],
      ordinal: ['0', '99'],
    };
  }

  function requests({ method, path, parameters = [], requestBody, operationId }: Named): fc.Arbitrary<InjectOptions> {
    const values = (where: string) =>
      fc.record(
        Object.fromEntries(
          parameters
            .filter((parameter) => parameter.in === where)
            .map(({ name, schema }) => [name, parameterOf(where, name, schema)]),
        ),
        { requiredKeys: parameters.filter((one) => one.in === where && one.required).map(({ name }) => name) },
      );
    const body = requestBody?.content['application/json']?.schema;
    const bodies = body === undefined ? fc.constant(undefined) : valuesOf(document, body);
    return fc.tuple(values('path'), values('query'), values('header'), bodies).map(([names, query, headers, made]) => {
      const payload = made === undefined ? undefined : (WITHOUT_NETWORK[operationId]?.(made) ?? made);
      const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names[name])));
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) {
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

  function parameterOf(where: string, name: string, schema: Schema): fc.Arbitrary<unknown> {
    if (name === 'Prefer') return fc.constantFrom('wait=0', 'respond-async');
    if (where === 'header') return fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/);
    const found = where === 'path' ? known[name] : undefined;
    const values = valuesOf(document, schema).filter(
      (value) => where !== 'path' || /^[^/\\.?#%]+$/.test(String(value)),
    );
    return found === undefined ? values : fc.oneof(values, fc.constantFrom(...found));
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
    let answered = 0;
    for (const operation of operations.filter(isFuzzed)) {
      await fc.assert(
        fc.asyncProperty(requests(operation), async (request) => {
          const answer = await server.app.inject(request);
          const place = `${operation.operationId} ${request.method} ${request.url} ${String(request.payload)}`;
          const isReadiness = operation.operationId === 'isReady';
          if (!isReadiness) expect(answer.statusCode, `${place}: ${answer.body}`).toBeLessThan(500);
          if (answer.statusCode >= 400 && !isReadiness) return expectProblem(answer, place);
          const declared = operation.responses[answer.statusCode];
          expect(declared, `${place} answered ${answer.statusCode}`).toBeDefined();
          const schema = declared?.content?.['application/json']?.schema;
          if (schema !== undefined)
            expect(check(schema, plain(lossless(answer.body))), `${place}: ${answer.body}`).toBeNull();
          answered += 1;
        }),
        { numRuns: RUNS },
      );
    }
    expect(answered).toBeGreaterThan(200);
  }, 120_000);

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
      await fc.assert(
        fc.asyncProperty(requests(operation), mutations, fc.jsonValue({ maxDepth: 2 }), async (request, how, value) => {
          const broken = mutate(request, how, value, body);
          if (broken === null) return;
          const answer = await server.app.inject(broken);
          const place = `${how}: ${operation.operationId} ${broken.method} ${broken.url} ${String(broken.payload)}`;
          expect(answer.statusCode, `${place}: ${answer.body}`).toBeGreaterThanOrEqual(400);
          expect(answer.statusCode, `${place}: ${answer.body}`).toBeLessThan(500);
          expectProblem(answer, place);
          refused += 1;
        }),
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
    check(schema, broken) === null ? null : { ...request, payload: JSON.stringify(broken) };
});

/** With numbers as numbers: schemas know no others. */
function plain(value: Answer): Answer {
  return JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part)));
}
