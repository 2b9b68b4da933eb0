import { describe, expect, it } from 'vitest';
import type { MakeHarness } from '../backend.js';
import { graphs } from './graphs.js';
import { dataOf } from './nodes.js';
import { accept, download, fileOf, needs, refusal, result, useHarness, Watcher } from './support.js';

export function describeRunning(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: running`, () => {
    const harness = useHarness(makeHarness);

    it('takes a graph, runs it, tells its end and hands over its file', async () => {
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.quick(7, 3_000));
      const outcome = await result(backend, watcher, attemptId);
      expect(outcome.outcome).toBe('succeeded');
      expect(outcome.error).toBeUndefined();
      expect(outcome.runMs).toBeGreaterThanOrEqual(0);
      expect(fileOf(outcome)).toMatchObject({ kind: 'image', nodeId: '9', key: 'images', type: 'output' });
      const bytes = await download(backend, fileOf(outcome));
      expect(bytes.equals(dataOf(7, 3_000))).toBe(true);
      // Stored with the attempt before its outputs are collected, so it must survive JSON.
      expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
    });

    it('keeps seeds to the last digit', async ({ skip }) => {
      needs(harness(), 'texts-with-files', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.quick(18446744073709551615n));
      const outcome = await result(backend, watcher, attemptId);
      expect(outcome.outputs.filter((output) => output.kind === 'text')).toMatchObject([
        { text: '18446744073709551615', key: 'text', nodeId: '9' },
      ]);
    });

    it('tells what happens in order, with progress and previews, and tells it of its own attempt only', async ({
      skip,
    }) => {
      needs(harness(), 'node-events', skip);
      const { backend, nodes } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.held('g'));
      await nodes.gate('g').reached;
      const preview = await watcher.until('preview', attemptId);
      expect(preview).toMatchObject({ nodeId: '5', contentType: 'image/png' });
      expect(preview.bytes.toString()).toBe('first preview');
      nodes.gate('g').open();
      await result(backend, watcher, attemptId);
      const told = watcher.of(attemptId).filter((event) => event.type !== 'node-done');
      expect(told.map((event) => event.type)).toEqual([
        'started',
        'cached',
        'node',
        'node',
        'preview',
        'progress',
        'progress',
        'preview',
        'progress',
        'node',
        'ended',
      ]);
      expect(told.flatMap((event) => (event.type === 'node' ? [event.nodeId] : []))).toEqual(['1', '5', '9']);
      expect(
        told.flatMap((event) => (event.type === 'progress' ? [[event.nodeId, event.value, event.max]] : [])),
      ).toEqual([
        ['5', 1, 4],
        ['5', 2, 4],
        ['5', 4, 4],
      ]);
      const done = watcher.of(attemptId).flatMap((event) => (event.type === 'node-done' ? [event.nodeId] : []));
      expect(done.sort()).toEqual(['1', '5', '9']);
      expect(watcher.events.filter((event) => event.type === 'queue').map((event) => event.remaining)).toContain(1);
    });

    it('tells which nodes the backend had in its cache', async ({ skip }) => {
      needs(harness(), 'node-events', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      await result(backend, watcher, await accept(backend, graphs.quick(5)));
      const attemptId = await accept(backend, graphs.quick(5));
      const outcome = await result(backend, watcher, attemptId);
      expect(await watcher.until('cached', attemptId)).toMatchObject({ nodeIds: ['1'] });
      expect(outcome.cachedNodeIds).toEqual(['1']);
    });

    it('finds an attempt wherever it is', async () => {
      const { backend, nodes } = harness();
      const watcher = new Watcher(backend);
      const first = await accept(backend, graphs.held('g'));
      const second = await accept(backend, graphs.quick(2));
      const third = await accept(backend, graphs.quick(3));
      await nodes.gate('g').reached;
      expect(await backend.find(first)).toEqual({ state: 'running' });
      expect(await backend.find(second)).toEqual({ state: 'queued', position: 1 });
      expect(await backend.find(third)).toEqual({ state: 'queued', position: 2 });
      expect(await backend.find('01900000-0000-7000-8000-000000000000')).toEqual({ state: 'absent' });
      nodes.gate('g').open();
      for (const attemptId of [first, second, third])
        expect((await result(backend, watcher, attemptId)).outcome).toBe('succeeded');
    });

    it('refuses a graph of an unknown node class, and names it', async ({ skip }) => {
      needs(harness(), 'graph-check', skip);
      const { backend } = harness();
      const { error, attemptId } = await refusal(backend, graphs.unknownClass());
      expect(error).toMatchObject({ code: 'backend_node_missing', details: { nodeId: '7', classType: 'NoSuchClass' } });
      expect(await backend.find(attemptId)).toEqual({ state: 'absent' });
    });

    it('refuses a value out of range, and names node and input', async ({ skip }) => {
      needs(harness(), 'graph-check', skip);
      const { backend } = harness();
      const { error } = await refusal(backend, graphs.valueTooSmall());
      expect(error).toMatchObject({
        code: 'backend_rejected_graph',
        retryable: false,
        details: { nodeId: '1', inputName: 'size' },
        message: expect.stringMatching(/Node 1 \(SuiteData\), input "size": .*smaller than min/),
      });
    });

    it('does not send what could harm the server', async ({ skip }) => {
      needs(harness(), 'graph-check', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const poison = { ...graphs.quick(1), '3': { class_type: 'SuiteData' } } as never;
      const { error } = await refusal(backend, poison);
      expect(error).toMatchObject({ code: 'graph_invalid', details: { nodeId: '3' } });
      const attemptId = await accept(backend, graphs.quick(1));
      expect((await result(backend, watcher, attemptId)).outcome).toBe('succeeded');
    });

    it('takes half a graph for a refusal, and does not let the other half run', async ({ skip }) => {
      needs(harness(), 'graph-check', skip);
      const { backend, nodes } = harness();
      const watcher = new Watcher(backend);
      const running = await accept(backend, graphs.held('first'));
      await nodes.gate('first').reached;
      const { error, attemptId } = await refusal(backend, graphs.halfValid('second'));
      expect(error).toMatchObject({ code: 'backend_rejected_graph', details: { nodeId: '10', inputName: 'data' } });
      expect(await backend.find(attemptId)).toEqual({ state: 'absent' });
      expect(await backend.find(running)).toEqual({ state: 'running' });
      nodes.gate('first').open();
      await result(backend, watcher, running);
      expect(nodes.gate('second').waiting).toBe(0);
    });

    it('stops half a graph that already runs', async ({ skip }) => {
      needs(harness(), 'graph-check', skip);
      const { backend, nodes } = harness();
      const { attemptId } = await refusal(backend, graphs.halfValid('g'));
      expect(nodes.gate('g').waiting).toBe(0);
      const sighting = await backend.find(attemptId);
      expect(sighting.state === 'absent' || sighting.state === 'finished').toBe(true);
    });

    it('reports the node that failed', async ({ skip }) => {
      needs(harness(), 'run-errors', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.failing('RuntimeError'));
      expect(await result(backend, watcher, attemptId)).toMatchObject({
        outcome: 'failed',
        outputs: [],
        error: {
          code: 'node_failed',
          retryable: false,
          message: 'Node 5 (SuiteFail "Breaks") raised RuntimeError: as the test asked',
          details: { nodeId: '5', nodeType: 'SuiteFail', exceptionType: 'RuntimeError' },
        },
      });
    });

    it('tells a lack of memory from other failures', async ({ skip }) => {
      needs(harness(), 'run-errors', skip);
      const { backend } = harness();
      const watcher = new Watcher(backend);
      const attemptId = await accept(backend, graphs.failing('torch.OutOfMemoryError'));
      expect((await result(backend, watcher, attemptId)).error).toMatchObject({
        code: 'out_of_memory',
        retryable: true,
      });
    });

    it('does not hear the attempts of another adapter on the same server', async () => {
      const { backend, nodes, neighbour } = harness();
      const other = await neighbour('other');
      const [mine, theirs] = [new Watcher(backend), new Watcher(other)];
      const attemptA = await accept(backend, graphs.held('a', 1));
      const attemptB = await accept(other, graphs.held('b', 2));
      nodes.gate('a').open();
      nodes.gate('b').open();
      await result(backend, mine, attemptA);
      await result(other, theirs, attemptB);
      expect(mine.of(attemptB)).toEqual([]);
      expect(theirs.of(attemptA)).toEqual([]);
      expect(mine.of(attemptA).length).toBeGreaterThan(harness().lacks?.['node-events'] === undefined ? 5 : 0);
      // But each can look the other's up: that is how a node takes over after another's end.
      expect(await other.find(attemptA)).toMatchObject({ state: 'finished' });
    });
  });
}
