import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/core/ids.js';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { accept, download, failure, fileOf, needs, result, untilState, useHarness, Watcher } from './support.js';

export function describeFaults(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: faults`, () => {
    const harness = useHarness(makeHarness);

    it('does not know what became of a submit whose answer was lost, and finds it', async () => {
      const { backend, faults, nodes } = harness();
      faults.set({ dropAcceptedSubmits: { count: 1 } });
      const attemptId = newId();
      const outcome = await backend.submit({ attemptId, graph: graphs.held('g') });
      expect(outcome).toMatchObject({ kind: 'unknown', error: { code: 'backend_unreachable' } });
      await nodes.gate('g').reached;
      expect(await backend.find(attemptId)).toEqual({ state: 'running' });
      nodes.gate('g').open();
      await untilState(backend, attemptId, 'finished');
    });

    it('does not know what became of a submit that a server error answered', async () => {
      const { backend, faults } = harness();
      faults.set({ submitErrors: { count: 1, status: 500 } });
      const attemptId = newId();
      expect(await backend.submit({ attemptId, graph: graphs.quick(1) })).toMatchObject({
        kind: 'unknown',
        error: { code: 'backend_failed', retryable: true },
      });
      expect(await backend.find(attemptId)).toEqual({ state: 'absent' });
    });

    it('knows that an overloaded backend has not taken it', async () => {
      const { backend, faults } = harness();
      faults.set({ submitErrors: { count: 1, status: 429 } });
      expect(await backend.submit({ attemptId: newId(), graph: graphs.quick(1) })).toMatchObject({
        kind: 'refused',
        error: { code: 'backend_overloaded', retryable: true },
      });
    });

    it('gives up a submit that is not answered, without claiming to know', async () => {
      const { backend, faults } = harness();
      faults.set({ silentRoutes: ['POST /prompt'] });
      const outcome = await backend.submit({ attemptId: newId(), graph: graphs.quick(1), timeoutMs: 50 });
      expect(outcome).toMatchObject({ kind: 'unknown', error: { code: 'backend_unreachable' } });
    });

    it('waits for a history that is a moment late', async ({ skip }) => {
      needs(harness(), 'event-stream', skip);
      const { backend, faults } = harness();
      faults.set({ history: { delayMs: 60, isAnnouncedFirst: true } });
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.quick(1));
      expect((await result(backend, watcher, attemptId)).outcome).toBe('succeeded');
    });

    it('comes back after a lost connection, and is told of the end of what ran meanwhile', async ({ skip }) => {
      needs(harness(), 'event-stream', skip);
      const { backend, nodes, dropConnections } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.held('g'));
      await nodes.gate('g').reached;
      watcher.events.length = 0;
      dropConnections();
      await watcher.until('disconnected');
      expect(await watcher.until('connected')).toMatchObject({ first: false });
      expect(await backend.find(attemptId)).toEqual({ state: 'running' });
      watcher.events.length = 0;
      nodes.gate('g').open();
      // A hint may come early: it says when to look, not what is true.
      while ((await backend.find(attemptId)).state !== 'finished')
        await new Promise((resolve) => setImmediate(resolve));
      await watcher.until('ended', attemptId);
    });

    it('hears everything of prompts that are sent after a reconnect', async ({ skip }) => {
      needs(harness(), 'event-stream', skip);
      const { backend, dropConnections } = harness();
      const watcher = new Watcher(backend);
      dropConnections();
      await watcher.until('disconnected');
      await watcher.until('connected');
      const attemptId = await accept(backend, graphs.quick(4));
      await result(backend, watcher, attemptId);
      expect(watcher.of(attemptId).map((event) => event.type)).toContain('started');
    });

    it('knows nothing of earlier runs after a restart of the backend, and works on', async ({ skip }) => {
      needs(harness(), 'short-memory', skip);
      const { backend, nodes, restart } = harness();
      const watcher = new Watcher(backend);
      const lost = await accept(backend, graphs.held('g'));
      await nodes.gate('g').reached;
      const restarting = restart();
      await watcher.until('disconnected');
      nodes.openAllGates();
      await restarting;
      await watcher.until('connected');
      expect(await backend.find(lost)).toEqual({ state: 'absent' });
      const next = await accept(backend, graphs.quick(2));
      expect((await result(backend, watcher, next)).outcome).toBe('succeeded');
    });

    it('asks anew what the backend can do after a reconnect', async ({ skip }) => {
      needs(harness(), 'event-stream', skip);
      const { backend, dropConnections } = harness();
      const watcher = new Watcher(backend);
      const before = await backend.capabilities();
      dropConnections();
      await watcher.until('disconnected');
      await watcher.until('connected');
      expect(await backend.capabilities()).not.toBe(before);
    });

    it('is told of the end of an attempt that another process sent, once it has seen it', async () => {
      const { backend, nodes, neighbour } = harness();
      const other = await neighbour('other');
      const watcher = new Watcher(backend);
      const attemptId = await accept(other, graphs.held('g'));
      await nodes.gate('g').reached;
      expect(await backend.find(attemptId)).toEqual({ state: 'running' });
      watcher.events.length = 0;
      nodes.gate('g').open();
      await watcher.until('ended', attemptId);
    });

    it('sees that somebody deleted an attempt', async () => {
      const { backend, nodes, losePrompt } = harness();
      await accept(backend, graphs.held('g'));
      const waiting = await accept(backend, graphs.quick(2));
      await nodes.gate('g').reached;
      losePrompt(waiting);
      expect(await backend.find(waiting)).toEqual({ state: 'absent' });
      expect(await backend.cancel(waiting)).toEqual({ state: 'absent' });
    });

    it('fails a download that breaks off, and the next one works', async () => {
      const { backend, faults } = harness();
      const watcher = new Watcher(backend);
      const outcome = await result(backend, watcher, await accept(backend, graphs.quick(1, 400_000)));
      faults.set({ view: { cutAfterBytes: 1_000, count: 1 } });
      expect(await failure(download(backend, fileOf(outcome)))).toMatchObject({
        code: 'backend_unreachable',
        retryable: true,
      });
      expect((await download(backend, fileOf(outcome))).length).toBe(400_000);
    });

    it('ends a look at a silent backend at its time limit', async () => {
      const { backend, faults } = harness();
      faults.set({ silentRoutes: ['*'] });
      const late = { code: 'backend_unreachable' };
      expect(await failure(backend.find(newId(), { timeoutMs: 30 }))).toMatchObject(late);
      expect(await backend.health({ timeoutMs: 30 })).toMatchObject({ state: 'unreachable' });
      const stop = new AbortController();
      const look = failure(backend.find(newId(), { signal: stop.signal }));
      stop.abort();
      expect(await look).toMatchObject({ code: 'cancelled' });
    });
  });
}
