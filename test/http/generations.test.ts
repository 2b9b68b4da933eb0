import { describe, expect, test } from 'vitest';
import { BackendError } from '../../src/core/errors.js';
import { newId } from '../../src/core/ids.js';
import type { Graph, NodeDefinitions } from '../../src/graph/index.js';
import { GRAPH } from '../generations/harness.js';
import { type Answer, lossless, useServers } from './harness.js';

const MAX_SEED = 18446744073709551615n;

const SAMPLED: Graph = {
  '3': { class_type: 'KSampler', inputs: { seed: 1, steps: 20, positive: ['6', 0], negative: ['7', 0] } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'old', clip: ['4', 1] }, _meta: { title: 'Positive' } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'old negative', clip: ['4', 1] } },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
  '9': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'test' } },
};

const DEFINITIONS: NodeDefinitions = {
  EmptyImage: {
    name: 'EmptyImage',
    input: { required: { width: ['INT', { min: 1, max: 4096 }], height: ['INT', { min: 1, max: 4096 }] } },
    output: ['IMAGE'],
  },
  SaveImage: {
    name: 'SaveImage',
    input: { required: { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'x' }] } },
    output: [],
    output_node: true,
  },
};

const UI_WORKFLOW = {
  version: 0.4,
  last_node_id: 2,
  last_link_id: 1,
  nodes: [
    {
      id: 1,
      type: 'EmptyImage',
      inputs: [],
      outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [1] }],
      widgets_values: [64, 32],
      mode: 0,
    },
    {
      id: 2,
      type: 'SaveImage',
      inputs: [{ name: 'images', type: 'IMAGE', link: 1 }],
      outputs: [],
      widgets_values: ['from ui'],
      mode: 0,
    },
  ],
  links: [[1, 1, 0, 2, 0, 'IMAGE']],
};

