import type { JsonValue } from '../../src/core/json.js';
import type { NodeResult } from '../../src/embedded/node.js';
import { type Graph, isLink } from '../../src/graph/types.js';
import type { Bench } from './node-bench.js';

/**
 * Runs a graph node by node, for tests of the library alone: no queue, no cache, no lists. Returns the UI data of its
 * output nodes.
 */
export async function runGraph(
  bench: Bench,
  graph: Graph,
): Promise<Map<string, Readonly<Record<string, readonly JsonValue[]>>>> {
  const results = new Map<string, Promise<NodeResult>>();
  const resultOf = (id: string): Promise<NodeResult> => {
    const known = results.get(id);
    if (known) return known;
    const started = start(id);
    results.set(id, started);
    return started;
  };
  const start = async (id: string): Promise<NodeResult> => {
    const node = graph[id];
    if (!node) throw new RangeError(`No node ${id}`);
    const values: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(node.inputs)) {
      values[name] = isLink(value) ? (await resultOf(value[0])).outputs[value[1]] : value;
    }
    return bench.run(node.class_type, values);
  };
  const ui = new Map<string, Readonly<Record<string, readonly JsonValue[]>>>();
  for (const [id, node] of Object.entries(graph)) {
    if (!bench.node(node.class_type).definition.output_node) continue;
    const result = await resultOf(id);
    if (result.ui) ui.set(id, result.ui);
  }
  return ui;
}
