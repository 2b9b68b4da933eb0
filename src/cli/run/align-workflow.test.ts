import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../core/json.js';
import type { Graph, UiWorkflow } from '../../graph/types.js';
import { alignWorkflow } from './align-workflow.js';

/** Converts as the real converter does, for a class with two widgets that hold the same value, and a primitive node. */
function convert(workflow: UiWorkflow): Graph {
  const graph: Graph = {};
  for (const node of workflow['nodes'] as {
    id: number;
    type: string;
    widgets_values: JsonValue[] | Record<string, JsonValue>;
  }[]) {
    const values = node.widgets_values;
    if (node.type === 'Primitive') continue;
    const [seed, steps] = Array.isArray(values) ? values : [values['seed'], values['steps']];
    if (typeof steps !== 'number' && typeof steps !== 'bigint') throw new Error('steps must be a number');
    graph[String(node.id)] = { class_type: 'Sampler', inputs: { seed: seed ?? null, steps } };
  }
  const primitive = (workflow['nodes'] as { type: string; widgets_values: JsonValue[] }[]).find(
    ({ type }) => type === 'Primitive',
  );
  if (primitive !== undefined) graph['1']!.inputs['steps'] = primitive.widgets_values[0]!;
  return graph;
}

const sampler = (widgets_values: JsonValue) => ({ id: 1, type: 'Sampler', widgets_values });

describe('alignWorkflow', () => {
  it('finds the right one of two equal values, and keeps the original', () => {
    const workflow: UiWorkflow = { nodes: [sampler([20, 20])] };
    const change = { nodeId: '1', input: 'steps', before: 20, after: 30 };
    const aligned = alignWorkflow(workflow, convert(workflow), [change], convert);
    expect(aligned).toEqual({ workflow: { nodes: [sampler([20, 30])] }, left: [] });
    expect(workflow).toEqual({ nodes: [sampler([20, 20])] });
  });

  it('finds named values, values of primitive nodes, and makes several changes', () => {
    const workflow: UiWorkflow = {
      nodes: [sampler({ seed: 5, steps: 1 }), { id: 2, type: 'Primitive', widgets_values: [20, 'fixed'] }],
    };
    const changes = [
      { nodeId: '1', input: 'steps', before: 20, after: 30 },
      { nodeId: '1', input: 'seed', before: 5, after: 18446744073709551615n },
    ];
    const aligned = alignWorkflow(workflow, convert(workflow), changes, convert);
    expect(aligned.left).toEqual([]);
    expect(aligned.workflow['nodes']).toEqual([
      sampler({ seed: 18446744073709551615n, steps: 1 }),
      { id: 2, type: 'Primitive', widgets_values: [30, 'fixed'] },
    ]);
  });

  it('leaves what has no place', () => {
    const workflow: UiWorkflow = { nodes: [sampler([5, 20])] };
    const change = { nodeId: '1', input: 'seed', before: 6, after: 7 };
    expect(alignWorkflow(workflow, convert(workflow), [change], convert)).toEqual({ workflow, left: [change] });
  });
});
