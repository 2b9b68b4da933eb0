import { describe, expect, test } from 'vitest';
import { type Backend, type BackendCapabilities, definitionsOf } from '../../src/backends/index.js';
import { systemClock } from '../../src/core/clock.js';
import { BackendError } from '../../src/core/errors.js';
import { FakeBackend } from '../../src/testing/index.js';
import { definitions, pictureGraph } from '../helpers/picture-graph.js';
import { type Answer, lossless, useServers } from './harness.js';

describe('/v1/workflows', () => {
  const server = useServers();
  const serve = async (options: Parameters<typeof server>[0] = {}) => {
    const one = await server({ definitions: async () => definitions(), ...options });
    const call = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
      const answer = await one.app.inject({
        method,
        url,
        ...(payload === undefined
          ? {}
          : {
              payload: JSON.stringify(payload, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)),
              headers: { 'content-type': 'application/json' },
            }),
      });
      return { status: answer.statusCode, body: (answer.body === '' ? null : lossless(answer.body)) as Answer, answer };
    };
    const add = (more: object = {}) => call('POST', '/v1/workflows', { name: 'cat', graph: pictureGraph(), ...more });
    return { ...one, call, add };
  };

  test('are added, described, listed, and given back as a schema', async () => {
    const { call, add } = await serve();
    const added = await add({ manifest: { type: 'make', description: 'Cats.' }, labels: ['staging'] });
    expect(added).toMatchObject({
      status: 201,
      body: {
        name: 'cat',
        type: 'MAKE',
        is_new: true,
        version: { number: 1 },
        labels: { staging: expect.any(String) },
      },
    });
    expect(added.answer.headers['location']).toBe('/v1/workflows/cat');
    expect((await add({ manifest: { type: 'make', description: 'Cats.' } })).status).toBe(200);
    const { body } = await call('GET', '/v1/workflows/cat');
    expect(body.inputs.map(({ name }: Answer) => name)).toEqual([
      ...['prompt', 'negative', 'width', 'height', 'batch_size'],
      ...['seed', 'steps', 'cfg', 'sampler', 'scheduler', 'denoise'],
    ]);
    expect(body.outputs).toEqual([{ name: 'image', node_id: '9', media: 'image' }]);
    expect(body.requires).toMatchObject({ models: ['checkpoints/sd15.safetensors'] });
    expect((await call('GET', '/v1/workflows?type=txt2img')).body.data).toMatchObject([{ name: 'cat' }]);
    expect((await call('GET', '/v1/workflows?type=UPSCALE')).body.data).toEqual([]);
    const schema = await call('GET', '/v1/workflows/cat/schema');
    expect(schema.answer.headers['content-type']).toContain('application/schema+json');
    expect(schema.answer.body).toContain('"maximum":18446744073709551615');
    expect(schema.body).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      additionalProperties: false,
      properties: {
        sampler: { enum: expect.arrayContaining(['euler']) },
        prompt: { type: 'string', default: 'a cat' },
      },
    });
  });

  test('page by name', async () => {
    const { call, add } = await serve();
    for (const name of ['a', 'b', 'c']) await add({ name });
    const first = await call('GET', '/v1/workflows?limit=2');
    expect(first.body).toMatchObject({ data: [{ name: 'a' }, { name: 'b' }], next_after: 'b' });
    const link = /<(.+)>/.exec(String(first.answer.headers['link']))![1]!;
    expect((await call('GET', link)).body).toMatchObject({ data: [{ name: 'c' }], next_after: null });
  });

  test('a manifest that does not fit is told field by field', async () => {
    const { add } = await serve();
    const { status, body } = await add({
      manifest: {
        inputs: [{ name: 'promt' }, { name: 'size', target: '5.widht' }, { name: 'x', tpye: 1 }],
        descripton: 'x',
      },
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'workflow_manifest_invalid' });
    expect(body.errors.map(({ pointer }: Answer) => pointer)).toEqual(['#/inputs/2/tpye', '#/descripton']);
    const other = await add({ manifest: { inputs: [{ name: 'promt' }, { name: 'size', target: '5.widht' }] } });
    expect(other.body.errors).toMatchObject([
      { pointer: '#/inputs/0/name', detail: expect.stringContaining('"prompt"') },
      { pointer: '#/inputs/1/target', detail: expect.stringContaining('"width"') },
    ]);
  });

  test('a file in UI format is converted; its notes are its description', async () => {
    const { call } = await serve();
    const workflow = {
      ...EMPTY_UI,
      nodes: [
        ...EMPTY_UI.nodes,
        { id: 9, type: 'Note', pos: [0, 0], inputs: [], outputs: [], widgets_values: ['Makes nothing.'], mode: 0 },
      ],
    };
    const { body, status } = await call('POST', '/v1/workflows', { name: 'empty', workflow });
    expect(status).toBe(201);
    expect(body).toMatchObject({ description: 'Makes nothing.' });
  });

  test('labels move, go back, and say which version a request takes', async () => {
    const { call, add } = await serve();
    await add();
    await add({ graph: pictureGraph({ steps: 30 }) });
    const url = '/v1/workflows/cat/labels/production';
    expect((await call('PUT', url, { version: '1' })).body).toMatchObject({ label: 'production', from: null });
    await call('PUT', url, { version: 'latest' });
    expect((await call('GET', '/v1/workflows/cat')).body.version.number).toBe(2);
    await call('POST', `${url}/rollback`);
    expect((await call('GET', '/v1/workflows/cat')).body.version.number).toBe(1);
    expect((await call('POST', `${url}/rollback`)).body).toMatchObject({ status: 409, code: 'workflow_label_invalid' });
    expect((await call('GET', '/v1/workflows/cat/versions')).body.data).toMatchObject([
      { number: 2, is_latest: true, labels: [] },
      { number: 1, labels: ['production'] },
    ]);
    const { body: diff } = await call('GET', '/v1/workflows/cat/diff?from=1&to=2');
    expect(diff).toMatchObject({
      same: false,
      nodes: { added: [], removed: [], changed: [{ id: '3', inputs: [{ field: 'steps', from: 20, to: 30 }] }] },
      inputs: { changed: [{ name: 'steps', fields: [{ field: 'default', from: 20, to: 30 }] }] },
    });
    const { body: follower } = await call('POST', '/v1/workflows/cat/deployments', { version: 'production' });
    expect((await call('DELETE', url)).body).toMatchObject({
      status: 409,
      code: 'workflow_label_invalid',
      details: { deployments: [follower.id] },
    });
    await call('DELETE', `/v1/deployments/${follower.id}`);
    expect((await call('DELETE', url)).status).toBe(204);
    expect((await call('GET', '/v1/workflows/cat/versions/1')).body.graph['3'].inputs.steps).toBe(20);
  });

  test('are checked against every backend; one that cannot say what it has is no backend without node classes', async () => {
    const of = (id: string, more: Partial<Backend>) => Object.assign(new FakeBackend({ id }), more);
    const say = async (nodeDefinitions: BackendCapabilities['nodeDefinitions']) =>
      ({ version: null, nodeDefinitions, devices: [], maxUploadBytes: null }) satisfies BackendCapabilities;
    const backends = [
      of('gpu', { capabilities: () => say(definitions()) }),
      of('bare', { capabilities: () => say({}) }),
      of('gone', { capabilities: () => Promise.reject(new BackendError('backend_unreachable', 'It is off.')) }),
      of('cloud', { kind: 'comfydeploy', capabilities: () => say({}) }),
    ];
    const { call, add } = await serve({ easel: { backends }, definitions: definitionsOf(backends, systemClock) });
    await add();
    const { body } = await call('GET', '/v1/workflows/cat/availability');
    expect(body.data).toMatchObject([
      { backend_id: 'gpu', ok: true },
      { backend_id: 'bare', ok: false },
      { backend_id: 'gone', ok: null, error: { code: 'backend_unreachable' } },
      { backend_id: 'cloud', ok: null, error: { code: 'deployment_mismatch' } },
    ]);
    expect((await call('GET', '/v1/workflows/cat/availability?version=7')).body).toMatchObject({
      code: 'workflow_version_unknown',
    });
  });

  test('are turned off and on, and removed', async () => {
    const { call, add } = await serve();
    await add();
    expect((await call('POST', '/v1/workflows/cat/disable')).body).toMatchObject({ enabled: false });
    expect((await call('POST', '/v1/workflows/cat/generations', {})).body).toMatchObject({ code: 'workflow_disabled' });
    expect((await call('POST', '/v1/workflows/cat/enable')).body).toMatchObject({ enabled: true });
    expect((await call('DELETE', '/v1/workflows/cat')).status).toBe(204);
    expect((await call('GET', '/v1/workflows/cat')).body).toMatchObject({ status: 404, code: 'workflow_unknown' });
  });

  test('deployments are made, changed and removed', async () => {
    const { call, add } = await serve();
    await add();
    const { body: made, status } = await call('POST', '/v1/workflows/cat/deployments', {
      target: { kind: 'backend', backend_id: 'fake' },
      contexts: ['api'],
    });
    expect(status, JSON.stringify(made)).toBe(201);
    expect(made).toMatchObject({ workflow: 'cat', target: { kind: 'backend', backend_id: 'fake' }, weight: 100 });
    const changed = await call('PATCH', `/v1/deployments/${made.id}`, { weight: 5, enabled: false });
    expect(changed.body).toMatchObject({ weight: 5, enabled: false, contexts: ['api'] });
    expect((await call('GET', '/v1/workflows/cat/deployments')).body.data).toHaveLength(1);
    for (const target of [
      { kind: 'backend', backend_id: 'no' },
      { kind: 'comfydeploy', backend_id: 'no', deployment_id: 'dep_1' },
    ]) {
      const wrong = await call('POST', '/v1/workflows/cat/deployments', { target });
      expect(wrong.body).toMatchObject({ status: 400, errors: [{ pointer: '#/target/backend_id' }] });
    }
    expect((await call('DELETE', `/v1/deployments/${made.id}`)).status).toBe(204);
    expect((await call('DELETE', `/v1/deployments/${made.id}`)).body).toMatchObject({ code: 'deployment_unknown' });
  });
});

