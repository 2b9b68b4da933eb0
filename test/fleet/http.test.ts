import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel, type Easel } from '../../src/easel.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { createHttpServer } from '../../src/http/index.js';
import { GRAPH } from '../generations/harness.js';

/** The whole of it, from the configuration to the wire: a node with an embedded engine, and a server that is added to it. */
const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any' as const, standInImages: false };
let folder: string;
let easel: Easel;
let app: FastifyInstance;
let engine: EmbeddedEngine;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easel-fleet-'));
  engine = new EmbeddedEngine({ nodes: createCoreNodes({ rehearsal }), dataDir: join(folder, 'engine'), rehearsal });
  await engine.start();
  const config = parseConfig({ dataDir: folder, timing: { tickMs: 50 }, log: { level: 'silent' } });
  easel = await createEasel(config, { logger: silentLogger });
  app = createHttpServer({ easel, logger: silentLogger, clock: systemClock });
  await easel.start();
});
afterEach(async () => {
  await app.close();
  await easel.stop();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
  const answer = await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.body === '' ? null : answer.json() };
};

test('adds a server, runs on it, drains, resumes and removes it', async () => {
  const settings = { id: 'added', url: `${engine.url}/`, headers: { 'x-key': 'hush' }, concurrency: 2 };
  const added = await call('POST', '/v1/backends', settings);
  expect(added).toMatchObject({
    status: 201,
    body: {
      id: 'added',
      kind: 'comfyui',
      url: engine.url,
      origin: 'added',
      settings: { headers: { 'x-key': '********' } },
    },
  });
  await expect
    .poll(async () => (await call('GET', '/v1/backends/added')).body)
    .toMatchObject({ state: 'ready', circuit: 'closed', version: '0.8.0', open_attempts: 0, error: null });
  const list = await call('GET', '/v1/backends');
  expect(list.body.data.map((backend: { id: string }) => backend.id)).toEqual(['embedded', 'added']);
  expect(JSON.stringify([added, list])).not.toContain('hush');

  const { body: job } = await call('POST', '/v1/generations', { graph: GRAPH, backend_id: 'added' });
  expect(await easel.comfyui.result(job.id, 'local')).toMatchObject({ status: 'succeeded' });
  expect(engine.counts.history).toBe(1);

  expect((await call('POST', '/v1/backends/added/drain')).body).toMatchObject({
    desired: 'draining',
    state: 'draining',
  });
  expect((await call('POST', '/v1/backends/added/resume')).body).toMatchObject({ desired: 'active' });
  expect((await call('DELETE', '/v1/backends/added?force=1')).status).toBe(202);
  await expect.poll(async () => (await call('GET', '/v1/backends/added')).status).toBe(404);
  await expect.poll(() => easel.backends.map((backend) => backend.id)).toEqual(['embedded']);
});

test('answers what it cannot do with a reason', async () => {
  const gpu = { id: 'gpu', url: 'http://127.0.0.1:9' };
  await call('POST', '/v1/backends', gpu);
  await expect.poll(async () => (await easel.fleet.get('embedded')).owner).not.toBeNull();
  for (const [method, url, body, status, code] of [
    ['POST', '/v1/backends', gpu, 409, 'backend_exists'],
    ['POST', '/v1/backends', { id: 'x', url: 'ftp://x' }, 400, 'request_invalid'],
    ['POST', '/v1/backends', { id: 'x', kind: 'embedded' }, 400, 'request_invalid'],
    ['POST', '/v1/backends/nobody/drain', undefined, 404, 'not_found'],
    ['DELETE', '/v1/backends/nobody', undefined, 404, 'not_found'],
    ['DELETE', '/v1/backends/embedded', undefined, 409, 'backend_configured'],
  ] as const)
    expect(await call(method, url, body), `${method} ${url}`).toMatchObject({ status, body: { code } });
  await expect
    .poll(async () => (await call('GET', '/v1/backends/gpu')).body)
    .toMatchObject({ state: 'unreachable', error: { code: 'backend_unreachable' } });
});

test('easel.comfyui: submit, status, active, events of all, cancel, result', async () => {
  const { comfyui } = easel;
  const heard: string[] = [];
  const unsubscribe = comfyui.on('*', (event) => heard.push(event.type));
  const request = { accountId: 'a', graph: GRAPH, idempotencyKey: 'k' };
  const submitted = await comfyui.submit(request);
  expect(submitted).toMatchObject({ isActive: true, active: { accountId: 'a', attempts: expect.any(Number) } });
  expect((await comfyui.submit(request)).id).toBe(submitted.id);
  const result = await comfyui.result(submitted.id, 'a');
  expect(result).toMatchObject({ status: 'succeeded', outputs: [{ kind: 'image' }] });
  (await result.open(0)).stream.destroy();
  expect(await comfyui.status(submitted.id, 'a')).toMatchObject({ isActive: false, active: null });
  await expect(comfyui.status(submitted.id, 'b')).rejects.toMatchObject({ code: 'not_found' });

  await easel.fleet.drain('embedded');
  const waiting = await comfyui.submit({ accountId: 'a', graph: GRAPH });
  expect(await comfyui.active({ accountId: 'a' })).toMatchObject([
    { id: waiting.id, phase: 'queued', attemptId: null },
  ]);
  expect(await comfyui.active({ accountId: 'b' })).toEqual([]);
  expect(await comfyui.active({ phase: 'running' })).toEqual([]);
  expect(await comfyui.cancel(waiting.id, 'a')).toMatchObject({ status: 'cancelled', isActive: false });
  unsubscribe();
  expect(new Set(heard)).toEqual(new Set(['queued', 'started', 'progress', 'collecting', 'succeeded', 'cancelled']));
});