describe('POST /v1/generations', () => {
  const server = useServers();
  const post = { method: 'POST', url: '/v1/generations' } as const;

  test('accepts a graph and says where to look', async () => {
    const { app } = await server();
    const answer = await app.inject({ ...post, payload: { graph: GRAPH, lane: 'batch', metadata: { camelCase: 1 } } });
    expect(answer.statusCode).toBe(202);
    const body = answer.json();
    const url = `/v1/generations/${body.id}`;
    expect(answer.headers['location']).toBe(url);
    expect(body).toMatchObject({
      status: expect.stringMatching(/^(queued|running)$/),
      ended: false,
      lane: 'batch',
      metadata: { camelCase: 1 },
      error: null,
      outputs: [],
      status_url: url,
      events_url: `${url}/events`,
      cancel_url: `${url}/cancel`,
    });
    expect(body.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Object.keys(body).filter((name) => /[A-Z]/.test(name))).toEqual([]);
    expect((await app.inject(url)).json()).toMatchObject({ id: body.id, lane: 'batch' });
  });

  test('keeps a 64-bit seed to its last digit, in and out', async () => {
    const { app, backend } = await server();
    const seen: unknown[] = [];
    backend.autoFinish = ({ graph }) => {
      seen.push(graph['3']?.inputs['seed']);
      return [];
    };
    const graph = JSON.stringify(SAMPLED).replace('"seed":1', `"seed":${MAX_SEED}`);
    const bodies = [
      `{"graph":${graph},"metadata":{"seed":${MAX_SEED}}}`,
      `{"graph":${JSON.stringify(SAMPLED)},"seed":${MAX_SEED}}`,
      `{"graph":${JSON.stringify(SAMPLED)},"seed":"${MAX_SEED}"}`,
      `{"graph":${JSON.stringify(SAMPLED)},"set":{"3.seed":${MAX_SEED}}}`,
    ];
    const ids: string[] = [];
    for (const payload of bodies) {
      const headers = { 'content-type': 'application/json', prefer: 'wait=20' };
      const answer = await app.inject({ ...post, payload, headers });
      expect(answer.json()).toMatchObject({ status: 'succeeded' });
      ids.push(answer.json().id);
    }
    expect(seen).toEqual([MAX_SEED, MAX_SEED, MAX_SEED, MAX_SEED]);
    const read = await app.inject(`/v1/generations/${ids[0]}`);
    expect(lossless(read.body).metadata).toEqual({ seed: MAX_SEED });
    const listed = await app.inject('/v1/generations');
    expect(lossless(listed.body).data.at(-1).metadata).toEqual({ seed: MAX_SEED });
  });

  test('binds prompt, negative, seed and named inputs; what is named wins', async () => {
    const { app, backend } = await server();
    let sent: Graph = {};
    backend.autoFinish = ({ graph }) => {
      sent = graph;
      return [];
    };
    const payload = {
      graph: SAMPLED,
      prompt: 'a lighthouse',
      negative: 'fog',
      seed: 7,
      set: { '3.steps': 4, 'KSampler.seed': 8, 'Positive.text': 'a tower' },
    };
    await app.inject({ ...post, payload, headers: { prefer: 'wait=20' } });
    expect(sent['3']?.inputs).toMatchObject({ seed: 8, steps: 4 });
    expect(sent['6']?.inputs['text']).toBe('a tower');
    expect(sent['7']?.inputs['text']).toBe('fog');
  });

  test('converts a UI workflow with the definitions of a backend, and sends the workflow along', async () => {
    const { app, backend } = await server({ definitions: async () => DEFINITIONS });
    let sent: Answer;
    backend.autoFinish = (request) => {
      sent = request;
      return [];
    };
    const payload = { workflow: UI_WORKFLOW, set: { '1.width': 128 } };
    const answer = await app.inject({ ...post, payload, headers: { prefer: 'wait=20' } });
    expect(answer.statusCode).toBe(200);
    expect(sent.graph['1'].inputs).toEqual({ width: 128, height: 32 });
    expect(sent.graph['2'].inputs).toEqual({ images: ['1', 0], filename_prefix: 'from ui' });
    expect(sent.workflow).toEqual(UI_WORKFLOW);
    const tooWide = await app.inject({ ...post, payload: { ...payload, set: { '1.width': 5000 } } });
    expect(tooWide.json()).toMatchObject({ status: 422, code: 'graph_input_invalid', details: { node_id: '1' } });
  });

  test('names the classes that the backend lacks, and says when no backend answers', async () => {
    const { app, backend } = await server();
    const missing = await app.inject({ ...post, payload: { workflow: UI_WORKFLOW } });
    expect(missing.json()).toMatchObject({ status: 422, code: 'backend_node_missing' });
    expect(missing.json().details.classes.map((one: Answer) => one.class_type)).toContain('SaveImage');
    backend.capabilities = async () => {
      throw new BackendError('backend_unreachable', 'Connection refused.');
    };
    const nobody = await app.inject({ ...post, payload: { workflow: UI_WORKFLOW } });
    expect(nobody.json()).toMatchObject({ status: 503, code: 'backend_unreachable', retryable: true });
  });

  test('answers a repeated key with the first generation, without converting again', async () => {
    let asked = 0;
    const definitions = async () => {
      asked += 1;
      return DEFINITIONS;
    };
    const { app } = await server({ definitions });
    const headers = { 'idempotency-key': 'order-1' };
    const first = await app.inject({ ...post, headers, payload: { workflow: UI_WORKFLOW, lane: 'batch' } });
    const again = await app.inject({ ...post, headers, payload: { lane: 'batch', workflow: UI_WORKFLOW } });
    expect([first.statusCode, again.statusCode]).toEqual([202, 200]);
    expect(again.json().id).toBe(first.json().id);
    expect(again.headers).toMatchObject({ location: first.headers['location'], 'idempotency-replayed': 'true' });
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(asked).toBe(1);
    const other = await app.inject({ ...post, headers, payload: { workflow: UI_WORKFLOW } });
    expect(other.json()).toMatchObject({ status: 409, code: 'idempotency_conflict', retryable: false });
  });

  test('makes one generation of many requests under one key at the same moment', async () => {
    const { app } = await server();
    const request = { ...post, headers: { 'idempotency-key': 'k' }, payload: { graph: GRAPH } };
    const answers = await Promise.all(Array.from({ length: 8 }, () => app.inject(request)));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect(answers.filter((answer) => answer.statusCode === 202)).toHaveLength(1);
    expect(answers.filter((answer) => answer.statusCode === 200)).toHaveLength(7);
  });

  test('waits for the end as long as the caller prefers', async () => {
    const { app, backend, generations } = await server();
    const waiting = app.inject({ ...post, payload: { graph: GRAPH }, headers: { prefer: 'wait=60' } });
    await backend.whenAccepted(1);
    backend.finish(backend.accepted[0]!);
    const ended = await waiting;
    expect(ended.statusCode).toBe(200);
    expect(ended.headers['preference-applied']).toBe('wait=60');
    expect(ended.json()).toMatchObject({ status: 'succeeded', ended: true });

    const unended = await app.inject({ ...post, payload: { graph: GRAPH }, headers: { prefer: 'wait=1' } });
    expect(unended.statusCode).toBe(202);
    expect(unended.json()).toMatchObject({ ended: false });
    const long = await app.inject({ url: ended.json().status_url, headers: { prefer: 'wait=9999' } });
    expect(long.headers['preference-applied']).toBe('wait=120');
    expect(generations.followers).toBe(0);
  });

  test.each<[string, object, number, object]>([
    ['nothing to run', {}, 400, { errors: [{ pointer: '#/graph' }] }],
    ['an unknown field', { graph: GRAPH, backendId: 'x' }, 400, { detail: expect.stringContaining('"backend_id"') }],
    [
      'several faults at once',
      { graph: GRAPH, lane: 'fast', limits: { runms: 1 }, seed: -1 },
      400,
      { errors: [{ pointer: '#/seed' }, { pointer: '#/lane' }, { pointer: '#/limits/runms' }] },
    ],
    [
      'a seed that is too large',
      { graph: GRAPH, seed: '18446744073709551616' },
      400,
      { errors: [{ pointer: '#/seed' }] },
    ],
    ['a graph that is a text', { graph: 'x' }, 400, { errors: [{ pointer: '#/graph', detail: 'expected an object' }] }],
    ['a graph that is a UI workflow', { graph: UI_WORKFLOW }, 400, { hint: 'Send it as "workflow".' }],
    ['a workflow that is a graph', { workflow: GRAPH }, 400, { hint: 'Send it as "graph".' }],
    ['a malformed graph', { graph: { '1': { class_type: 'X' } } }, 422, { code: 'graph_invalid' }],
    ['a prompt without a place', { graph: GRAPH, prompt: 'x' }, 422, { code: 'graph_input_unknown' }],
    ['an unknown input', { graph: GRAPH, set: { '1.widht': 5 } }, 422, { hint: expect.stringContaining('"width"') }],
    ['a backend that does not exist', { graph: GRAPH, backend_id: 'fke' }, 400, { hint: 'Did you mean "fake"?' }],
    ['a file that does not exist', { graph: GRAPH, inputs: { '1.width': { media_id: newId() } } }, 404, {}],
    ['metadata that is too large', { graph: GRAPH, metadata: { a: 'x'.repeat(20_000) } }, 413, {}],
    ['a file name in place of an upload', { graph: GRAPH, inputs: { '1.width': 'a.png' } }, 400, {}],
  ])('refuses %s', async (_name, payload, status, problem) => {
    const { app } = await server();
    const answer = await app.inject({ ...post, payload });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status, ...problem });
    expect(answer.statusCode).toBe(status);
    expect((await app.inject('/v1/generations')).json().data).toEqual([]);
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ['no body', '', { 'content-type': 'application/json' }, 400, 'request_invalid'],
    ['broken JSON', '{"graph": ', { 'content-type': 'application/json' }, 400, 'request_invalid'],
    ['a list', '[]', { 'content-type': 'application/json' }, 400, 'request_invalid'],
    ['a text', 'hello', { 'content-type': 'text/plain' }, 415, 'media_type_unsupported'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'media_type_unsupported'],
    ['no type', '{}', {}, 415, 'media_type_unsupported'],
    [
      'a key with spaces',
      '{"graph":{}}',
      { 'content-type': 'application/json', 'idempotency-key': 'a b' },
      400,
      'request_invalid',
    ],
  ])('refuses %s', async (_name, payload, headers, status, code) => {
    const { app } = await server();
    const answer = await app.inject({ ...post, payload, headers });
    expect(answer.json()).toMatchObject({ status, code });
  });

  test('refuses a body that is too large, and unknown parameters', async () => {
    const { app } = await server({ maxBodyBytes: 200 });
    const large = await app.inject({ ...post, payload: { graph: GRAPH, metadata: { a: 'x'.repeat(200) } } });
    expect(large.json()).toMatchObject({ status: 413, code: 'payload_too_large' });
    const parameter = await app.inject({ ...post, url: '/v1/generations?wait=1', payload: { graph: GRAPH } });
    expect(parameter.json()).toMatchObject({ status: 400, errors: [{ parameter: 'wait' }] });
  });
});

