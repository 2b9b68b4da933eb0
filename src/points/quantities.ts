import type { Graph } from '../graph/types.js';

/** What a graph asks for, as far as its own inputs tell: what prices and the limits of a plan go by. */
export interface Quantities {
  /** Of one picture; 0 when the graph does not say (an input picture decides). */
  readonly pixels: number;
  readonly batch: number;
  /** The most of any sampler. */
  readonly steps: number;
  /** Pictures to expect: save nodes times batch. */
  readonly outputs: number;
}

const MAX_LINKS = 8;

export function quantitiesOf(graph: Graph): Quantities {
  let [pixels, batch, steps, saves] = [0, 1, 0, 0];
  for (const [id, node] of Object.entries(graph)) {
    const number = (name: string) => numberOf(graph, id, name, MAX_LINKS);
    // A size is declared by what begins a picture; nodes that scale one have a width too.
    if (/^Empty/.test(node.class_type)) {
      pixels = Math.max(pixels, (number('width') ?? 0) * (number('height') ?? 0));
      batch = Math.max(batch, number('batch_size') ?? 1);
    }
    steps = Math.max(steps, number('steps') ?? 0);
    if (/^Save|^VHS_VideoCombine$/.test(node.class_type)) saves += 1;
  }
  return { pixels, batch, steps, outputs: Math.max(1, saves) * batch };
}

/** A whole number of at least 0, written in the input or in the primitive node that it is linked to. */
function numberOf(graph: Graph, nodeId: string, input: string, links: number): number | null {
  const value: unknown = graph[nodeId]?.inputs[input];
  if (typeof value === 'number') return Number.isFinite(value) ? Math.max(0, Math.floor(value)) : null;
  if (!Array.isArray(value) || typeof value[0] !== 'string' || links === 0) return null;
  return numberOf(graph, value[0], 'value', links - 1);
}
