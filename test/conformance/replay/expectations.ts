import type { BackendEvent } from '../../../src/backends/index.js';
import { type Frame, frameOf, isRecord, type RecordedEvent } from './recording.js';

/**
 * What a prompt of a recording must end in, read from the recording itself: from its history where that was recorded,
 * otherwise from the frames of its run. Written apart from `src/comfyui`, and in another way, so that a mistake there is
 * not repeated here.
 */
export interface ExpectedEnd {
  readonly outcome: 'succeeded' | 'failed' | 'interrupted';
  readonly nodeId?: string;
  readonly exceptionType?: string;
  /** `type/subfolder/filename` of every file, sorted. */
  readonly files: readonly string[];
  readonly texts: readonly string[];
}

/** A history entry as JSON: recorded, or rebuilt from frames in the form a server would give it. */
export type HistoryJson = Readonly<Record<string, unknown>>;

export function expectedEnd(entry: HistoryJson): ExpectedEnd {
  const status = isRecord(entry['status']) ? entry['status'] : {};
  const messages = Array.isArray(status['messages']) ? (status['messages'] as [string, Record<string, unknown>][]) : [];
  const broken = messages.find(([name]) => name === 'execution_error');
  const stopped = messages.find(([name]) => name === 'execution_interrupted');
  const found: { files: string[]; texts: string[]; wroteOutput: boolean } = {
    files: [],
    texts: [],
    wroteOutput: false,
  };
  for (const output of Object.values(entry['outputs'] as Record<string, Record<string, unknown>>))
    for (const [key, list] of Object.entries(output ?? {}))
      for (const item of Array.isArray(list) ? list : []) {
        if (key === 'text' && typeof item === 'string') found.texts.push(item);
        if (!isRecord(item) || typeof item['filename'] !== 'string') continue;
        found.wroteOutput ||= item['type'] === 'output';
        found.files.push(`${item['type']}/${item['subfolder']}/${item['filename']}`);
      }
  // Previews count only when there is nothing else.
  const files = found.files.filter((name) => !found.wroteOutput || !name.startsWith('temp/')).sort();
  const rest = { files, texts: found.texts.sort() };
  if (broken !== undefined)
    return {
      outcome: 'failed',
      nodeId: String(broken[1]['node_id']),
      exceptionType: String(broken[1]['exception_type']),
      ...rest,
    };
  if (stopped !== undefined) return { outcome: 'interrupted', ...rest };
  return { outcome: 'succeeded', ...rest };
}

/** The history entry that the frames of a run amount to, or null when the recording does not show its end. */
export function historyFromFrames(
  events: readonly RecordedEvent[],
  promptId: string,
  prompt: unknown,
): HistoryJson | null {
  const messages: [string, unknown][] = [];
  const outputs: Record<string, unknown> = {};
  let ended = false;
  for (const event of events) {
    if (event.k !== 'ws<' && event.k !== 'ws<raw') continue;
    const frame = frameOf(event);
    if (frame?.data['prompt_id'] !== promptId) continue;
    // The same id may have been used before: its last run counts.
    if (frame.type === 'execution_start') messages.length = 0;
    if (frame.type === 'executed' && isRecord(frame.data['output']))
      outputs[String(frame.data['node'])] = frame.data['output'];
    if (frame.type.startsWith('execution_') && frame.data['exception_type'] !== 'ExecutionBlocked')
      messages.push([frame.type, frame.data]);
    ended ||= ['execution_success', 'execution_error', 'execution_interrupted'].includes(frame.type);
  }
  if (!ended) return null;
  const success = messages.some(([type]) => type === 'execution_success');
  return {
    prompt: [0, promptId, prompt, {}, []],
    outputs,
    status: { status_str: success ? 'success' : 'error', completed: success, messages },
    meta: {},
  };
}

/** The error code that a recorded refusal (400) must become. */
export function expectedRefusalCodes(body: unknown): readonly string[] {
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {};
  const message = String(error['message']);
  switch (error['type']) {
    case 'invalid_prompt':
      return message.includes('does not exist') ? ['backend_node_missing'] : ['graph_invalid'];
    case 'no_prompt':
      return ['graph_invalid'];
    case 'prompt_no_outputs':
      return ['backend_rejected_graph', 'graph_invalid'];
    default:
      return ['backend_rejected_graph', 'backend_model_missing'];
  }
}

/** The event that a frame of a prompt of ours must become; null for those that tell users nothing. */
export function expectedEvent(frame: Frame | null): BackendEvent['type'] | null {
  switch (frame?.type) {
    case undefined:
      return 'preview';
    case 'execution_start':
      return 'started';
    case 'execution_cached':
      return 'cached';
    case 'executing':
      return frame.data['node'] === null ? 'ended' : 'node';
    case 'progress':
      return 'progress';
    case 'execution_error':
      return frame.data['exception_type'] === 'ExecutionBlocked' ? 'warning' : null;
    default:
      return null;
  }
}