describe('GET /v1/generations', () => {
  const server = useServers();

  test('pages from the newest to the oldest', async () => {
    const { app, submit } = await server();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.unshift(await submit());
    const seen: string[] = [];
    let url: string | null = '/v1/generations?limit=2';
    while (url !== null) {
      const answer: Answer = await app.inject(url);
      const page = answer.json();
      seen.push(...page.data.map((one: Answer) => one.id));
      url = /<(.*)>; rel="next"/.exec(answer.headers['link'] ?? '')?.[1] ?? null;
      expect(url === null).toBe(page.next_before === null);
      if (url !== null) expect(url).toBe(`/v1/generations?before=${page.next_before}&limit=2`);
    }
    expect(seen).toEqual(ids);
  });

  test('filters by status, and keeps the filter from page to page', async () => {
    const { app, submit, succeed } = await server();
    const done = await succeed({});
    const open = await submit();
    const idsOf = async (query: string) =>
      (await app.inject(`/v1/generations?${query}`)).json().data.map((one: Answer) => one.id);
    expect(await idsOf('status=succeeded')).toEqual([done]);
    expect(await idsOf('status=queued,running')).toEqual([open]);
    expect(await idsOf('status=queued&status=running&status=succeeded')).toEqual([open, done]);
    const first = await app.inject('/v1/generations?status=queued,running,succeeded&limit=1');
    expect(first.headers['link']).toContain('status=queued%2Crunning%2Csucceeded');
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['before=x', 'before'],
    ['status=done', 'status'],
    ['status=', 'status'],
    ['page=2', 'page'],
    ['stauts=failed', 'stauts'],
  ])('refuses ?%s', async (query, parameter) => {
    const { app } = await server();
    const answer = await app.inject(`/v1/generations?${query}`);
    expect(answer.json()).toMatchObject({ status: 400, code: 'request_invalid', errors: [{ parameter }] });
  });

  test('shows one, and nothing for what is no id or belongs to somebody else', async () => {
    const { app, generations } = await server();
    const { id } = await generations.submit({ accountId: 'somebody', graph: GRAPH });
    for (const path of ['', '/events', '/outputs/0', '/cancel', '/rerun']) {
      for (const unknown of [id, newId(), 'x', '..%2f', id.toUpperCase()]) {
        const method = path === '/cancel' || path === '/rerun' ? 'POST' : 'GET';
        const answer = await app.inject({ method, url: `/v1/generations/${unknown}${path}` });
        expect(answer.json(), `${path} of ${unknown}`).toMatchObject({ status: 404, code: 'not_found' });
      }
    }
    expect((await app.inject('/v1/generations')).json().data).toEqual([]);
  });

  test('shows why one failed, but nothing of our own insides', async () => {
    const { app, backend, submit, generations } = await server();
    backend.script({ refuse: new BackendError('backend_rejected_graph', 'Bad.', { details: { nodeId: '9' } }) });
    const rejected = await submit();
    await generations.wait(rejected, 'local');
    expect((await app.inject(`/v1/generations/${rejected}`)).json()).toMatchObject({
      status: 'failed',
      error: { code: 'backend_rejected_graph', message: 'Bad.', details: { node_id: '9' } },
    });
    backend.submit = async () => {
      throw new TypeError('secret: cannot read properties of undefined');
    };
    const broken = await submit({ limits: { max_attempts: 1 } });
    await generations.wait(broken, 'local');
    const answer = await app.inject(`/v1/generations/${broken}`);
    expect(answer.json()).toMatchObject({ status: 'failed' });
    expect(answer.body).not.toContain('secret');
  });
});

