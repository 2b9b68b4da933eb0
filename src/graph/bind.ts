import { GraphError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { type Coerced, coerceLike, coerceValue } from './coerce.js';
import { DefinitionIndex } from './definitions.js';
import { didYouMean } from './nearest.js';
import { findPrompt, type InputRef, numberBehind, type Polarity } from './trace.js';
import { type Graph, type GraphNode, isLink, type NodeDefinitions } from './types.js';
import { capitalized, graphNodeLabel } from './validate.js';

/**
 * Values into graphs. Every function is pure: it returns a new graph (nodes that did not change are shared) and the list
 * of what it changed, so that nothing is ever altered unseen.
 */
export interface GraphChange {
  readonly nodeId: string;
  readonly input: string;
  /** Undefined when the input was not there. */
  readonly from: JsonValue | undefined;
  readonly to: JsonValue;
}

export interface BoundGraph {
  readonly graph: Graph;
  /** Only real changes: setting what is there already is none. */
  readonly changes: readonly GraphChange[];
}

export interface BindOptions {
  /** Types, limits and choices to check against. Without them the type of the present value decides. */
  readonly definitions?: NodeDefinitions;
  /** Allow a value to take the place of a link. */
  readonly replaceLinks?: boolean;
}

/**
 * Sets one input. The node is named by id, title, or class when only one node has it: `3.seed`, `Sampler.steps`,
 * `KSampler.cfg`. Throws GraphError `graph_input_unknown`, `graph_input_invalid`.
 */
export function setInput(
  graph: Graph,
  target: string | InputRef,
  value: JsonValue,
  options: BindOptions = {},
): BoundGraph {
  const definitions = options.definitions === undefined ? undefined : new DefinitionIndex(options.definitions);
  const { node: nodeId, input } = findInput(graph, target, definitions);
  return write(graph, [{ node: nodeId, input }], value, definitions, options.replaceLinks === true);
}

/** Sets several inputs to the same value. */
export function setInputs(
  graph: Graph,
  targets: readonly InputRef[],
  value: JsonValue,
  options: BindOptions = {},
): BoundGraph {
  const definitions = options.definitions === undefined ? undefined : new DefinitionIndex(options.definitions);
  return write(graph, targets, value, definitions, options.replaceLinks === true);
}

const MAX_SEED = 18_446_744_073_709_551_615n;
const SEED_INPUTS = new Set(['seed', 'noise_seed']);

/**
 * Sets every `seed` and `noise_seed` that holds a number, or that is linked to a node which does nothing but hold one.
 * 0 to 2^64-1, kept to the last digit. Throws GraphError `graph_input_unknown` when the graph has no seed.
 */
export function setSeed(graph: Graph, seed: bigint | number, options: BindOptions = {}): BoundGraph {
  const exact = typeof seed === 'bigint' ? seed : Number.isSafeInteger(seed) ? BigInt(seed) : undefined;
  if (exact === undefined || exact < 0n || exact > MAX_SEED) {
    throw new GraphError('graph_input_invalid', `The seed must be a whole number from 0 to ${MAX_SEED}, not ${seed}.`, {
      hint: 'Seeds above 9007199254740991 must be given as bigint or text, or they have lost digits already.',
    });
  }
  const targets = seedInputs(graph);
  if (targets.length === 0) {
    throw new GraphError(
      'graph_input_unknown',
      'The graph has no seed: no input "seed" or "noise_seed" with a number.',
    );
  }
  const value = exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : exact;
  return setInputs(graph, targets, value, options);
}

export function seedInputs(graph: Graph): InputRef[] {
  const targets = new Map<string, InputRef>();
  for (const [node, { inputs }] of Object.entries(graph)) {
    for (const [input, value] of Object.entries(inputs)) {
      if (!SEED_INPUTS.has(input)) continue;
      const held = isLink(value) ? numberBehind(graph, value) : typeof value === 'object' ? undefined : { node, input };
      if (held !== undefined) targets.set(`${held.node}\n${held.input}`, held);
    }
  }
  return [...targets.values()];
}

/** Sets the positive prompt, found by following the samplers' conditioning. Throws GraphError `graph_input_unknown`. */
export function setPrompt(graph: Graph, text: string, options: BindOptions = {}): BoundGraph {
  return setTracedPrompt(graph, 'positive', text, options);
}

/** Sets the negative prompt. Throws GraphError `graph_input_unknown` when the graph works without one. */
export function setNegative(graph: Graph, text: string, options: BindOptions = {}): BoundGraph {
  return setTracedPrompt(graph, 'negative', text, options);
}

function setTracedPrompt(graph: Graph, polarity: Polarity, text: string, options: BindOptions): BoundGraph {
  const definitions = options.definitions === undefined ? undefined : new DefinitionIndex(options.definitions);
  const found = findPrompt(graph, polarity, definitions);
  if ('problem' in found) {
    const candidates = found.candidates.map(({ node, input }) => `${node}.${input}`);
    throw new GraphError('graph_input_unknown', `The ${polarity} prompt cannot be set: ${found.problem}.`, {
      ...(candidates.length === 0 ? {} : { hint: `Set one input by name: ${candidates.join(', ')}.` }),
      details: { polarity, candidates },
    });
  }
  return write(graph, found.inputs, text, definitions, false);
}

/**
 * Finds the input that a text such as `Sampler.steps` names. Node ids, titles and input names may hold dots themselves, so
 * every place to divide the text is tried. Throws GraphError `graph_input_unknown`.
 */
export function findInput(graph: Graph, target: string | InputRef, definitions?: DefinitionIndex): InputRef {
  if (typeof target !== 'string') return requireInput(graph, findNode(graph, target.node), target.input, definitions);
  let nodeFound: { id: string; input: string } | undefined;
  for (let dot = target.indexOf('.'); dot !== -1; dot = target.indexOf('.', dot + 1)) {
    const input = target.slice(dot + 1);
    const ids = findNodes(graph, target.slice(0, dot));
    const having = ids.filter((id) => hasInput(graph[id]!, input, definitions));
    if (having.length > 1) throw ambiguous(target.slice(0, dot), graph, having);
    if (having[0] !== undefined) return { node: having[0], input };
    if (ids[0] !== undefined) nodeFound ??= { id: ids[0], input };
  }
  if (nodeFound !== undefined) return requireInput(graph, nodeFound.id, nodeFound.input, definitions);
  if (!target.includes('.')) {
    throw new GraphError('graph_input_unknown', `"${target}" names no input: write it as node.input, such as 3.seed.`);
  }
  throw unknownNode(graph, target.slice(0, target.lastIndexOf('.')));
}

/** Id of the one node that has this id, title or class. Throws GraphError `graph_input_unknown`. */
export function findNode(graph: Graph, name: string): string {
  const [id, ...others] = findNodes(graph, name);
  if (id === undefined) throw unknownNode(graph, name);
  if (others.length > 0) throw ambiguous(name, graph, [id, ...others]);
  return id;
}

/** By id; else by title; else by class; without regard to case where nothing matches exactly. */
function findNodes(graph: Graph, name: string): string[] {
  if (Object.hasOwn(graph, name)) return [name];
  const entries = Object.entries(graph);
  const by = (wanted: string, text: (node: GraphNode) => string | undefined): string[] =>
    entries.filter(([, node]) => text(node) === wanted).map(([id]) => id);
  const folded = name.trim().toLowerCase();
  const searches = [
    () => by(name, (node) => node._meta?.title),
    () => by(name, (node) => node.class_type),
    () => by(folded, (node) => node._meta?.title?.trim().toLowerCase()),
    () => by(folded, (node) => node.class_type.toLowerCase()),
  ];
  for (const search of searches) {
    const ids = search();
    if (ids.length > 0) return ids;
  }
  return [];
}

function hasInput(node: GraphNode, input: string, definitions: DefinitionIndex | undefined): boolean {
  return Object.hasOwn(node.inputs, input) || definitions?.input(node.class_type, input) !== undefined;
}

function requireInput(graph: Graph, id: string, input: string, definitions: DefinitionIndex | undefined): InputRef {
  const node = graph[id]!;
  if (hasInput(node, input, definitions)) return { node: id, input };
  const definition = definitions?.get(node.class_type);
  const declared = definition === undefined ? [] : definitions!.inputs(definition).map(({ name }) => name);
  const known = [...new Set([...Object.keys(node.inputs), ...declared])];
  const hint = didYouMean(input, known) || `It has: ${known.join(', ') || 'no inputs'}.`;
  throw new GraphError('graph_input_unknown', `${capitalized(graphNodeLabel(id, node))} has no input "${input}".`, {
    hint,
    details: { nodeId: id, input, known },
  });
}

function unknownNode(graph: Graph, name: string): GraphError {
  const names = Object.entries(graph).flatMap(([id, node]) => [id, node._meta?.title ?? '', node.class_type]);
  const near = didYouMean(name, new Set(names.filter(Boolean)));
  return new GraphError('graph_input_unknown', `The graph has no node with the id, title or class "${name}".`, {
    ...(near === '' ? {} : { hint: near }),
    details: { node: name },
  });
}

function ambiguous(name: string, graph: Graph, ids: readonly string[]): GraphError {
  const shown = ids.slice(0, 10).map((id) => graphNodeLabel(id, graph[id]!));
  return new GraphError('graph_input_unknown', `"${name}" could be ${shown.join(' or ')}.`, {
    hint: 'Name the node by its id.',
    details: { node: name, candidates: ids },
  });
}

function write(
  graph: Graph,
  targets: readonly InputRef[],
  value: JsonValue,
  definitions: DefinitionIndex | undefined,
  replaceLinks: boolean,
): BoundGraph {
  const bound: Graph = { ...graph };
  const changes: GraphChange[] = [];
  for (const { node: nodeId, input } of targets) {
    const node = Object.hasOwn(bound, nodeId) ? bound[nodeId] : undefined;
    if (node === undefined) throw unknownNode(graph, nodeId);
    const from = Object.hasOwn(node.inputs, input) ? node.inputs[input] : undefined;
    if (isLink(from) && !replaceLinks) throw linked(graph, nodeId, input, from[0]);
    const definition = definitions?.input(node.class_type, input);
    const coerced = definition === undefined ? coerceLike(value, from) : coerceValue(value, definition);
    if ('problem' in coerced) throw unfit(graph, nodeId, input, value, coerced);
    if (coerced.value === from) continue;
    bound[nodeId] = { ...node, inputs: { ...node.inputs, [input]: coerced.value } };
    changes.push({ nodeId, input, from, to: coerced.value });
  }
  return { graph: bound, changes };
}

function linked(graph: Graph, nodeId: string, input: string, sourceId: string): GraphError {
  const source = Object.hasOwn(graph, sourceId) ? graphNodeLabel(sourceId, graph[sourceId]!) : `node ${sourceId}`;
  const label = graphNodeLabel(nodeId, graph[nodeId]!);
  return new GraphError('graph_input_invalid', `Input "${input}" of ${label} is linked to ${source}.`, {
    hint: `Set the value at ${source}, or ask for the link to be replaced.`,
    details: { nodeId, input, sourceId },
  });
}

function unfit(
  graph: Graph,
  nodeId: string,
  input: string,
  value: JsonValue,
  { problem, hint }: Extract<Coerced, { problem: string }>,
): GraphError {
  const given = typeof value === 'object' ? 'a list or object' : JSON.stringify(String(value).slice(0, 80));
  const label = graphNodeLabel(nodeId, graph[nodeId]!);
  return new GraphError('graph_input_invalid', `Input "${input}" of ${label} ${problem}; it was given ${given}.`, {
    ...(hint === undefined ? {} : { hint }),
    details: { nodeId, input },
  });
}