describe('POST /v1/workflows/NAME/generations', () => {
  const server = useServers();
  const url = '/v1/workflows/cat/generations';

  async function serve(options: Parameters<typeof server>[0] = {}) {
    const one = await server({ definitions: async () => definitions(), ...options });
    const graph = pictureGraph();
    await one.app.inject({ method: 'POST', url: '/v1/workflows', payload: { name: 'cat', graph } });
    const generate = async (body: string | object, headers: Record<string, string> = {}) => {
      const payload = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await one.app.inject({
        method: 'POST',
        url,
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      });
      return { status: answer.statusCode, headers: answer.headers, body: lossless(answer.body) as Answer };
    };
    return { ...one, generate };
  }

  test('binds, submits, and shows what was changed and why', async () => {
    const { app, generate } = await serve();
    const { status, body } = await generate('{"inputs":{"prompt":"a dog <lora:ink:0.5>","seed":18446744073709551615}}');
    expect(status).toBe(202);
    expect(body).toMatchObject({ workflow_name: 'cat', workflow_version: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(body.inputs).toMatchObject({ prompt: 'a dog <lora:ink:0.5>', seed: 18446744073709551615n, steps: 20 });
    const shown = lossless((await app.inject(`/v1/generations/${body.id}/graph`)).body) as Answer;
    expect(shown.graph['3'].inputs).toMatchObject({ seed: 18446744073709551615n, model: ['easel-lora', 0] });
    expect(shown.changes).toContainEqual({
      node: '3',
      input: 'seed',
      from: 5,
      to: 18446744073709551615n,
      why: 'input seed',
    });
    expect(shown.inputs).toEqual(body.inputs);
  });

  test('a repeat under the same key is the same generation, with the seed that was drawn for it', async () => {
    const { generate } = await serve();
    const headers = { 'idempotency-key': 'k1' };
    const first = await generate({ inputs: { prompt: 'x' } }, headers);
    const again = await generate({ inputs: { prompt: 'x' } }, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect([again.body.id, again.body.inputs]).toEqual([first.body.id, first.body.inputs]);
    expect((await generate({ inputs: { prompt: 'y' } }, headers)).body).toMatchObject({ code: 'idempotency_conflict' });
  });

  test('a run again of it keeps what it was bound with', async () => {
    const { app, generate, generations } = await serve();
    const { body } = await generate({ inputs: {} });
    await generations.cancel(body.id, 'local');
    const again = await app.inject({ method: 'POST', url: `/v1/generations/${body.id}/rerun` });
    const shown = lossless((await app.inject(`/v1/generations/${again.json().id}/graph`)).body) as Answer;
    expect(shown.inputs).toEqual(body.inputs);
    expect(shown.changes).not.toHaveLength(0);
  });

  test('everything that is wrong is told, by its place in the body', async () => {
    const { generate } = await serve();
    const { status, body } = await generate({ inputs: { steps: 'many', sampler: 'eulr', sed: 1 } });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'workflow_input_invalid',
      errors: [
        { pointer: '#/inputs/steps', input: 'steps', allowed: { type: 'integer' } },
        { pointer: '#/inputs/sampler', nearest: ['euler'] },
        { pointer: '#/inputs/sed', nearest: ['seed'] },
      ],
    });
    expect((await generate({ input: {} })).body.errors).toMatchObject([{ pointer: '#/input' }]);
    expect((await generate({ version: 'v9' })).body).toMatchObject({ status: 404, code: 'workflow_version_unknown' });
  });

  test('what is beyond the plan names its input', async () => {
    const { generate } = await serve({ plan: { maxSteps: 10 } });
    expect((await generate({ inputs: { steps: 10 } })).status).toBe(202);
    expect((await generate({ inputs: { steps: 11 } })).body).toMatchObject({
      status: 403,
      code: 'points_plan_limit',
      errors: [{ pointer: '#/inputs/steps' }],
    });
  });

  test('pictures come as uploads or as data: URLs, and are looked at', async () => {
    const { app, generate } = await serve();
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'mine.png' } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    };
    await app.inject({ method: 'POST', url: '/v1/workflows', payload: { name: 'cat', graph } });
    expect((await generate({})).body.errors).toMatchObject([{ pointer: '#/inputs/image', detail: 'It is required.' }]);
    const png = `data:image/png;base64,${PNG.toString('base64')}`;
    const sent = await generate({ inputs: { image: png } });
    expect(sent.status, JSON.stringify(sent.body)).toBe(202);
    expect(sent.body.inputs.image).toMatch(/^[0-9a-f-]{36}$/);
    const upload = await app.inject({
      method: 'POST',
      url: '/v1/media',
      payload: PNG,
      headers: { 'content-type': 'image/png' },
    });
    const mediaId = upload.json().id ?? upload.json().media_id;
    expect((await generate({ inputs: { image: { media_id: mediaId } } })).status).toBe(202);
    const text = `data:image/png;base64,${Buffer.from('no picture at all').toString('base64')}`;
    for (const image of [text, '0198c5a0-0000-7000-8000-000000000001']) {
      expect((await generate({ inputs: { image } })).body, image).toMatchObject({
        code: 'workflow_input_invalid',
        errors: [{ pointer: '#/inputs/image' }],
      });
    }
  });
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==',
  'base64',
);

const EMPTY_UI = {
  version: 0.4,
  last_node_id: 2,
  last_link_id: 1,
  nodes: [
    {
      id: 1,
      type: 'LoadImage',
      inputs: [],
      outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [1] }],
      widgets_values: ['a.png', 'image'],
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