describe('POST /v1/generations/{id}/cancel and /rerun', () => {
  const server = useServers();

  test('cancels what waits at once, what runs when it has stopped, and leaves what has ended', async () => {
    const { app, backend, submit } = await server();
    const running = await submit();
    await backend.whenAccepted(1);
    const waiting = await submit();
    const gone = await app.inject({ method: 'POST', url: `/v1/generations/${waiting}/cancel` });
    expect([gone.statusCode, gone.json().status]).toEqual([200, 'cancelled']);
    const url = `/v1/generations/${running}/cancel`;
    backend.ignoresCancel = true;
    const asked = await app.inject({ method: 'POST', url, payload: {} });
    expect([asked.statusCode, asked.json().cancel_requested]).toEqual([202, true]);
    backend.ignoresCancel = false;
    const stopped = await app.inject({ method: 'POST', url, headers: { prefer: 'wait=20' } });
    expect([stopped.statusCode, stopped.json().status]).toEqual([200, 'cancelled']);
    const again = await app.inject({ method: 'POST', url });
    expect([again.statusCode, again.json().status]).toEqual([200, 'cancelled']);
    const odd = await app.inject({ method: 'POST', url, payload: { reason: 'x' } });
    expect(odd.statusCode).toBe(400);
  });

  test('runs the same again, once per key', async () => {
    const { app, backend, succeed } = await server();
    const id = await succeed({});
    const url = `/v1/generations/${id}/rerun`;
    const one = await app.inject({ method: 'POST', url });
    expect(one.statusCode).toBe(202);
    expect(one.json().id).not.toBe(id);
    expect(one.headers['location']).toBe(`/v1/generations/${one.json().id}`);
    const headers = { 'idempotency-key': 'again' };
    const two = await app.inject({ method: 'POST', url, headers });
    const replay = await app.inject({ method: 'POST', url, headers });
    expect([two.statusCode, replay.statusCode]).toEqual([202, 200]);
    expect(replay.json().id).toBe(two.json().id);
    expect(two.json().id).not.toBe(one.json().id);
    const other = await app.inject({ method: 'POST', url: `/v1/generations/${two.json().id}/rerun`, headers });
    expect(other.json()).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    await backend.whenAccepted(2);
  });
});
