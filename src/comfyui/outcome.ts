import { BackendError, type ErrorInfo } from '../core/errors.js';
import { type OutputSource, type RunOutput, readOutputs, type TempOutputs } from './outputs.js';
import { type HistoryEntry, isRecord } from './schemas.js';

/** How a run ended, from its history entry (comfyui.md 1.5, 8.1). JSON-safe. */
export interface RunResult {
  readonly outcome: 'succeeded' | 'failed' | 'interrupted';
  readonly error?: ErrorInfo;
  readonly outputs: readonly RunOutput[];
  /** By the server's clock, when it tells. */
  readonly runMs?: number;
  readonly cachedNodeIds?: readonly string[];
}

export interface OutcomeOptions {
  readonly temp?: TempOutputs;
}

type Message = readonly [type: string, data: Readonly<Record<string, unknown>>];

/** A node that blocks with a message reports an error of this type, and the run goes on: a warning (comfyui.md 2.3). */
export const EXECUTION_BLOCKED = 'ExecutionBlocked';

export function interpretHistory(entry: HistoryEntry, options: OutcomeOptions = {}): RunResult {
  const graph = isRecord(entry.prompt[2]) ? entry.prompt[2] : {};
  const messages = (entry.status?.messages ?? []).map(([type, data]): Message => [type, isRecord(data) ? data : {}]);
  const source: OutputSource = { graphNodeIds: Object.keys(graph), outputs: entry.outputs, meta: entry.meta };
  const common = {
    outputs: readOutputs(source, options.temp ?? 'when-alone'),
    ...runTime(messages),
    ...cachedNodes(messages),
  };
  const failure = failureOf(entry, messages, graph, common.outputs.length > 0);
  return failure === null ? { outcome: 'succeeded', ...common } : { ...failure, ...common };
}

/**
 * The messages decide, not `status_str`: a dependency cycle that shows only at run time is recorded as a completed
 * success with an `execution_error` in its messages, and an interrupted run as an error.
 */
function failureOf(
  entry: HistoryEntry,
  messages: readonly Message[],
  graph: Readonly<Record<string, unknown>>,
  hasOutputs: boolean,
): Pick<RunResult, 'outcome' | 'error'> | null {
  const error = dataOf(messages, (type, data) => type === 'execution_error' && !isBlocked(data));
  if (error !== null) return { outcome: 'failed', error: nodeFailure(error, graph).toInfo() };
  const interruption = dataOf(messages, (type) => type === 'execution_interrupted');
  if (interruption !== null) return { outcome: 'interrupted', error: interrupted(interruption).toInfo() };
  if (dataOf(messages, (type) => type === 'execution_success') !== null) return null;
  const { status } = entry;
  if (status !== null && status.completed !== false && status.status_str !== 'error') return null;
  // Servers that keep no status at all: what came out is all the evidence there is.
  if (status === null && hasOutputs) return null;
  return {
    outcome: 'failed',
    error: new BackendError('node_failed', 'The backend lists the run as failed and does not say why.', {
      hint: 'Look into the log of the backend.',
    }).toInfo(),
  };
}

function dataOf(
  messages: readonly Message[],
  matches: (type: string, data: Readonly<Record<string, unknown>>) => boolean,
): Readonly<Record<string, unknown>> | null {
  return messages.find(([type, data]) => matches(type, data))?.[1] ?? null;
}

function isBlocked(data: Readonly<Record<string, unknown>>): boolean {
  return data['exception_type'] === EXECUTION_BLOCKED;
}

const MAX_EXCEPTION_LENGTH = 4_000;
const MAX_TRACEBACK_LINES = 20;
const MAX_TRACEBACK_LINE_LENGTH = 500;

/** Python's own names, and the words of runtimes that raise a plain RuntimeError when memory runs out. */
const OUT_OF_MEMORY_TYPE = /(?:^|\.)(?:OutOfMemoryError|MemoryError)$/;
const OUT_OF_MEMORY_TEXT =
  /\b(?:CUDA|HIP|MPS|XPU|backend)\b.{0,40}\bout of memory\b|not enough memory: you tried to allocate/i;

/** An `execution_error` payload. The message names the node and what it raised. */
function nodeFailure(data: Readonly<Record<string, unknown>>, graph: Readonly<Record<string, unknown>>): BackendError {
  const nodeId = text(data['node_id']);
  const nodeType = text(data['node_type']);
  const exceptionType = text(data['exception_type']) || 'an exception';
  const exceptionMessage = text(data['exception_message']).trim().slice(0, MAX_EXCEPTION_LENGTH);
  const outOfMemory = OUT_OF_MEMORY_TYPE.test(exceptionType) || OUT_OF_MEMORY_TEXT.test(exceptionMessage);
  const title = titleOf(graph, nodeId);
  const traceback = Array.isArray(data['traceback'])
    ? data['traceback'].filter((line) => typeof line === 'string')
    : [];
  return new BackendError(
    outOfMemory ? 'out_of_memory' : 'node_failed',
    `${describeNode(nodeId, nodeType, title)} raised ${exceptionType}: ${firstLine(exceptionMessage)}`,
    {
      details: {
        nodeId,
        nodeType,
        ...(title === null ? {} : { nodeTitle: title }),
        exceptionType,
        exceptionMessage,
        traceback: traceback.slice(-MAX_TRACEBACK_LINES).map((line) => line.slice(0, MAX_TRACEBACK_LINE_LENGTH)),
      },
    },
  );
}

function interrupted(data: Readonly<Record<string, unknown>>): BackendError {
  const nodeId = text(data['node_id']);
  const nodeType = text(data['node_type']);
  return new BackendError(
    'backend_interrupted',
    nodeId === ''
      ? 'The run was interrupted on the backend.'
      : `The run was interrupted on the backend at ${describeNode(nodeId, nodeType, null)}.`,
    { details: { nodeId, nodeType } },
  );
}

/** `Node 3 (KSampler "Upscale pass")`. */
export function describeNode(nodeId: string, classType: string, title: string | null): string {
  const named = [classType, title === null ? '' : JSON.stringify(title)].filter((part) => part !== '').join(' ');
  return `Node ${nodeId === '' ? '?' : nodeId}${named === '' ? '' : ` (${named})`}`;
}

/** The title that the author gave a node, when it differs from its class. */
export function titleOf(graph: Readonly<Record<string, unknown>>, nodeId: string): string | null {
  const node = Object.hasOwn(graph, nodeId) ? graph[nodeId] : null;
  if (!isRecord(node) || !isRecord(node['_meta'])) return null;
  const title = node['_meta']['title'];
  return typeof title === 'string' && title !== '' && title !== node['class_type'] ? title.slice(0, 100) : null;
}

function runTime(messages: readonly Message[]): { runMs?: number } {
  const startedAt = dataOf(messages, (type) => type === 'execution_start')?.['timestamp'];
  const endedAt = dataOf(
    messages,
    (type, data) =>
      type === 'execution_success' ||
      type === 'execution_interrupted' ||
      (type === 'execution_error' && !isBlocked(data)),
  )?.['timestamp'];
  if (typeof startedAt !== 'number' || typeof endedAt !== 'number' || endedAt < startedAt) return {};
  return { runMs: endedAt - startedAt };
}

function cachedNodes(messages: readonly Message[]): { cachedNodeIds?: readonly string[] } {
  const nodes = dataOf(messages, (type) => type === 'execution_cached')?.['nodes'];
  return Array.isArray(nodes) ? { cachedNodeIds: nodes.map(String) } : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function firstLine(message: string): string {
  const line = message.split('\n')[0]?.trim() ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
