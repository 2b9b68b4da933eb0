import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Backend, ComfyUiBackend, EmbeddedBackend } from '../../src/backends/index.js';
import { newId } from '../../src/core/ids.js';
import type { RehearsalOptions } from '../../src/embedded/index.js';
import { type BackendHarness, describeBackend } from './backend.js';
import { graphs } from './suite/graphs.js';
import { SuiteNodes } from './suite/nodes.js';
import { failure, Watcher } from './suite/support.js';

/** The `embedded` adapter: the engine in this process, started and closed by the adapter itself. */
const rehearsal: RehearsalOptions = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any', standInImages: false };
const socket = { backoff: { baseMs: 5, maxMs: 20 } };

async function makeHarness(): Promise<BackendHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'easel-suite-'));
  const nodes = new SuiteNodes();
  const backend = new EmbeddedBackend({ id: 'under-test', dataDir, rehearsal, nodes: nodes.classes, socket });
  const watcher = new Watcher(backend);
  await backend.start();
  await watcher.until('connected');
  const neighbours: Backend[] = [];
  return {
    nodes,
    backend,
    async neighbour(id) {
      const other = new ComfyUiBackend({ id, baseUrl: backend.displayUrl, socket });
      neighbours.push(other);
      const connected = new Watcher(other);
      await other.start();
      await connected.until('connected');
      return other;
    },
    // It brings its own server: there is no other address that it could be given.
    elsewhere: async () => null,
    faults: backend.engine.faults,
    restart: () => backend.engine.restart(),
    losePrompt: (attemptId) => void backend.engine.losePrompt(attemptId),
    dropConnections: () => backend.engine.dropSockets(),
    counts: () => backend.engine.counts,
    async close() {
      for (const other of neighbours) await other.close();
      nodes.openAllGates();
      await backend.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describeBackend('embedded', makeHarness);

describe('embedded, not started', () => {
  it('says so instead of failing somewhere', async () => {
    const backend = new EmbeddedBackend({ id: 'e', dataDir: join(tmpdir(), 'never-made'), rehearsal, nodes: [] });
    const outcome = await backend.submit({ attemptId: newId(), graph: graphs.quick(1) });
    expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'backend_unreachable' } });
    expect(await backend.health()).toMatchObject({ state: 'unreachable' });
    expect(await failure(backend.find(newId()))).toMatchObject({ code: 'backend_unreachable' });
    await backend.close();
  });

  it('has the node library of the engine', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'easel-suite-'));
    const backend = new EmbeddedBackend({ id: 'e', dataDir, rehearsal });
    try {
      await backend.start();
      const { nodeDefinitions, version } = await backend.capabilities();
      expect(nodeDefinitions['KSampler']?.output).toEqual(['LATENT']);
      expect(nodeDefinitions['SaveImage']?.output_node).toBe(true);
      expect(version).toBe('0.8.0');
    } finally {
      await backend.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
