import { GraphError } from '../core/errors.js';
import { isJsonObject, type JsonObject, type JsonValue, parseLossless } from '../core/json.js';
import type { Graph, UiWorkflow } from './types.js';
import { validateGraph } from './validate.js';

/**
 * From JSON text to a workflow. Files in circulation hold a graph (API format), a UI workflow, or a wrapper around one or
 * both: `{prompt}` as posted to a server, `{workflow, output}` as front end code hands out, history entries.
 */
export interface LoadedWorkflow {
  /** `api`: `graph` is there and runs as it is. `ui`: only `workflow` is there, to be converted. */
  readonly format: 'ui' | 'api';
  readonly graph?: Graph;
  /** With format `api`: embedded in the output files, so that they open in ComfyUI. */
  readonly workflow?: UiWorkflow;
}

export interface ParseOptions {
  /** File name or the like, for messages. */
  readonly sourceName?: string;
  /** Longer texts are refused before they are parsed. */
  readonly maxBytes?: number;
}

export const DEFAULT_MAX_WORKFLOW_BYTES = 64 * 1024 * 1024;

/** Deeper nesting is an attack or an accident; it would overflow the stack of the recursive JSON parser. */
export const MAX_JSON_DEPTH = 200;

/** `api` for an object of nodes, `ui` for LiteGraph JSON, null for anything else. Looks at shape only. */
export function detectFormat(value: unknown): 'ui' | 'api' | null {
  if (!isJsonObject(value)) return null;
  if (Array.isArray(value['nodes'])) return 'ui';
  const nodes = Object.values(value);
  const looksLikeNodes = nodes.length > 0 && nodes.every(isJsonObject);
  return looksLikeNodes && nodes.some((node) => 'class_type' in (node as JsonObject)) ? 'api' : null;
}

/** Throws GraphError `file_not_a_workflow`, `graph_invalid`, `payload_too_large`. */
export function parseWorkflowText(text: string, options: ParseOptions = {}): LoadedWorkflow {
  return readWorkflowValue(parseJsonText(text, options), options);
}

/** JSON of unknown origin: bounded in size and depth, NaN tokens of Python tolerated. */
export function parseJsonText(text: string, options: ParseOptions = {}): JsonValue {
  const { maxBytes = DEFAULT_MAX_WORKFLOW_BYTES } = options;
  if (text.length > maxBytes) {
    throw new GraphError('payload_too_large', `${source(options)} is larger than ${maxBytes} bytes.`);
  }
  // A byte order mark is not JSON, but editors on Windows write one.
  const json = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (json.trim() === '') throw notAWorkflow(options, 'is empty');
  if (!/^\s*[[{]/.test(json)) throw notAWorkflow(options, 'is not JSON');
  if (nestingDepth(json) > MAX_JSON_DEPTH) {
    throw notAWorkflow(options, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  try {
    return parseLossless(json, { pythonTokens: true });
  } catch (error) {
    const reason = error instanceof Error ? ` (${error.message})` : '';
    throw notAWorkflow(options, `is not valid JSON${reason}`, error);
  }
}

function readWorkflowValue(value: JsonValue, options: ParseOptions = {}): LoadedWorkflow {
  const format = detectFormat(value);
  if (format === 'api') return { format, graph: validateGraph(value) };
  if (format === 'ui') return { format, workflow: value as UiWorkflow };
  if (!isJsonObject(value)) throw notAWorkflow(options, 'is JSON, but not an object');
  const wrapped = readWrapper(value, options);
  if (wrapped !== null) return wrapped;
  throw notAWorkflow(options, 'is JSON, but neither a workflow nor a graph of ComfyUI');
}

/** Joins a graph and a workflow that were stored side by side: the graph is what ran, so it is what runs again. */
export function joinGraphAndWorkflow(
  prompt: JsonValue | undefined,
  workflow: JsonValue | undefined,
): LoadedWorkflow | null {
  const ui = detectFormat(workflow) === 'ui' ? (workflow as UiWorkflow) : undefined;
  // An empty prompt object says nothing, but a broken one next to no workflow must be reported as such.
  if (detectFormat(prompt) === 'api') {
    const graph = validateGraph(prompt);
    return ui === undefined ? { format: 'api', graph } : { format: 'api', graph, workflow: ui };
  }
  return ui === undefined ? null : { format: 'ui', workflow: ui };
}

function readWrapper(value: JsonObject, options: ParseOptions): LoadedWorkflow | null {
  const prompt = unwrapText(firstOf(value, ['prompt', 'output', 'workflow_api', 'graph']), options);
  const workflow = unwrapText(value['workflow'] ?? embeddedWorkflow(value), options);
  const joined = joinGraphAndWorkflow(prompt, workflow);
  if (joined !== null) return joined;
  // `{workflow: <graph>}` and `{prompt: <UI workflow>}` are misnomers that scripts write; the shape decides.
  return joinGraphAndWorkflow(workflow, prompt);
}

function firstOf(value: JsonObject, keys: readonly string[]): JsonValue | undefined {
  for (const key of keys) {
    if (value[key] !== undefined && value[key] !== null) return value[key];
  }
  return undefined;
}

/** Where the body of POST /prompt carries the UI workflow. */
function embeddedWorkflow(value: JsonObject): JsonValue | undefined {
  const extraData = value['extra_data'];
  const pngInfo = isJsonObject(extraData) ? extraData['extra_pnginfo'] : undefined;
  return isJsonObject(pngInfo) ? pngInfo['workflow'] : undefined;
}

/** Some tools store JSON as a string inside JSON. */
function unwrapText(value: JsonValue | undefined, options: ParseOptions): JsonValue | undefined {
  if (typeof value !== 'string' || !/^\s*\{/.test(value)) return value;
  return parseJsonText(value, options);
}

/** Deepest nesting of brackets outside strings, without building anything. */
export function nestingDepth(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

export function notAWorkflow(options: ParseOptions, what: string, cause?: unknown): GraphError {
  return new GraphError('file_not_a_workflow', `${source(options)} ${what}.`, cause === undefined ? {} : { cause });
}

function source({ sourceName }: ParseOptions): string {
  return sourceName ?? 'The text';
}
