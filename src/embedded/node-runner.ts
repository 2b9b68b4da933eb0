import type { JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { Graph } from '../graph/types.js';
import { isLink } from '../graph/types.js';
import type { DynamicGraph } from './dynamic-graph.js';
import { declaredInputs } from './input-specs.js';
import { Blocker, type NodeClass, type NodeContext, type NodeResult } from './node.js';
import type { UiData } from './profile.js';

/**
 * Calls a node: resolves its inputs to lists of values, calls it once per list element, and merges the results
 * (comfyui.md 3, "Lists").
 */
export interface ResolvedInputs {
  /** One list per input; what upstream has not computed is missing here. */
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  /** Inputs whose link leads to something that is not there yet, or has no such output. */
  readonly missing: ReadonlySet<string>;
  /** What `execution_error.current_inputs` shows in addition: hidden inputs of classic nodes. */
  readonly hidden: ReadonlyMap<string, unknown>;
}

export function resolveInputs(
  graph: DynamicGraph,
  id: string,
  nodeClass: NodeClass,
  outputsOf: (id: string) => readonly (readonly unknown[])[] | undefined,
  extraPngInfo: JsonValue,
): ResolvedInputs {
  const { inputs } = graph.node(id);
  const values = new Map<string, readonly unknown[]>();
  const missing = new Set<string>();
  const declared = declaredInputs(nodeClass.definition, inputs);
  for (const [name, value] of Object.entries(inputs)) {
    const input = declared.get(name);
    if (isLink(value) && input?.options['rawLink'] !== true) {
      const list = outputsOf(value[0])?.[value[1]];
      if (list === undefined) missing.add(name);
      else values.set(name, list);
    } else if (input) {
      values.set(name, [value]);
    }
  }
  return { values, missing, hidden: hiddenInputs(nodeClass, id, graph.prompt, extraPngInfo) };
}

function hiddenInputs(nodeClass: NodeClass, id: string, prompt: Graph, extraPngInfo: JsonValue): Map<string, unknown> {
  const hidden = new Map<string, unknown>();
  for (const [name, kind] of Object.entries(nodeClass.definition.input.hidden ?? {})) {
    // Newer nodes wrap the kind in a list, and do not show these inputs in errors.
    if (kind === 'PROMPT') hidden.set(name, prompt);
    else if (kind === 'EXTRA_PNGINFO') hidden.set(name, extraPngInfo);
    else if (kind === 'UNIQUE_ID') hidden.set(name, id);
  }
  return hidden;
}

/** One call of a node: its result, or the promise of an async node that is still pending. */
export type Call = { readonly result: NodeResult } | { readonly pending: Promise<NodeResult> };

export interface CallOptions {
  readonly nodeClass: NodeClass;
  readonly inputs: ResolvedInputs;
  readonly context: NodeContext;
  /** Tested before each call; throws to stop. */
  readonly checkInterrupt: () => void;
  /** Told when a call does not happen because an input is blocked; returns what blocks the outputs in turn. */
  readonly onBlocked: (blocker: Blocker) => Blocker;
}

/**
 * Calls the node as often as its longest input list is long; shorter lists repeat their last value. Nodes that are not
 * async are awaited here, one call after the other.
 */
export async function callNode(options: CallOptions): Promise<Call[]> {
  const { nodeClass, inputs } = options;
  if (nodeClass.inputIsList) {
    return [await callOnce(options, Object.fromEntries(inputs.values), [...inputs.values.values()].flat())];
  }
  const calls: Call[] = [];
  const count = Math.max(1, ...[...inputs.values.values()].map((list) => list.length));
  for (let index = 0; index < count; index++) {
    const values = Object.fromEntries(
      Array.from(inputs.values, ([name, list]) => [name, list[Math.min(index, list.length - 1)]]),
    );
    calls.push(await callOnce(options, values, Object.values(values)));
  }
  return calls;
}

async function callOnce(
  { nodeClass, context, checkInterrupt, onBlocked }: CallOptions,
  values: Readonly<Record<string, unknown>>,
  parts: readonly unknown[],
): Promise<Call> {
  checkInterrupt();
  const blocker = parts.find((value): value is Blocker => value instanceof Blocker);
  if (blocker) return { result: blockedResult(nodeClass, onBlocked(blocker)) };
  const result = nodeClass.execute(values, context);
  if (!nodeClass.isAsync || !(result instanceof Promise)) return { result: await result };
  // An async node that never waited is done at once, as a coroutine that never awaited.
  const first = await Promise.race([result, Promise.resolve(null)]);
  if (first) return { result: first };
  // It may fail before anybody waits for it; the failure is reported when its node is taken up again.
  result.catch(() => {});
  return { pending: result };
}

function blockedResult(nodeClass: NodeClass, blocker: Blocker): NodeResult {
  return { outputs: nodeClass.definition.output.map(() => blocker) };
}

/** The results of all calls in one: lists per output, UI data joined. */
export function mergeResults(nodeClass: NodeClass, results: readonly NodeResult[]): unknown[][] {
  return nodeClass.definition.output.map((_, slot) => {
    const isList = nodeClass.definition.output_is_list?.[slot] === true;
    return results.flatMap((result) => {
      const value = result.outputs[slot];
      return isList && Array.isArray(value) ? (value as unknown[]) : [value];
    });
  });
}

export function mergeUi(results: readonly NodeResult[]): UiData | null {
  const parts = results.flatMap((result) => (result.ui ? [result.ui] : []));
  const [first] = parts;
  if (!first) return null;
  return Object.fromEntries(Object.keys(first).map((key) => [key, parts.flatMap((part) => part[key] ?? [])]));
}

/** `extra_data.extra_pnginfo`, null when absent. */
export function extraPngInfoOf(extraData: JsonValue): JsonValue {
  return isJsonObject(extraData) ? (extraData['extra_pnginfo'] ?? null) : null;
}
