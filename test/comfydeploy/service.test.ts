import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import type { JsonObject } from '../../src/core/json.js';
import { silentLogger } from '../../src/core/log.js';
import { createBackend, createEasel } from '../../src/easel.js';
import { createHttpServer, listen } from '../../src/http/index.js';
import { OutboundClient } from '../../src/outbound/index.js';
import { FakeComfyDeploy, Latch } from '../../src/testing/index.js';
import { ACCOUNT, GRAPH } from '../generations/harness.js';

/** The whole of Easel with ComfyDeploy in its configuration. */
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'easel-deploy-'));
  closers.push(async () => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A public address that is known before what stands behind it listens. */
async function publicAddress(): Promise<{ readonly url: string; to(port: number): void }> {
  let target = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const inner = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
    }
    socket.pipe(inner).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    to(next) {
      target = next;
    },
  };
}

describe('Easel with a ComfyDeploy backend', () => {
  it.each([
    ['an address within, which is allowed', ['127.0.0.1'], null, ['GET /upload-url', 'PUT /files']],
    ['an address within', [], 'outbound_forbidden', ['GET /upload-url']],
  ] as const)('stores inputs of the legacy API through the guard: %s', async (_, allow, code, requests) => {
    const fake = new FakeComfyDeploy();
    const { url } = await fake.start();
    closers.push(() => fake.close());
    const cloud = { id: 'cloud', kind: 'comfydeploy', url, apiKey: fake.apiKey, api: 'legacy' } as const;
    const config = parseConfig({ dataDir: folder(), outbound: { allow }, backends: [cloud] });
    const outbound = new OutboundClient({ clock: systemClock, allow });
    closers.push(() => outbound.close());
    const parts = { clock: systemClock, logger: silentLogger, outbound };
    const backend = createBackend(config.backends[0]!, config, parts);
    closers.push(() => backend.close());
    const bytes = Buffer.alloc(300_000, 'a picture');
    const file = { filename: 'a.png', contentType: 'image/png', bytes: bytes.length };
    const stored = backend.upload({
      ...file,
      open: async () => Readable.from([bytes.subarray(0, 9), bytes.subarray(9)]),
    });
    if (code !== null) await expect(stored).rejects.toMatchObject({ code });
    else expect(fake.storage.at((await stored).inputValue)?.equals(bytes)).toBe(true);
    expect(fake.requests).toEqual(requests);
  });

  it('is reported to over HTTP without a key, and fetches files through the guard', async () => {
    const gate = new Latch();
    const fake = new FakeComfyDeploy({
      machine: async (job) => {
        await gate.pass(job.signal);
        return [{ nodeId: '9', items: [{ filename: 'a.txt', bytes: Buffer.from('made') }] }];
      },
    });
    const { url } = await fake.start();
    closers.push(() => fake.close());
    const address = await publicAddress();
    const config = parseConfig({
      dataDir: folder(),
      publicUrl: address.url,
      http: { requireKeys: true },
      outbound: { allow: ['127.0.0.1'] },
      backends: [{ id: 'cloud', kind: 'comfydeploy', url, apiKey: fake.apiKey, pollMs: 600_000 }],
    });
    const easel = await createEasel(config, { logger: silentLogger });
    closers.push(() => easel.stop());
    const app = createHttpServer({ easel, logger: silentLogger, clock: systemClock });
    closers.push(() => app.close());
    const listening = await listen(app, { host: '127.0.0.1', port: 0 });
    address.to(listening.port);
    await easel.start();

    const { id } = await easel.generations.submit({
      accountId: ACCOUNT,
      deployment: { id: fake.deploy(GRAPH).id, inputs: {} },
    });
    await gate.reached;
    gate.open();
    expect(await easel.generations.wait(id, ACCOUNT)).toMatchObject({
      status: 'succeeded',
      outputs: [{ kind: 'file', filename: 'a.txt', bytes: 4 }],
    });
    const guessed = await app.inject({
      method: 'POST',
      url: `/v1/hooks/comfydeploy/${id}.guess`,
      payload: { run_id: 'x' },
    });
    expect(guessed.statusCode).toBe(404);
    expect(fake.requests).toContain('GET /files');
  });

  it('is sent what was bound for a workflow: by input_id, assembled, drawn, a file by its address', async () => {
    const seen: Readonly<Record<string, unknown>>[] = [];
    const fake = new FakeComfyDeploy({
      machine: async ({ inputs }) => {
        seen.push(inputs);
        return [{ nodeId: '9', items: ['done'] }];
      },
    });
    const { url } = await fake.start();
    closers.push(() => fake.close());
    const config = parseConfig({
      dataDir: folder(),
      outbound: { allow: ['127.0.0.1'] },
      backends: [{ id: 'cloud', kind: 'comfydeploy', url, apiKey: fake.apiKey, pollMs: 1_000 }],
    });
    const easel = await createEasel(config, { logger: silentLogger });
    closers.push(() => easel.stop());
    await easel.start();
    const node = (kind: string, inputs: JsonObject) => ({ class_type: `ComfyUIDeployExternal${kind}`, inputs });
    const graph = {
      ...GRAPH,
      '20': node('Text', { input_id: 'words', default_value: 'a cat' }),
      '21': node('Seed', { input_id: 'luck', default_value: -1, min_value: 1, max_value: 4294967295 }),
      '22': node('Image', { input_id: 'photo' }),
    };
    const manifest = {
      discover: 'marked',
      inputs: [{ name: 'prompt', from: 'words', prompt: { prefix: 'oil', base: 'soft light', suffix: 'signed' } }],
    };
    await easel.workflows.add({ name: 'portrait', file: { format: 'api', graph }, manifest });
    const target = { kind: 'comfydeploy', backendId: 'cloud', deploymentId: fake.deploy(graph).id } as const;
    await easel.workflows.deployments.add({ workflow: 'portrait', target });
    const picture = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const { generation, inputs } = await easel.submitWorkflow({
      workflow: 'portrait',
      accountId: ACCOUNT,
      inputs: { prompt: 'a fox', photo: `data:image/png;base64,${picture.toString('base64')}` },
    });
    expect(await easel.generations.wait(generation.id, ACCOUNT)).toMatchObject({ status: 'succeeded' });
    expect(seen).toMatchObject([
      { words: 'oil, a fox, soft light, signed', luck: inputs?.['luck'], photo: expect.stringMatching(/^http/) },
    ]);
    expect(inputs).toMatchObject({ prompt: 'a fox', luck: expect.any(Number) });
  });

  it('does not fetch a file from an address inside the network', async () => {
    const fake = new FakeComfyDeploy({
      machine: async () => [{ nodeId: '9', items: [{ filename: 'a.txt', bytes: Buffer.from('made') }] }],
    });
    const { url } = await fake.start();
    closers.push(() => fake.close());
    const config = parseConfig({
      dataDir: folder(),
      backends: [{ id: 'cloud', kind: 'comfydeploy', url, apiKey: fake.apiKey, pollMs: 1_000 }],
    });
    const easel = await createEasel(config, { logger: silentLogger });
    closers.push(() => easel.stop());
    await easel.start();
    const { id } = await easel.generations.submit({
      accountId: ACCOUNT,
      deployment: { id: fake.deploy(GRAPH).id, inputs: {} },
    });
    expect((await easel.generations.wait(id, ACCOUNT)).error).toMatchObject({ code: 'outbound_forbidden' });
    expect(fake.requests).not.toContain('GET /files');
  });
});

describe('the configuration of ComfyDeploy', () => {
  const load = (environment: Record<string, string>) => loadConfig({ cwd: folder(), environment });

  it('takes the key from the variable of its own tools, and the address by default', async () => {
    const { config } = await load({ EASEL_BACKENDS: 'comfydeploy', COMFY_DEPLOY_API_KEY: 'from the variable' });
    expect(config.backends).toMatchObject([
      {
        id: 'comfydeploy',
        kind: 'comfydeploy',
        url: 'https://api.comfydeploy.com/api',
        apiKey: 'from the variable',
        pollMs: 2_000,
        concurrency: 2,
      },
    ]);
  });

  it('prefers a key that is written down, and asks for one', async () => {
    const backend = { id: 'cloud', kind: 'comfydeploy', apiKey: 'written', url: 'https://www.comfydeploy.com/api' };
    const { config } = await load({ EASEL_BACKENDS: JSON.stringify([backend]), COMFY_DEPLOY_API_KEY: 'other' });
    expect(config.backends[0]).toMatchObject({ apiKey: 'written' });
    await expect(load({ EASEL_BACKENDS: 'comfydeploy' })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('COMFY_DEPLOY_API_KEY'),
    });
  });
});
