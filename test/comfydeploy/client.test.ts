import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { ComfyDeployBackend } from '../../src/backends/index.js';
import {
  type ComfyDeployApi,
  ComfyDeployClient,
  type ComfyDeployClientOptions,
  parseWebhook,
  producedOutputs,
} from '../../src/comfydeploy/index.js';
import { Latch } from '../../src/testing/index.js';
import { GRAPH } from '../generations/harness.js';
import { useDeployments } from './harness.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function client(options: ComfyDeployClientOptions): ComfyDeployClient {
  const made = new ComfyDeployClient(options);
  closers.push(() => made.close());
  return made;
}

/** A server that answers every request the same, and what it was asked. */
async function answering(status: number, body: string, headers: Record<string, string> = {}) {
  const asked: { readonly line: string; readonly body: string; readonly request: IncomingMessage }[] = [];
  const server = createServer(async (request, response) => {
    asked.push({ line: `${request.method} ${request.url}`, body: await text(request), request });
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { asked, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api` };
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('addresses and credentials', () => {
  it.each([
    ['https://api.comfydeploy.com/api', 'https://api.comfydeploy.com/api', 'current'],
    ['https://www.comfydeploy.com', 'https://www.comfydeploy.com/api', 'legacy'],
    ['https://www.comfydeploy.com/api/', 'https://www.comfydeploy.com/api', 'legacy'],
    ['http://127.0.0.1:3011/proxy/api', 'http://127.0.0.1:3011/proxy/api', 'current'],
  ])('%s', (baseUrl, displayUrl, api) => {
    expect(client({ baseUrl, apiKey: 'k' })).toMatchObject({ displayUrl, api });
  });

  it('is the current API unless told', () => {
    expect(client({ apiKey: 'k' }).displayUrl).toBe('https://api.comfydeploy.com/api');
  });

  it('refuses what would override the key', () => {
    const twice = { code: 'config_invalid' };
    expect(() => client({ baseUrl: 'https://a.example/api?cd_token=x', apiKey: 'k' })).toThrow(
      expect.objectContaining(twice),
    );
    expect(() => client({ apiKey: 'k', headers: { Cookie: '__session=x' } })).toThrow(expect.objectContaining(twice));
  });
});

describe('refusals', () => {
  it.each([
    [401, '{"detail":"Invalid or expired token"}', 'backend_unauthorized', false],
    [401, 'Revoked token', 'backend_unauthorized', false],
    [403, '{"detail":"Insufficient your GPU credits to create run"}', 'backend_unauthorized', false],
    [404, '{"detail":"Deployment not found"}', 'deployment_missing', false],
    [404, '<html>nothing here</html>', 'backend_not_comfyui', false],
    [422, '{"detail":[{"loc":["body","inputs","x"],"msg":"should be a string"}]}', 'backend_rejected_graph', false],
    [400, '{"detail":"Invalid machine type"}', 'backend_rejected_graph', false],
    [408, '', 'backend_failed', true],
    [429, '{"detail":"slow down"}', 'backend_overloaded', true],
    [500, '{"error":"Internal"}', 'backend_failed', true],
    [302, '', 'backend_protocol', false],
    [200, '<!doctype html>', 'backend_not_comfyui', false],
    [200, '{"status":"success","batch_id":"b"}', 'backend_not_comfyui', false],
  ])('%i %s is %s', async (status, body, code, retryable) => {
    const { baseUrl } = await answering(status, body);
    const error = await failure(client({ baseUrl, apiKey: 'secret-key' }).queueRun({ deploymentId: 'd', inputs: {} }));
    expect(error).toMatchObject({ code, retryable });
    expect(JSON.stringify(error)).not.toContain('secret-key');
  });

  it('names the input that was refused, and how long to wait', async () => {
    const refused = await answering(422, '{"detail":[{"loc":["body","inputs","x"],"msg":"should be a string"}]}');
    expect(
      await failure(client({ ...refused, apiKey: 'k' }).queueRun({ deploymentId: 'd', inputs: {} })),
    ).toMatchObject({
      message: expect.stringContaining('body.inputs.x: should be a string'),
    });
    const busy = await answering(429, '{}', { 'retry-after': '7' });
    expect(await failure(client({ ...busy, apiKey: 'k' }).queueRun({ deploymentId: 'd', inputs: {} }))).toMatchObject({
      details: { retryAfterMs: 7_000 },
    });
  });

  const read = async (api: ComfyDeployApi, status: number, body: string) => {
    const { baseUrl } = await answering(status, body);
    return client({ baseUrl, apiKey: 'k', api }).run('0c1f7a52-6a0e-4b0f-9c0d-6d1d4c2e9a10');
  };

  it.each([
    ['current', 404, '{"detail":"Run not found"}'],
    ['current', 403, '{"detail":"Access denied. "}'],
    ['current', 422, '{"detail":[]}'],
    ['legacy', 400, '{"code":400,"message":"Workflow not found"}'],
    // The current server answers the legacy routes too, in its own words.
    ['legacy', 404, '{"detail":"Run not found"}'],
  ] as const)('knows no such run: %s, %i %s', async (api, status, body) => {
    expect(await read(api, status, body)).toBeNull();
  });

  // Taken for unknown, a run would be sent again while it goes on.
  it.each([
    ['current', 400, '{"detail":"Bad request"}', 'backend_rejected_graph'],
    ['current', 400, '<html>400 Bad Request</html>', 'backend_rejected_graph'],
    ['current', 400, '{"code":400,"message":"Workflow not found"}', 'backend_rejected_graph'],
    ['legacy', 400, 'The plain HTTP request was sent to HTTPS port', 'backend_rejected_graph'],
    ['current', 403, '{"detail":"Access denied for requested operation"}', 'backend_unauthorized'],
    ['current', 403, '{"detail":"Token does not have permission to access this endpoint"}', 'backend_unauthorized'],
    ['current', 404, '{"detail":"Not Found"}', 'backend_not_comfyui'],
    ['legacy', 500, '{"error":"Run not found"}', 'backend_failed'],
  ] as const)('does not take for an unknown run: %s, %i %s', async (api, status, body, code) => {
    expect(await failure(read(api, status, body))).toMatchObject({ code });
  });
});

describe('the health of a backend', () => {
  const health = async (status: number, body: string) => {
    const { baseUrl } = await answering(status, body);
    const backend = new ComfyDeployBackend({ id: 'cloud', baseUrl, apiKey: 'k', fetch });
    closers.push(() => backend.close());
    return backend.health();
  };

  it.each([
    [200, '[]', { state: 'ready' }],
    [401, '{"detail":"Revoked token"}', { state: 'wrong', error: { code: 'backend_unauthorized' } }],
    [200, '<!doctype html>', { state: 'wrong', error: { code: 'backend_not_comfyui' } }],
    [502, '', { state: 'unreachable', error: { code: 'backend_failed' } }],
  ])('%i %s', async (status, body, expected) => {
    expect(await health(status, body)).toMatchObject(expected);
  });
});

describe('the legacy API', () => {
  it('is spoken with its own routes', async () => {
    const { asked, baseUrl } = await answering(200, '{"run_id":"r-1","id":"r-1","status":"uploading"}');
    const legacy = client({ baseUrl, apiKey: 'k', api: 'legacy' });
    expect(await legacy.queueRun({ deploymentId: 'd', inputs: { a: 1n }, webhook: 'https://e.example/x' })).toBe('r-1');
    expect(await legacy.run('r-1')).toMatchObject({ status: 'uploading', workflow_inputs: null, outputs: [] });
    expect(await legacy.cancel('r-1')).toBe(false);
    expect(await legacy.runsOf('d')).toBeNull();
    expect(asked.map(({ line }) => line)).toEqual(['POST /api/run', 'GET /api/run?run_id=r-1']);
    expect(asked[0]?.body).toBe('{"deployment_id":"d","inputs":{"a":1},"webhook":"https://e.example/x"}');
    expect(asked[0]?.request.headers.authorization).toBe('Bearer k');
  });
});

describe('against the fake server', () => {
  const deployments = useDeployments();
  const bytes = Buffer.from('not really a picture');
  const file = (filename: string, contentType: string) => ({
    filename,
    contentType,
    bytes: bytes.length,
    stream: Readable.from([bytes]),
  });

  it('lists both kinds of deployments, their inputs and their graph', async () => {
    const fake = await deployments.fake();
    const external = {
      '1': { class_type: 'ComfyUIDeployExternalText', inputs: { input_id: 'prompt', default_value: 'a cat' } },
      '2': { class_type: 'ComfyUIDeployExternalSeed', inputs: { input_id: 'seed', default_value: -1 } },
    };
    const plain = fake.deploy({ ...GRAPH, ...external }, { name: 'plain' });
    const fluid = fake.deploy(GRAPH, { name: 'fluid', isFluid: true });
    const api = client({ baseUrl: fake.url, apiKey: fake.apiKey });
    const all = await api.deployments();
    expect(all.map((one) => one.id).sort()).toEqual([plain.id, fluid.id].sort());
    const found = await api.deployment(plain.id);
    // The API does not list seeds.
    expect(found?.input_types).toMatchObject([{ input_id: 'prompt', type: 'string', default_value: 'a cat' }]);
    expect((await api.workflowVersion(found?.workflow_version_id ?? ''))?.workflow_api).toEqual(plain.graph);
    expect(await api.deployment('none')).toBeNull();
  });

  it('uploads as a form, and to a presigned address without its key', async () => {
    const fake = await deployments.fake();
    const current = client({ baseUrl: fake.url, apiKey: fake.apiKey });
    const legacy = client({
      baseUrl: fake.url,
      apiKey: fake.apiKey,
      api: 'legacy',
      fetch: (...asked) => fetch(...asked),
    });
    for (const url of [
      await current.upload(file('a.png', 'image/png')),
      await legacy.upload(file('a.png', 'image/png')),
    ])
      expect(fake.storage.at(url)?.equals(bytes)).toBe(true);
    expect(await failure(current.upload(file('a.txt', 'text/plain')))).toMatchObject({
      code: 'backend_rejected_graph',
    });
    expect(await failure(legacy.upload(file('a.mp4', 'video/mp4')))).toMatchObject({ code: 'backend_rejected_graph' });
  });

  it.each([
    ['by nothing that guards it', {}],
    ['to a host that is not among those of files', { fetch, fileHosts: ['files.example.com'] }],
    ['over plain http where the rest is not', { fetch, allowHttpFiles: false }],
  ] as const)('stores no file %s', async (_, options) => {
    const fake = await deployments.fake();
    const legacy = client({ baseUrl: fake.url, apiKey: fake.apiKey, api: 'legacy', ...options });
    expect(await failure(legacy.upload(file('a.png', 'image/png')))).toMatchObject({ code: 'outbound_forbidden' });
    expect(fake.requests).toEqual(['GET /upload-url']);
  });

  it('does not execute a run that was removed while it waited', async () => {
    const gate = new Latch();
    const executed: string[] = [];
    const fake = await deployments.fake({
      machine: async ({ runId, signal }) => {
        executed.push(runId);
        await gate.pass(signal);
        return [];
      },
    });
    const api = client({ baseUrl: fake.url, apiKey: fake.apiKey });
    const { id: deploymentId } = fake.deploy(GRAPH);
    const [first, removed, last] = [
      await api.queueRun({ deploymentId, inputs: {} }),
      await api.queueRun({ deploymentId, inputs: {} }),
      await api.queueRun({ deploymentId, inputs: {} }),
    ];
    fake.runs.remove(removed);
    gate.open();
    await expect.poll(async () => (await api.run(last))?.status).toBe('success');
    expect(executed).toEqual([first, last]);
    expect(await api.run(removed)).toBeNull();
  });

  it('answers a sync run with its outputs alone: no id, no status', async () => {
    const fake = await deployments.fake({ machine: async () => [{ nodeId: '9', items: ['a text'] }] });
    const { id } = fake.deploy(GRAPH);
    const answer = await fetch(`${fake.url}/run/deployment/sync`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fake.apiKey}` },
      body: JSON.stringify({ deployment_id: id }),
    });
    expect(await answer.json()).toMatchObject([{ data: { text: ['a text'] }, node_meta: { node_id: '9' } }]);
  });
});

