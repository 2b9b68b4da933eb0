import type { BackendEvent } from '../../../src/backends/index.js';
import type { Actor } from './actor.js';
import { type ExpectedEnd, expectedEnd, type HistoryJson, historyFromFrames } from './expectations.js';
import {
  answerBytes,
  answerJson,
  type Frame,
  frameOf,
  isRecord,
  type RecordedAnswer,
  type RecordedEvent,
  type RecordedRequest,
} from './recording.js';
import type { ReceivedRequest } from './replay-server.js';

export interface Prompt {
  readonly id: string;
  /** As recorded; null: sent without, so that parts of its frames go to everybody. */
  readonly recordedClientId: string | null;
  readonly graph: unknown;
  readonly actor: Actor;
  /** The client id in our own POST. */
  sentWith: string;
  /** `gone`: its server ended. */
  state: 'pending' | 'running' | 'done' | 'deleted' | 'gone';
  history: { readonly bytes: Buffer; readonly expected: ExpectedEnd } | null;
  /** What the frames that were sent to us must become, in order. */
  readonly expectedEvents: BackendEvent['type'][];
}

/** The server's state that a recording implies: which prompts wait, run and have ended at the moment that is played. */
export class PromptBook {
  readonly #events: readonly RecordedEvent[];
  readonly #version: string;
  readonly #prompts = new Map<string, Prompt>();

  constructor(events: readonly RecordedEvent[], version: string) {
    this.#events = events;
    this.#version = version;
  }

  get all(): Prompt[] {
    return [...this.#prompts.values()];
  }

  get running(): Prompt | undefined {
    return this.all.find((prompt) => prompt.state === 'running');
  }

  get(id: unknown): Prompt | undefined {
    return this.#prompts.get(String(id));
  }

  add(id: string, recordedClientId: string | null, graph: unknown, actor: Actor): void {
    // Where no frame will tell of its start, it counts as started.
    const state = this.#framesTellStartOf(id) ? 'pending' : 'running';
    // The same id may be used again; what is heard of its runs adds up.
    const expectedEvents = this.#prompts.get(id)?.expectedEvents ?? [];
    this.#prompts.set(id, {
      id,
      recordedClientId,
      graph,
      actor,
      sentWith: '',
      state,
      history: null,
      expectedEvents,
    });
  }

  /** What a frame says about its prompt. The history is there from the end of the run on, before the last frames. */
  advance(frame: Frame, index: number): void {
    const prompt = this.get(frame.data['prompt_id']);
    if (prompt === undefined || prompt.state === 'deleted') return;
    if (frame.type === 'execution_start') prompt.state = 'running';
    const over = ['execution_success', 'execution_error', 'execution_interrupted'].includes(frame.type);
    if (over && frame.data['exception_type'] !== 'ExecutionBlocked') this.end(prompt, index);
  }

  end(prompt: Prompt, index: number): void {
    prompt.state = 'done';
    prompt.history = this.#recordedHistory(prompt.id, index) ?? this.#rebuiltHistory(prompt);
  }

  /** What a recorded request does to prompts that wait or have ended. */
  noteEffect(request: RecordedRequest, answer: RecordedAnswer): void {
    if (request.method !== 'POST' || answer.status !== 200 || !isRecord(request.body)) return;
    const { delete: ids, clear } = request.body;
    for (const prompt of this.all) {
      if (clear !== true && !(Array.isArray(ids) && ids.includes(prompt.id))) continue;
      if (request.path === '/history') prompt.history = null;
      // The same id may be queued twice, and a deletion removes one: then frames tell of the other.
      const runsLater = historyFromFrames(this.#events, prompt.id, prompt.graph) !== null;
      if (request.path === '/queue' && prompt.state === 'pending' && !runsLater) prompt.state = 'deleted';
    }
  }

  /** Answers a request that is not in the recording: the client looks around on its own. */
  answer(request: ReceivedRequest): unknown {
    if (request.pathname === '/queue' && request.method === 'POST') {
      for (const id of JSON.parse(request.body.toString('utf8')).delete ?? []) {
        const prompt = this.get(id);
        if (prompt !== undefined) prompt.state = 'deleted';
      }
      return {};
    }
    const listed = (state: Prompt['state']) =>
      this.all.filter((prompt) => prompt.state === state).map((prompt, index) => [index, prompt.id, {}, {}, []]);
    if (request.pathname === '/queue') return { queue_running: listed('running'), queue_pending: listed('pending') };
    if (request.pathname === '/system_stats') return { system: { comfyui_version: this.#version }, devices: [] };
    if (!request.pathname.startsWith('/history/')) return {};
    const prompt = this.get(decodeURIComponent(request.pathname.slice('/history/'.length)));
    return prompt?.state === 'done' && prompt.history !== null ? prompt.history.bytes : {};
  }

  answerTo(index: number): RecordedAnswer {
    const answer = this.#events.slice(index + 1).find((event) => event.k === 'http<');
    if (answer?.k !== 'http<') throw new Error('A recorded request has no answer.');
    return answer;
  }

  #recordedHistory(promptId: string, index: number): Prompt['history'] {
    const path = `/history/${encodeURIComponent(promptId)}`;
    for (let at = index; at < this.#events.length; at += 1) {
      const request = this.#events[at];
      if (request?.k !== 'http>' || request.path !== path) continue;
      const answer = this.answerTo(at);
      const entry = answerJson(answer);
      if (!isRecord(entry) || !isRecord(entry[promptId])) continue;
      return { bytes: answerBytes(answer), expected: expectedEnd(entry[promptId] as HistoryJson) };
    }
    return null;
  }

  #rebuiltHistory(prompt: Prompt): Prompt['history'] {
    const entry = historyFromFrames(this.#events, prompt.id, prompt.graph);
    if (entry === null) return null;
    return { bytes: Buffer.from(JSON.stringify({ [prompt.id]: entry })), expected: expectedEnd(entry) };
  }

  #framesTellStartOf(promptId: string): boolean {
    return this.#events.some((event) => {
      const frame = event.k === 'ws<' || event.k === 'ws<raw' ? frameOf(event) : null;
      return frame?.type === 'execution_start' && frame.data['prompt_id'] === promptId;
    });
  }
}
