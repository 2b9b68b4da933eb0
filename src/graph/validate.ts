import { GraphError } from '../core/errors.js';
import { isJsonObject, type JsonValue } from '../core/json.js';
import { topologicalOrder } from './topology.js';
import { type Graph, type GraphNode, isLink } from './types.js';

/**
 * Checks that a value is a graph that a ComfyUI server can take without harm, and returns it without foreign keys.
 *
 * The server itself checks less: one node without an object `inputs` kills its only executor thread for good
 * (`comfyui.md` 1.3, "poison prompt"), so nothing unchecked may ever be sent. Dropped are keys other than `class_type`,
 * `inputs` and `_meta.title`, above all `is_changed`, which would freeze a node's change token (`comfyui.md` 3).
 *
 * Throws GraphError `graph_invalid` that names node id, title and input.
 */
export function validateGraph(value: unknown): Graph {
  if (!isJsonObject(value)) {
    throw new GraphError('graph_invalid', `The graph must be an object of nodes, not ${describe(value)}.`);
  }
  const graph: Graph = {};
  for (const [id, node] of Object.entries(value)) {
    // Plain assignment of this name would replace the prototype instead of adding a node.
    if (id === '__proto__') fail('A node cannot have the id "__proto__".', id);
    graph[id] = readNode(id, node);
  }
  if (Object.keys(graph).length === 0) {
    throw new GraphError('graph_invalid', 'The graph holds no nodes.', { hint: 'Give a workflow with a save node.' });
  }
  for (const [id, node] of Object.entries(graph)) checkInputs(graph, id, node);
  checkCycles(graph);
  return graph;
}

/** `node 7 (KSampler "Second pass")`: how every message of this room names a node. */
export function nodeLabel(id: string, classType?: string, title?: string | null): string {
  const named = title && title !== classType ? `"${title}"` : '';
  const inner = [classType, named].filter(Boolean).join(' ');
  return inner === '' ? `node ${id}` : `node ${id} (${inner})`;
}

export function graphNodeLabel(id: string, node: GraphNode): string {
  return nodeLabel(id, node.class_type, node._meta?.title);
}

function readNode(id: string, node: unknown): GraphNode {
  if (!isJsonObject(node)) fail(`Node ${id} must be an object, not ${describe(node)}.`, id);
  const { class_type: classType, inputs, _meta: meta } = node;
  const title = isJsonObject(meta) && typeof meta['title'] === 'string' ? meta['title'] : undefined;
  if (typeof classType !== 'string' || classType === '') {
    fail(`${capitalized(nodeLabel(id, undefined, title))} has no class_type.`, id, { title });
  }
  if (!isJsonObject(inputs)) {
    fail(`${capitalized(nodeLabel(id, classType, title))} has no object \`inputs\`.`, id, { classType, title });
  }
  const clean: GraphNode = { class_type: classType, inputs: { ...inputs } };
  if (title !== undefined) clean._meta = { title };
  return clean;
}

function checkInputs(graph: Graph, id: string, node: GraphNode): void {
  for (const [input, value] of Object.entries(node.inputs)) {
    if (!Array.isArray(value)) continue;
    const problem = linkProblem(graph, value);
    if (problem === null) continue;
    fail(`${capitalized(graphNodeLabel(id, node))}, input "${input}": ${problem}`, id, {
      classType: node.class_type,
      title: node._meta?.title,
      input,
    });
  }
}

function linkProblem(graph: Graph, value: JsonValue[]): string | null {
  if (!isLink(value)) {
    return 'an array must be a link [node id as string, output index], or be wrapped as {"__value__": [...]}.';
  }
  const [source, output] = value;
  if (!Number.isInteger(output) || output < 0) return `${output} is not an output index.`;
  if (!Object.hasOwn(graph, source)) return `it is linked to node ${source}, which the graph does not have.`;
  return null;
}

function checkCycles(graph: Graph): void {
  const { cyclic } = topologicalOrder(graph);
  const first = cyclic[0];
  if (first === undefined) return;
  const shown = cyclic.slice(0, 10).map((id) => graphNodeLabel(id, graph[id]!));
  const more = cyclic.length > shown.length ? ` and ${cyclic.length - shown.length} more` : '';
  fail(`The graph runs in a circle through ${shown.join(', ')}${more}.`, first, { cycle: cyclic.slice(0, 100) });
}

function fail(message: string, nodeId: string, details: Record<string, unknown> = {}): never {
  const known = Object.entries(details).filter(([, value]) => value !== undefined);
  throw new GraphError('graph_invalid', message, { details: { nodeId, ...Object.fromEntries(known) } });
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return `a ${typeof value}`;
}
