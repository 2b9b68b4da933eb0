import { describe, expect, it } from 'vitest';
import { BACKEND_SPEC_VERSION } from '../../../src/backends/index.js';
import { newId } from '../../../src/core/ids.js';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { accept, failure, needs, useHarness } from './support.js';

const NOWHERE_ELSE = 'this adapter brings its own server and cannot be pointed elsewhere';

export function describeKnowing(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: what it knows of its backend`, () => {
    const harness = useHarness(makeHarness);

    it('names itself', () => {
      const { backend } = harness();
      expect(backend.specVersion).toBe(BACKEND_SPEC_VERSION);
      expect(backend.id).not.toBe('');
      expect(backend.displayUrl).not.toMatch(/@|\?/);
    });

    it('is ready, with version and queue', async ({ skip }) => {
      needs(harness(), 'server-facts', skip);
      const { backend, nodes } = harness();
      expect(await backend.health()).toMatchObject({ state: 'ready', queueRemaining: 0, version: expect.any(String) });
      await accept(backend, graphs.held('g'));
      await accept(backend, graphs.quick(1));
      await nodes.gate('g').reached;
      const health = await backend.health();
      expect(health).toMatchObject({ state: 'ready', queueRemaining: 2 });
      expect(health.latencyMs).toBeGreaterThanOrEqual(0);
      expect(health.error).toBeUndefined();
    });

    it('knows its node classes and limits', async ({ skip }) => {
      needs(harness(), 'server-facts', skip);
      const { backend } = harness();
      const capabilities = await backend.capabilities();
      expect(capabilities.nodeDefinitions['SuiteSave']).toMatchObject({ output_node: true, name: 'SuiteSave' });
      expect(capabilities.version).toMatch(/^\d+\.\d+/);
      expect(capabilities.maxUploadBytes).toBeGreaterThan(0);
      expect(capabilities.devices.length).toBeGreaterThan(0);
      const shared = await Promise.all([backend.capabilities(), backend.capabilities()]);
      expect(shared[0]).toBe(shared[1]);
      expect(await backend.capabilities({ refresh: true })).toEqual({ ...capabilities, devices: expect.any(Array) });
    });

    it('does not let one caller end the question of another', async () => {
      const { backend } = harness();
      const stop = new AbortController();
      const impatient = failure(backend.capabilities({ refresh: true, signal: stop.signal }));
      const patient = backend.capabilities();
      stop.abort();
      expect(await impatient).toMatchObject({ code: 'cancelled' });
      expect((await patient).maxUploadBytes).toBeGreaterThan(0);
      expect(await backend.capabilities()).toBe(await patient);
    });

    it('is unreachable where nothing listens', async ({ skip }) => {
      const backend = (await harness().elsewhere('nothing')) ?? skip(NOWHERE_ELSE);
      expect(await backend.health()).toMatchObject({
        state: 'unreachable',
        error: { code: 'backend_unreachable', retryable: true },
      });
      const attemptId = newId();
      expect(await backend.submit({ attemptId, graph: graphs.quick(1) })).toMatchObject({
        kind: 'refused',
        error: { code: 'backend_unreachable', retryable: true },
      });
      const unreachable = { code: 'backend_unreachable' };
      expect(await failure(backend.find(attemptId))).toMatchObject(unreachable);
      expect(await failure(backend.cancel(attemptId))).toMatchObject(unreachable);
      expect(await failure(backend.capabilities())).toMatchObject(unreachable);
    });

    it('knows that something else answers', async ({ skip }) => {
      const backend = (await harness().elsewhere('web-server')) ?? skip(NOWHERE_ELSE);
      expect(await backend.health()).toMatchObject({ state: 'wrong', error: { code: 'backend_not_comfyui' } });
      expect(await backend.submit({ attemptId: newId(), graph: graphs.quick(1) })).toMatchObject({
        kind: 'refused',
        error: { code: 'backend_not_comfyui', retryable: false },
      });
      expect(await failure(backend.capabilities())).toMatchObject({ code: 'backend_not_comfyui' });
    });
  });
}
