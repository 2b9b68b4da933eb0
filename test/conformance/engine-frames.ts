import type { Message } from './engine-recording.js';

/**
 * Frames of one socket, ready to be compared. Timing decides how often a sleeping node reports and where a queue status
 * falls between the frames of a run, so reports are folded together and statuses are kept apart.
 */
export type Frame =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'binary'; readonly hex: string; readonly length: number };

/** What the recording and the engine are compared by. */
export interface ComparableFrames {
  readonly statuses: readonly Frame[];
  readonly others: readonly Frame[];
}

/** `sleepingPrompts`: ids of prompts whose progress depends on time. */
export function comparable(frames: readonly Frame[], sleepingPrompts: ReadonlySet<string>): ComparableFrames {
  const statuses: Frame[] = [];
  const others: Frame[] = [];
  let last = '';
  for (const frame of frames) {
    if (frame.kind === 'message' && frame.message.type === 'status') {
      statuses.push(frame);
      continue;
    }
    const isSleeping = frame.kind === 'message' && sleepingPrompts.has(String(frame.message.data['prompt_id']));
    if (isSleeping && frame.message.type === 'progress') continue;
    if (!isSleeping || frame.message.type !== 'progress_state') {
      others.push(frame);
      last = '';
      continue;
    }
    const { type, data } = frame.message;
    const folded: Frame = { kind: 'message', message: { type, data: withoutRunningValues(data) } };
    const text = JSON.stringify(folded);
    if (text !== last) others.push(folded);
    last = text;
  }
  return { statuses, others };
}

/** The frames between the first and the last of one run; frames without a prompt id belong to the run around them. */
export interface Segment {
  readonly promptId: string;
  readonly frames: Frame[];
}

export function segments(frames: readonly Frame[]): Segment[] {
  const found: Segment[] = [{ promptId: '', frames: [] }];
  for (const frame of frames) {
    const promptId = frame.kind === 'message' ? frame.message.data['prompt_id'] : undefined;
    if (typeof promptId === 'string' && promptId !== found.at(-1)!.promptId) found.push({ promptId, frames: [] });
    found.at(-1)!.frames.push(frame);
  }
  return found;
}

interface NodeState {
  readonly state: string;
  readonly value: number;
  readonly max: number;
}

/** Two async nodes side by side report in an order that time decides; only their states count then. */
function withoutRunningValues(data: Message['data']): Message['data'] {
  const nodes = Object.entries(data['nodes'] as Record<string, NodeState>).map(([id, node]) => [
    id,
    node.state === 'running' ? { ...node, value: null, max: null } : node,
  ]);
  return { ...data, nodes: Object.fromEntries(nodes) };
}

/** Ids of prompts that contain a sleeping node, from the graphs that were sent. */
export function isSleepingGraph(prompt: unknown): boolean {
  return JSON.stringify(prompt ?? null).includes('Sleep"');
}

/** The order that every run keeps (comfyui.md 2.5): its end, then a status, then `executing: null`, and nothing after. */
export function brokenRunOrder(frames: readonly Frame[]): string[] {
  const problems: string[] = [];
  const messages = frames.flatMap((frame) => (frame.kind === 'message' ? [frame.message] : []));
  messages.forEach((message, index) => {
    if (message.type !== 'executing' || message.data['node'] !== null) return;
    const before = messages.slice(0, index).reverse();
    const status = before.findIndex(({ type }) => type === 'status');
    const end = before.findIndex(
      ({ type, data }) =>
        /^execution_(success|error|interrupted)$/.test(type) && data['prompt_id'] === message.data['prompt_id'],
    );
    if (status < 0 || end < status)
      problems.push(`run order: no status between the end of ${String(message.data['prompt_id'])} and executing null`);
  });
  return problems;
}
