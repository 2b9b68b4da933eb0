import { createHash } from 'node:crypto';
import { stringifyLossless } from '../../src/core/json.js';
import { type Graph, type GraphNode, isLink, topologicalOrder } from '../../src/graph/index.js';

/** Differences of two graphs as sets of nodes with class and inputs, one line each; titles do not count. */
export function differences(ours: Graph, official: Graph): string[] {
  const lines: string[] = [];
  for (const id of new Set([...Object.keys(ours), ...Object.keys(official)])) {
    const a = ours[id];
    const b = official[id];
    if (a === undefined || b === undefined) {
      lines.push(`${id}: ${a === undefined ? `missing ${b?.class_type}` : `not expected: ${a.class_type}`}`);
      continue;
    }
    if (a.class_type !== b.class_type) lines.push(`${id}: ${a.class_type} instead of ${b.class_type}`);
    for (const input of new Set([...Object.keys(a.inputs), ...Object.keys(b.inputs)])) {
      const [x, y] = [shown(a, input), shown(b, input)];
      if (x !== y) lines.push(`${id} ${a.class_type}.${input}: ${x} instead of ${y}`);
    }
  }
  return lines;
}

function shown(node: GraphNode, input: string): string {
  return Object.hasOwn(node.inputs, input) ? stringifyLossless(node.inputs[input]) : 'nothing';
}

/** Equal up to the ids of nodes: each node is known by its class, its values and, recursively, what feeds it. */
export function equalUpToIds(ours: Graph, official: Graph): boolean {
  return signatures(ours).join() === signatures(official).join();
}

function signatures(graph: Graph): string[] {
  const known = new Map<string, string>();
  for (const id of topologicalOrder(graph).order) {
    const { class_type, inputs } = graph[id]!;
    const parts = Object.entries(inputs).map(([input, value]) => {
      const text = isLink(value) ? `<${known.get(value[0])}:${value[1]}>` : stringifyLossless(value);
      return `${input}=${text}`;
    });
    const text = [class_type, ...parts.sort()].join('\n');
    known.set(id, createHash('sha256').update(text).digest('hex'));
  }
  return [...known.values()].sort();
}
