import type { DefinitionIndex } from './definitions.js';
import { type Graph, type GraphNode, isLink } from './types.js';

/**
 * Walks over graphs. All of them iterate with their own stack: a graph may be a chain of a million nodes. Links to nodes
 * that the graph does not have are ignored, so that a partial graph can be looked at too.
 */

export interface GraphLink {
  readonly input: string;
  readonly sourceId: string;
  readonly outputIndex: number;
}

export function linksOf(node: GraphNode): GraphLink[] {
  const links: GraphLink[] = [];
  for (const [input, value] of Object.entries(node.inputs)) {
    if (isLink(value)) links.push({ input, sourceId: value[0], outputIndex: value[1] });
  }
  return links;
}

export interface Consumer {
  readonly nodeId: string;
  readonly input: string;
  readonly outputIndex: number;
}

/** Who uses each node's outputs: source node id -> consumers, in the order of the graph. */
function consumers(graph: Graph): Map<string, Consumer[]> {
  const bySource = new Map<string, Consumer[]>();
  for (const [nodeId, node] of Object.entries(graph)) {
    for (const { input, sourceId, outputIndex } of linksOf(node)) {
      const list = bySource.get(sourceId);
      if (list === undefined) bySource.set(sourceId, [{ nodeId, input, outputIndex }]);
      else list.push({ nodeId, input, outputIndex });
    }
  }
  return bySource;
}

/** The given nodes and everything that they depend on. */
function ancestors(graph: Graph, nodeIds: Iterable<string>): Set<string> {
  const seen = new Set<string>();
  const waiting = [...nodeIds];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const node = Object.hasOwn(graph, id) ? graph[id] : undefined;
    if (node === undefined || seen.has(id)) continue;
    seen.add(id);
    for (const { sourceId } of linksOf(node)) waiting.push(sourceId);
  }
  return seen;
}

/**
 * Nodes that a run is for. With definitions: classes flagged `output_node`. A class that is not defined counts when
 * nothing uses its outputs, and so does every node when there are no definitions.
 */
export function outputNodes(graph: Graph, definitions?: DefinitionIndex): string[] {
  const used = consumers(graph);
  return Object.keys(graph).filter((id) => {
    const definition = definitions?.get(graph[id]!.class_type);
    return definition === undefined ? !used.has(id) : definition.output_node === true;
  });
}

/** Only nodes that feed an output node; all nodes when there is no output node to be found. */
export function reachableNodes(graph: Graph, definitions?: DefinitionIndex): Set<string> {
  const outputs = outputNodes(graph, definitions);
  return outputs.length === 0 ? new Set(Object.keys(graph)) : ancestors(graph, outputs);
}

export interface TopologicalOrder {
  /** Sources before consumers; ties in the order of the graph. */
  readonly order: readonly string[];
  /** Nodes on a cycle, in the order of the cycle; empty for a sound graph. */
  readonly cyclic: readonly string[];
}

export function topologicalOrder(graph: Graph): TopologicalOrder {
  const waitingFor = new Map<string, number>();
  for (const [id, node] of Object.entries(graph)) {
    waitingFor.set(id, linksOf(node).filter(({ sourceId }) => Object.hasOwn(graph, sourceId)).length);
  }
  const users = consumers(graph);
  const order = [...waitingFor].filter(([, count]) => count === 0).map(([id]) => id);
  // `order` grows while it is read: it is the queue of the nodes that are ready.
  for (let next = 0; next < order.length; next++) {
    for (const { nodeId } of users.get(order[next]!) ?? []) {
      const left = waitingFor.get(nodeId)! - 1;
      waitingFor.set(nodeId, left);
      if (left === 0) order.push(nodeId);
    }
  }
  if (order.length === waitingFor.size) return { order, cyclic: [] };
  const stuck = new Set([...waitingFor].filter(([, count]) => count > 0).map(([id]) => id));
  return { order, cyclic: findCycle(graph, stuck) };
}

/** Every stuck node has a stuck source, so walking upstream must come back to a node it has seen. */
function findCycle(graph: Graph, stuck: ReadonlySet<string>): string[] {
  const path: string[] = [];
  const positions = new Map<string, number>();
  let id: string | undefined = stuck.values().next().value;
  while (id !== undefined) {
    const seenAt = positions.get(id);
    if (seenAt !== undefined) return path.slice(seenAt).reverse();
    positions.set(id, path.length);
    path.push(id);
    id = linksOf(graph[id]!).find(({ sourceId }) => stuck.has(sourceId))?.sourceId;
  }
  return path;
}

/** Order in which people expect nodes: as they run, loaders first. Nodes on a cycle come last. */
export function displayOrder(graph: Graph): string[] {
  const { order } = topologicalOrder(graph);
  if (order.length === Object.keys(graph).length) return [...order];
  const placed = new Set(order);
  return [...order, ...Object.keys(graph).filter((id) => !placed.has(id))];
}