describe('what is read', () => {
  const entry = (data: Record<string, unknown>, node_id: string | null = '9') => ({
    output_id: null,
    node_id: null,
    node_meta: node_id === null ? null : { node_id, node_class: null },
    data,
  });

  it('sorts outputs by node, tells kinds by extension, and leaves out what makes no sense', () => {
    const image = { filename: 'a.png', url: 'https://h.example/a.png', subfolder: '', type: 'output' };
    const outputs = producedOutputs([
      entry(
        {
          files: [
            { ...image, filename: 'b.mp4' },
            { ...image, filename: '../../c.glb' },
          ],
        },
        '10',
      ),
      entry({ images: [image, { ...image, url: undefined }, { ...image, type: 'temp' }, null, 7], text: ['hello'] }),
      entry({ images: [{ url: 'https://h.example/x/from-url.webp' }] }, null),
    ]);
    expect(
      outputs.map((output) => [output.nodeId, output.kind, output.kind === 'text' ? output.text : output.filename]),
    ).toEqual([
      ['', 'image', 'from-url.webp'],
      ['9', 'image', 'a.png'],
      ['9', 'text', 'hello'],
      ['10', 'video', 'b.mp4'],
      ['10', 'model3d', 'c.glb'],
    ]);
  });

  it('takes a webhook of either generation and nothing else', () => {
    expect(parseWebhook({ event_type: 'run.updated', run_id: 'r', status: 'running', outputs: 'x' })).toEqual({
      runId: 'r',
      status: 'running',
      eventType: 'run.updated',
    });
    expect(parseWebhook({ run_id: 'r', status: 'success' })).toMatchObject({ eventType: null });
    for (const body of [null, 'text', {}, { run_id: '../admin' }, { run_id: 7 }]) expect(parseWebhook(body)).toBeNull();
  });
});
