import { randomBytes } from 'node:crypto';
import { GraphError } from '../../core/errors.js';
import type { JsonValue } from '../../core/json.js';
import {
  type BoundGraph,
  type DetectedInput,
  detectInputs,
  type Graph,
  type GraphChange,
  type NodeDefinitions,
  setInput,
  setInputs,
  setNegative,
  setPrompt,
  setSeed,
} from '../../graph/index.js';
import { type Assignment, parseLooseValue } from '../values.js';
import type { SeedReport } from './report.js';

/** Values of the command line, in the order in which they are set: `--set` has the last word. */
export interface BindRequest {
  readonly prompt?: string;
  readonly negative?: string;
  readonly seed?: bigint | 'random';
  readonly assignments: readonly Assignment[];
}

/** Throws `graph_input_unknown`, `graph_input_invalid`. */
export function bindValues(graph: Graph, request: BindRequest, definitions: NodeDefinitions): BoundGraph {
  const options = { definitions };
  const changes: GraphChange[] = [];
  let current = graph;
  const apply = (bind: (graph: Graph) => BoundGraph) => {
    const bound = bind(current);
    current = bound.graph;
    changes.push(...bound.changes);
  };
  const { prompt, negative, seed, assignments } = request;
  if (prompt !== undefined) apply((before) => setPrompt(before, prompt, options));
  if (negative !== undefined) apply((before) => setNegative(before, negative, options));
  if (seed !== undefined) {
    apply((before) => setSeed(before, seed === 'random' ? randomSeed(before, definitions) : seed, options));
  }
  const inputs = assignments.length === 0 ? [] : detectInputs(graph, definitions);
  for (const assignment of assignments) apply((before) => assign(before, assignment, inputs, definitions));
  return { graph: current, changes };
}

/** `node.input=value`, or the name of an input as `inspect` lists it: `steps=30`. */
function assign(
  graph: Graph,
  { name, value }: Assignment,
  inputs: readonly DetectedInput[],
  definitions: NodeDefinitions,
): BoundGraph {
  const named = name.includes('.') ? undefined : inputs.find((input) => input.name === name);
  const set = (to: JsonValue) =>
    named === undefined
      ? setInput(graph, name, to, { definitions })
      : setInputs(graph, named.targets, to, { definitions });
  try {
    // As a text first: a prompt may look like JSON, and the type of the input makes a number of "20".
    return set(value);
  } catch (error) {
    const list = parseLooseValue(value);
    if (!(error instanceof GraphError) || !Array.isArray(list)) throw error;
    return set(list);
  }
}

/** The window of ComfyUI draws seeds that a double holds; so does this, and within what every seed input takes. */
function randomSeed(graph: Graph, definitions: NodeDefinitions): bigint {
  const limits = detectInputs(graph, definitions)
    .filter(({ role }) => role === 'seed')
    .map(({ max }) => Number(max ?? Number.MAX_SAFE_INTEGER));
  const most = BigInt(Math.floor(Math.min(Number.MAX_SAFE_INTEGER, ...limits)));
  return randomBytes(8).readBigUInt64BE() % (most + 1n);
}

/** Every seed of a graph, to be reported: the first one is that of the first sampler. */
export function seedsOf(graph: Graph, definitions: NodeDefinitions): SeedReport[] {
  return detectInputs(graph, definitions)
    .filter(({ role }) => role === 'seed')
    .flatMap(({ targets }) => targets)
    .flatMap(({ node, input }) => {
      const value = graph[node]?.inputs[input];
      return typeof value === 'number' || typeof value === 'bigint' ? [{ input: `${node}.${input}`, value }] : [];
    });
}
