import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/core/ids.js';
import { census, leakedSince } from '../../helpers/leaks.js';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { accept, failure, useHarness, Watcher } from './support.js';

export function describeClosing(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: closing`, () => {
    it('leaves no socket, no timer and no server behind', async () => {
      const before = census();
      const harness = await makeHarness();
      const { backend, nodes } = harness;
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.held('g'));
      await nodes.gate('g').reached;
      await backend.find(attemptId);
      await backend.capabilities();
      await watcher.until(harness.lacks?.['node-events'] === undefined ? 'preview' : 'started', attemptId);
      nodes.openAllGates();
      await backend.close();
      while (harness.counts().sockets > 0) await new Promise((resolve) => setImmediate(resolve));
      await harness.close();
      expect(await leakedSince(before)).toEqual([]);
    });

    const harness = useHarness(makeHarness);

    it('can be closed while it is looking, and twice', async () => {
      const { backend, faults } = harness();
      faults.set({ silentRoutes: ['GET /queue'] });
      const look = failure(backend.find(newId()));
      await backend.close();
      expect(await look).toMatchObject({ code: 'backend_unreachable' });
      await backend.close();
    });

    it('refuses to submit after it was closed', async () => {
      const { backend } = harness();
      await backend.close();
      expect(await backend.submit({ attemptId: newId(), graph: graphs.quick(1) })).toMatchObject({
        kind: 'refused',
        error: { code: 'backend_unreachable' },
      });
    });
  });
}
