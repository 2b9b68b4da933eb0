import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, ComfyUiBackend } from '../../src/backends/index.js';
import { EmbeddedEngine, type EngineVersion } from '../../src/embedded/index.js';
import { type BackendHarness, describeBackend } from './backend.js';
import { SuiteNodes } from './suite/nodes.js';
import { Watcher } from './suite/support.js';

/** The `comfyui` adapter against the engine, which plays a ComfyUI of either version over real HTTP and websocket. */
async function makeHarness(version: EngineVersion): Promise<BackendHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'easel-suite-'));
  const nodes = new SuiteNodes();
  const engine = new EmbeddedEngine({ nodes: nodes.classes, dataDir, version });
  const { url } = await engine.start();
  const closers: (() => Promise<void>)[] = [];

  const connect = async (id: string, baseUrl: string, waits = true): Promise<Backend> => {
    const backend = new ComfyUiBackend({ id, baseUrl, socket: { backoff: { baseMs: 5, maxMs: 20 } } });
    closers.push(() => backend.close());
    const watcher = new Watcher(backend);
    await backend.start();
    if (waits) await watcher.until('connected');
    return backend;
  };

  return {
    nodes,
    backend: await connect('under-test', url),
    neighbour: (id) => connect(id, url),
    async elsewhere(what) {
      const server = createServer((_request, response) => response.end('<!doctype html><title>Not this</title>'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
      if (what === 'nothing') await stop();
      else closers.push(stop);
      return connect('elsewhere', `http://127.0.0.1:${port}`, false);
    },
    faults: engine.faults,
    restart: () => engine.restart(),
    losePrompt: (attemptId) => void engine.losePrompt(attemptId),
    dropConnections: () => engine.dropSockets(),
    counts: () => engine.counts,
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
      nodes.openAllGates();
      await engine.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describeBackend('comfyui 0.3.64', () => makeHarness('0.3.64'));
describeBackend('comfyui 0.8.0', () => makeHarness('0.8.0'));
