import { Readable } from 'node:stream';
import {
  type AttemptOutput,
  type AttemptResult,
  BACKEND_SPEC_VERSION,
  type Backend,
  type BackendCapabilities,
  type BackendEvent,
  type BackendHealth,
  type CancelOutcome,
  type FileOutput,
  type OpenedOutput,
  type Sighting,
  type SubmitOutcome,
  type SubmitRequest,
  type UploadedFile,
  type UploadFile,
} from '../backends/spec.js';
import { BackendError, type EaselError } from '../core/errors.js';

/** What the next submit does. */
export type SubmitScript =
  | 'accept'
  /** Accepted, but the answer is lost. */
  | 'accept-unanswered'
  /** Lost on the way: not accepted, and the caller cannot know. */
  | 'lose'
  | { readonly refuse: EaselError };

interface FakeRun {
  state: 'queued' | 'running' | 'finished';
  result: AttemptResult | null;
  readonly request: SubmitRequest;
}

/**
 * A backend in memory that does what a test tells it: one prompt at a time runs until the test ends it. It keeps the
 * promises of `Backend` and counts every call, so that a test can say "submitted once".
 */
export class FakeBackend implements Backend {
  readonly specVersion = BACKEND_SPEC_VERSION;
  readonly kind = 'comfyui' as const;
  readonly id: string;
  readonly displayUrl: string;
  readonly calls = { submit: 0, find: 0, cancel: 0, openOutput: 0, upload: 0 };
  /** Attempt ids in the order in which they were accepted. */
  readonly accepted: string[] = [];
  readonly uploads = new Map<string, Buffer>();
  readonly files = new Map<string, Buffer>();
  /** Ends every accepted prompt at once with these outputs. */
  autoFinish: ((request: SubmitRequest) => readonly AttemptOutput[]) | null = null;
  healthState: BackendHealth['state'] = 'ready';
  vramBytes: number | null = null;
  /** Thrown by `find`, `cancel` and `openOutput` while set: the connection is down. */
  unreachable: EaselError | null = null;
  /** A stuck node: `cancel` answers `stopping` while true. */
  ignoresCancel = false;
  readonly #scripts: SubmitScript[] = [];
  readonly #runs = new Map<string, FakeRun>();
  readonly #listeners = new Set<(event: BackendEvent) => void>();
  readonly #waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(options: { readonly id?: string } = {}) {
    this.id = options.id ?? 'fake';
    this.displayUrl = `fake:${this.id}`;
  }

  async start(): Promise<void> {
    this.emit({ type: 'connected', first: true });
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** Scripts for the next submits, in order; after them submits are accepted. */
  script(...scripts: readonly SubmitScript[]): void {
    this.#scripts.push(...scripts);
  }

  /** Resolves when so many prompts were accepted in all. */
  whenAccepted(count: number): Promise<void> {
    if (this.accepted.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count, resolve }));
  }

  emit(event: BackendEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Ends a run; `silently` without the event, as if the socket had been down. */
  finish(attemptId: string, result: Partial<AttemptResult> = {}, options: { readonly silently?: boolean } = {}): void {
    const run = this.#runs.get(attemptId);
    if (run === undefined) throw new Error(`The fake backend does not know ${attemptId}.`);
    run.state = 'finished';
    run.result = { outcome: 'succeeded', outputs: [], runMs: 5, ...result };
    if (options.silently !== true) this.emit({ type: 'ended', attemptId });
  }

  /** The backend restarts: nothing is known any more. */
  forgetAll(): void {
    this.#runs.clear();
    this.emit({ type: 'disconnected', reason: 'restart' });
    this.emit({ type: 'connected', first: false });
  }

  /** A file output whose bytes `openOutput` will deliver. */
  addFile(filename: string, bytes: Buffer, nodeId = '9'): FileOutput {
    this.files.set(filename, bytes);
    return { kind: 'image', nodeId, key: 'images', filename, subfolder: '', type: 'output' };
  }

  async submit(request: SubmitRequest): Promise<SubmitOutcome> {
    this.calls.submit += 1;
    const script = this.#scripts.shift() ?? 'accept';
    if (typeof script === 'object') return { kind: 'refused', error: script.refuse };
    if (script !== 'lose') this.#accept(request);
    if (script === 'accept') return { kind: 'accepted' };
    return {
      kind: 'unknown',
      error: new BackendError('backend_unreachable', 'The connection broke before the answer came.'),
    };
  }

  async find(attemptId: string): Promise<Sighting> {
    this.calls.find += 1;
    if (this.unreachable !== null) throw this.unreachable;
    const run = this.#runs.get(attemptId);
    if (run === undefined) return { state: 'absent' };
    if (run.result !== null) return { state: 'finished', result: run.result };
    return run.state === 'queued' ? { state: 'queued', position: 0 } : { state: 'running' };
  }

  async listOpen(): Promise<readonly string[]> {
    if (this.unreachable !== null) throw this.unreachable;
    return [...this.#runs.values()].flatMap((run) => (run.result === null ? run.request.attemptId : []));
  }

  async cancel(attemptId: string): Promise<CancelOutcome> {
    this.calls.cancel += 1;
    if (this.unreachable !== null) throw this.unreachable;
    const run = this.#runs.get(attemptId);
    if (run === undefined) return { state: 'absent' };
    if (run.result !== null) return { state: 'finished', result: run.result };
    if (this.ignoresCancel) return { state: 'stopping' };
    this.#runs.delete(attemptId);
    return { state: 'cancelled' };
  }

  async openOutput(output: FileOutput): Promise<OpenedOutput> {
    this.calls.openOutput += 1;
    if (this.unreachable !== null) throw this.unreachable;
    const bytes = this.files.get(output.filename);
    if (bytes === undefined) throw new BackendError('output_unavailable', `No file ${output.filename}.`);
    return { stream: Readable.from([bytes]), contentType: 'image/png', contentLength: bytes.length };
  }

  async upload(file: UploadFile): Promise<UploadedFile> {
    this.calls.upload += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of await file.open()) chunks.push(chunk as Buffer);
    this.uploads.set(file.filename, Buffer.concat(chunks));
    return { inputValue: `easel/${file.filename}` };
  }

  onEvent(listener: (event: BackendEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async health(): Promise<BackendHealth> {
    return {
      state: this.healthState,
      latencyMs: 0,
      checkedAt: 0,
      ...(this.vramBytes === null ? {} : { vramBytes: this.vramBytes }),
    };
  }

  async capabilities(): Promise<BackendCapabilities> {
    return { version: null, nodeDefinitions: {}, devices: [], maxUploadBytes: null };
  }

  #accept(request: SubmitRequest): void {
    const { attemptId } = request;
    this.#runs.set(attemptId, { state: 'running', result: null, request });
    this.accepted.push(attemptId);
    for (const waiter of [...this.#waiters]) {
      if (this.accepted.length < waiter.count) continue;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
    this.emit({ type: 'started', attemptId });
    if (this.autoFinish !== null) this.finish(attemptId, { outputs: this.autoFinish(request) });
  }
}
