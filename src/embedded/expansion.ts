import type { Graph, GraphNode } from '../graph/types.js';
import { isLink } from '../graph/types.js';
import type { NodeResult } from './node.js';
import { PythonError } from './python-errors.js';

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

/**
 * The results of an expanded node once its sub-graph has run: links into it are replaced by what came out there. A link
 * to a list gives as many results as the list is long.
 */
export function expansionResults(
  results: readonly NodeResult[],
  outputsOf: (id: string) => readonly (readonly unknown[])[] | undefined,
): NodeResult[] {
  return results.flatMap((result) => {
    if (!result.expand) return [result];
    const lists = result.outputs.map((output) => {
      if (!isLink(output)) return [output];
      const list = outputsOf(output[0])?.[output[1]];
      if (!list) throw new PythonError('RuntimeError', `There is no result from node ${output[0]}.`);
      return list;
    });
    const length = Math.max(0, ...lists.map((list) => list.length));
    return Array.from({ length }, (_, index) => ({
      outputs: lists.map((list) => list[Math.min(index, list.length - 1)]),
    }));
  });
}
