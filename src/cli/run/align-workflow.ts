import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';
import type { Graph, UiWorkflow } from '../../graph/types.js';

/**
 * The UI workflow travels in the saved picture beside the graph that ran, and ComfyUI opens the workflow. So values from the
 * command line must be in it too, or the window shows another prompt than the one that made the picture.
 *
 * Where a value is stored is known to the converter alone. So it is not guessed here: a place that holds the old value is
 * tried, and counts when the changed workflow converts to exactly the graph that is wanted.
 */
export interface ValueChange {
  readonly nodeId: string;
  readonly input: string;
  readonly before: JsonValue;
  readonly after: JsonValue;
}

/** Each try is a conversion. Beyond this the workflow is so large, or the value so common, that it is not worth it. */
const MAX_TRIES = 40;

export interface AlignedWorkflow {
  readonly workflow: UiWorkflow;
  /** Changes that found no place; the workflow keeps the old value there. */
  readonly left: readonly ValueChange[];
}

export function alignWorkflow(
  workflow: UiWorkflow,
  graph: Graph,
  changes: readonly ValueChange[],
  convert: (workflow: UiWorkflow) => Graph,
): AlignedWorkflow {
  let current = workflow;
  let currentGraph = graph;
  const left: ValueChange[] = [];
  for (const change of changes) {
    const wanted = withValue(currentGraph, change);
    const found = findPlace(current, change, wanted, convert);
    if (found === null) left.push(change);
    else {
      current = found;
      currentGraph = wanted;
    }
  }
  return { workflow: current, left };
}

function findPlace(
  workflow: UiWorkflow,
  change: ValueChange,
  wanted: Graph,
  convert: (workflow: UiWorkflow) => Graph,
): UiWorkflow | null {
  let tries = 0;
  for (const place of places(workflow, change)) {
    tries += 1;
    if (tries > MAX_TRIES) return null;
    const candidate = structuredClone(workflow);
    put(candidate, place, change.after);
    try {
      if (sameJson(convert(candidate), wanted)) return candidate;
    } catch {
      // A wrong place may make the workflow unconvertible.
    }
  }
  return null;
}

type Path = readonly (string | number)[];

/** Where the old value stands among stored widget values: first in the node itself, then in any other. */
function* places(workflow: UiWorkflow, { nodeId, before }: ValueChange): Generator<Path> {
  const own = nodeId.split(':').at(-1);
  const nodes = [...storedNodes(workflow, [])];
  const isOwn = ({ node }: StoredNode) => String(node['id']) === own;
  for (const { node, path } of [...nodes.filter(isOwn), ...nodes.filter((stored) => !isOwn(stored))]) {
    const values = node['widgets_values'];
    if (Array.isArray(values)) {
      for (const [index, value] of values.entries()) {
        if (sameJson(value, before)) yield [...path, 'widgets_values', index];
      }
    } else if (isJsonObject(values)) {
      for (const [name, value] of Object.entries(values)) {
        if (sameJson(value, before)) yield [...path, 'widgets_values', name];
      }
    }
  }
}

interface StoredNode {
  readonly node: JsonObject;
  readonly path: Path;
}

/** Nodes of the workflow and of its subgraphs. */
function* storedNodes(holder: JsonObject, path: Path): Generator<StoredNode> {
  const nodes = holder['nodes'];
  if (Array.isArray(nodes)) {
    for (const [index, node] of nodes.entries()) {
      if (isJsonObject(node)) yield { node, path: [...path, 'nodes', index] };
    }
  }
  const definitions = holder['definitions'];
  const subgraphs = isJsonObject(definitions) ? definitions['subgraphs'] : undefined;
  if (!Array.isArray(subgraphs)) return;
  for (const [index, subgraph] of subgraphs.entries()) {
    if (isJsonObject(subgraph)) yield* storedNodes(subgraph, [...path, 'definitions', 'subgraphs', index]);
  }
}

function put(root: JsonObject, path: Path, value: JsonValue): void {
  let holder: unknown = root;
  for (const step of path.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[step];
  (holder as Record<string | number, unknown>)[path.at(-1)!] = value;
}

function withValue(graph: Graph, { nodeId, input, after }: ValueChange): Graph {
  const node = graph[nodeId];
  if (node === undefined) return graph;
  return { ...graph, [nodeId]: { ...node, inputs: { ...node.inputs, [input]: after } } };
}

/** Equal as JSON; 7 and 7n are the same number. */
function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return isNumber(a) && isNumber(b) && String(a) === String(b);
  }
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameJson((a as JsonObject)[name], (b as JsonObject)[name]));
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}
