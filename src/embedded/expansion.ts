import type { Graph, GraphNode } from '../graph/types.js';
import { isLink } from '../graph/types.js';

/**
 * Gives the nodes of an expansion their ephemeral ids (`3.0.0.1`: parent, call index, graph index, inner id), in the
 * graph's own links and in the outputs that point into it. Links to nodes outside stay as they are.
 */
export function expandedGraph(
  graph: Graph,
  outputs: readonly unknown[],
  prefix: string,
): { readonly graph: Graph; readonly outputs: readonly unknown[] } {
  const rename = <T>(value: T): T => {
    if (!isLink(value) || !Object.hasOwn(graph, value[0])) return value;
    return [`${prefix}${value[0]}`, value[1]] as T;
  };
  const renamed = Object.entries(graph).map(([id, node]): [string, GraphNode] => [
    `${prefix}${id}`,
    { ...node, inputs: Object.fromEntries(Object.entries(node.inputs).map(([name, value]) => [name, rename(value)])) },
  ]);
  return { graph: Object.fromEntries(renamed), outputs: outputs.map(rename) };
}
