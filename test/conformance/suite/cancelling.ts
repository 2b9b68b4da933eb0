import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/core/ids.js';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { accept, needs, result, untilState, useHarness, Watcher } from './support.js';

export function describeCancelling(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: cancelling`, () => {
    const harness = useHarness(makeHarness);

    it('takes a waiting attempt off the queue and disturbs no other', async () => {
      const { backend, nodes } = harness();
      const watcher = new Watcher(backend);
      const running = await accept(backend, graphs.held('g'));
      const waiting = await accept(backend, graphs.quick(2));
      const behind = await accept(backend, graphs.quick(3));
      await nodes.gate('g').reached;
      expect(await backend.cancel(waiting)).toEqual({ state: 'cancelled' });
      const forgets = harness().lacks?.['short-memory'] === undefined;
      expect(await backend.find(waiting)).toMatchObject(
        forgets ? { state: 'absent' } : { state: 'finished', result: { outcome: 'interrupted' } },
      );
      expect(await backend.find(running)).toEqual({ state: 'running' });
      nodes.gate('g').open();
      expect((await result(backend, watcher, running)).outcome).toBe('succeeded');
      expect((await result(backend, watcher, behind)).outcome).toBe('succeeded');
      expect(watcher.of(waiting).filter((event) => event.type !== 'ended')).toEqual([]);
    });

    it('stops a running attempt, and the next one runs', async () => {
      const { backend, nodes } = harness();
      const watcher = new Watcher(backend);
      const running = await accept(backend, graphs.held('never'));
      const behind = await accept(backend, graphs.quick(3));
      await nodes.gate('never').reached;
      expect(await backend.cancel(running)).toEqual({ state: 'cancelled' });
      expect((await result(backend, watcher, behind)).outcome).toBe('succeeded');
      expect(await backend.find(running)).toMatchObject({
        state: 'finished',
        result: { outcome: 'interrupted', error: { code: 'backend_interrupted' } },
      });
    });

    it('leaves a finished attempt its success', async () => {
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.quick(1));
      const outcome = await result(backend, watcher, attemptId);
      expect(await backend.cancel(attemptId)).toEqual({ state: 'finished', result: outcome });
    });

    it('does not know an absent attempt', async () => {
      expect(await harness().backend.cancel(newId())).toEqual({ state: 'absent' });
    });

    it('says that it is still stopping when a node does not listen, and verifies later', async ({ skip }) => {
      needs(harness(), 'stubborn-nodes', skip);
      const { backend, nodes } = harness();
      const attemptId = await accept(backend, graphs.held('deaf', 1, 'SuiteStubborn'));
      await nodes.gate('deaf').reached;
      expect(await backend.cancel(attemptId, { timeoutMs: 100 })).toEqual({ state: 'stopping' });
      nodes.gate('deaf').open();
      await untilState(backend, attemptId, 'finished');
      expect(await backend.find(attemptId)).toMatchObject({ result: { outcome: 'interrupted' } });
    });

    it('never touches the attempt of another adapter', async () => {
      const { backend, nodes, neighbour } = harness();
      const other = await neighbour('other');
      const theirs = new Watcher(other);
      const running = await accept(other, graphs.held('g'));
      await nodes.gate('g').reached;
      const waiting = await accept(backend, graphs.quick(2));
      expect(await backend.cancel(waiting)).toEqual({ state: 'cancelled' });
      expect(await backend.cancel(newId())).toEqual({ state: 'absent' });
      nodes.gate('g').open();
      expect((await result(other, theirs, running)).outcome).toBe('succeeded');
    });

    it('can be asked by another process than the one that submitted', async () => {
      const { backend, nodes, neighbour } = harness();
      const other = await neighbour('other');
      const attemptId = await accept(other, graphs.held('g'));
      await nodes.gate('g').reached;
      expect(await backend.cancel(attemptId)).toEqual({ state: 'cancelled' });
    });
  });
}
