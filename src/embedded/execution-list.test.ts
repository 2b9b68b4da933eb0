import { describe, expect, it } from 'vitest';
import type { Graph } from '../graph/types.js';
import { CacheKeys } from './cache-keys.js';
import { DynamicGraph } from './dynamic-graph.js';
import { ExecutionList } from './execution-list.js';
import type { NodeClass } from './node.js';
import { OutputCache } from './output-cache.js';

const node = (name: string, more: Partial<NodeClass> = {}, isOutput = false): NodeClass => ({
  definition: {
    name,
    input: { required: { a: ['*'], lazy: ['*', { lazy: true }] } },
    output: ['*'],
    output_node: isOutput,
  },
  execute: () => ({ outputs: [null] }),
  ...more,
});
const nodes = new Map(
  [node('Step'), node('Async', { isAsync: true }), node('Save', {}, true)].map((each) => [each.definition.name, each]),
);

async function listFor(graph: Graph) {
  const dynamic = new DynamicGraph(graph);
  const cache = new OutputCache();
  await cache.setNodes(
    dynamic,
    Object.keys(graph),
    new CacheKeys(
      nodes,
      dynamic,
      () => ({}) as never,
      () => '',
    ),
  );
  return { list: new ExecutionList(nodes, dynamic, cache), cache };
}

const step = (a?: unknown, class_type = 'Step', lazy?: unknown) => ({
  class_type,
  inputs: { ...(a === undefined ? {} : { a }), ...(lazy === undefined ? {} : { lazy }) } as never,
});

async function order(list: ExecutionList): Promise<string[]> {
  const ids = [];
  while (!list.isEmpty) {
    const next = await list.next();
    if ('cycle' in next) return [...ids, `cycle ${next.cycle.join()}`];
    ids.push(next.id);
    list.complete(next.id);
  }
  return ids;
}

describe('ExecutionList', () => {
  it('runs what is needed, each node after what it is linked to', async () => {
    const { list } = await listFor({ a: step(), b: step(['a', 0]), c: step(['b', 0], 'Save'), unused: step() });
    list.add('c');
    expect(await order(list)).toEqual(['a', 'b', 'c']);
  });

  it('prefers outputs, then nodes right before an output', async () => {
    const { list } = await listFor({
      root: step(),
      far: step(['root', 0]),
      farther: step(['far', 0]),
      end: step(['farther', 0], 'Save'),
      near: step(['root', 0]),
      show: step(['near', 0], 'Save'),
    });
    list.add('end');
    list.add('show');
    expect(await order(list)).toEqual(['root', 'near', 'show', 'far', 'farther', 'end']);
  });

  it('leaves cached nodes and what only they need alone', async () => {
    const { list, cache } = await listFor({ a: step(), b: step(['a', 0]), c: step(['b', 0], 'Save') });
    cache.setOutputs('b', [[1]]);
    list.add('c');
    expect(await order(list)).toEqual(['c']);
  });

  it('counts a lazy link only once it is asked for', async () => {
    const { list } = await listFor({ a: step(), c: step(undefined, 'Save', ['a', 0]) });
    list.add('c');
    expect(await list.next()).toEqual({ id: 'c' });
    expect(list.requireInput('c', 'lazy')).toBe(true);
    expect(await order(list)).toEqual(['a', 'c']);
  });

  it('waits for a node that is blocked from outside', async () => {
    const { list } = await listFor({ a: step(undefined, 'Async'), c: step(['a', 0], 'Save') });
    list.add('c');
    expect(await list.next()).toEqual({ id: 'a' });
    const unblock = list.block('a');
    const next = list.next();
    unblock();
    unblock();
    expect(await next).toEqual({ id: 'a' });
  });

  it('names a cycle, and what waits for it', async () => {
    const { list } = await listFor({ a: step(['b', 0]), b: step(['a', 0]), c: step(['b', 0], 'Save') });
    list.add('c');
    expect(await order(list)).toEqual(['cycle c,b,a']);
  });
});
