import { ComfyDeployClient, type ComfyDeployClientOptions, type ProducedFile, type Run } from '../comfydeploy/index.js';
import { mayHaveBeenAccepted } from '../comfyui/index.js';
import { type Clock, sleep, systemClock } from '../core/clock.js';
import { BackendError, type EaselError, toEaselError } from '../core/errors.js';
import { type Logger, silentLogger } from '../core/log.js';
import { interpretRun, isSameFile } from './comfydeploy-result.js';
import { type KnownRun, RunBook } from './comfydeploy-runs.js';
import { MARK_INPUT, type SearchContext, searchRun } from './comfydeploy-search.js';
import { type PollTiming, RunWatcher } from './comfydeploy-watch.js';
import { failedHealth } from './failed-health.js';
import { BackendListeners } from './listeners.js';
import { SharedAnswer } from './shared-answer.js';
import {
  BACKEND_SPEC_VERSION,
  type Backend,
  type BackendCapabilities,
  type BackendEvent,
  type BackendHealth,
  type CallOptions,
  type CancelOutcome,
  type FileOutput,
  type LookOptions,
  type OpenedOutput,
  type Sighting,
  type SubmitOutcome,
  type SubmitRequest,
  type UploadedFile,
  type UploadFile,
} from './spec.js';

export interface ComfyDeployBackendOptions extends ComfyDeployClientOptions {
  readonly id: string;
  readonly fetch: NonNullable<ComfyDeployClientOptions['fetch']>;
  /** The webhook URL of an attempt, with a path that nobody can guess; null where nothing can reach us. */
  readonly webhookOf?: (attemptId: string) => Promise<string | null>;
  readonly timing?: Partial<PollTiming>;
  /** How long a submit without an answer may still be on its way. Before that, "not there" means nothing. */
  readonly lostSubmitGraceMs?: number;
  /** How long `cancel` waits for the run to stop. */
  readonly cancelLimitMs?: number;
}

const DEFAULT_TIMING: PollTiming = { pollMs: 2_000, maxPollMs: 15_000, safetyPollMs: 30_000 };
/** Longer than a request may take on our side and in the usual gateways. */
const DEFAULT_GRACE_MS = 90_000;
const HEALTH_LIMIT_MS = 10_000;
const CAPABILITIES_LIMIT_MS = 30_000;
/** Signed URLs live for an hour where the code states it (comfydeploy.md 3.3). */
const FRESH_URL_MS = 5 * 60_000;
const MAX_LISTINGS = 500;

/**
 * ComfyDeploy, or a server that speaks its API: runs deployments, and nothing else. It chooses the run ids, has no event
 * stream, and tells little of what goes wrong; docs/backends.md says what that means for users.
 */
export class ComfyDeployBackend implements Backend {
  readonly specVersion = BACKEND_SPEC_VERSION;
  readonly kind = 'comfydeploy';
  readonly id: string;
  readonly displayUrl: string;
  readonly #client: ComfyDeployClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #search: SearchContext;
  readonly #cancelLimitMs: number;
  readonly #book: RunBook;
  readonly #watcher: RunWatcher;
  readonly #listeners: BackendListeners;
  /** File URLs by run, as last read. */
  readonly #listings = new Map<string, { readonly at: number; readonly files: readonly ProducedFile[] }>();
  readonly #capabilities: SharedAnswer<BackendCapabilities>;

  constructor(options: ComfyDeployBackendOptions) {
    const { id, webhookOf, timing, lostSubmitGraceMs, cancelLimitMs, ...client } = options;
    this.id = id;
    this.#clock = options.clock ?? systemClock;
    this.#logger = (options.logger ?? silentLogger).child({ backend: id });
    this.#listeners = new BackendListeners(this.#logger);
    this.#client = new ComfyDeployClient({ ...client, clock: this.#clock, logger: this.#logger });
    this.displayUrl = this.#client.displayUrl;
    this.#capabilities = new SharedAnswer({
      ...{ clock: this.#clock, displayUrl: this.displayUrl, limitMs: CAPABILITIES_LIMIT_MS },
      ask: () => this.#describe(),
    });
    this.#cancelLimitMs = cancelLimitMs ?? 15_000;
    this.#search = {
      client: this.#client,
      clock: this.#clock,
      graceMs: lostSubmitGraceMs ?? DEFAULT_GRACE_MS,
      webhookOf: async (attemptId) => (await webhookOf?.(attemptId)) ?? null,
    };
    this.#book = new RunBook((run) => this.#watcher.stop(run));
    this.#watcher = new RunWatcher({
      ...DEFAULT_TIMING,
      ...timing,
      clock: this.#clock,
      logger: this.#logger,
      read: (run) => this.#readForEvents(run),
    });
  }

  async start(): Promise<void> {
    this.#listeners.tell({ type: 'connected', first: true });
  }

  async close(): Promise<void> {
    this.#watcher.close(this.#book.all());
    await this.#client.close();
  }

  async submit(request: SubmitRequest): Promise<SubmitOutcome> {
    const { attemptId, deployment } = request;
    if (deployment === undefined) return { kind: 'refused', error: runsDeploymentsOnly(this.displayUrl) };
    const known = this.#book.open(attemptId, {
      deploymentId: deployment.id,
      backendRunId: null,
      sentAt: this.#clock.now(),
    });
    const webhook = await this.#webhookOf(attemptId);
    try {
      const runId = await this.#client.queueRun(
        {
          deploymentId: deployment.id,
          inputs: { ...deployment.inputs, [MARK_INPUT]: attemptId },
          ...(webhook === null ? {} : { webhook }),
        },
        callOptions(request),
      );
      // A report may have been quicker than the answer.
      known.runId ??= runId;
      this.#watcher.watch(known);
      return { kind: 'accepted', backendRunId: runId };
    } catch (thrown) {
      const error = toEaselError(thrown);
      if (!(error instanceof BackendError) || mayHaveBeenAccepted(error)) return { kind: 'unknown', error };
      this.#book.forget(attemptId);
      return { kind: 'refused', error };
    }
  }

  async find(attemptId: string, options: LookOptions = {}): Promise<Sighting> {
    if (options.run === undefined && this.#book.get(attemptId) === undefined) return { state: 'absent' };
    const known = this.#book.open(attemptId, options.run);
    if (known.result !== null) return { state: 'finished', result: known.result };
    const run = await this.#readRun(known, options, true);
    if (run === null) return { state: 'absent' };
    const { sighting } = this.#note(known, run);
    this.#watcher.watch(known);
    return sighting;
  }

  async cancel(attemptId: string, options: LookOptions = {}): Promise<CancelOutcome> {
    const deadlineAt = this.#clock.now() + (options.timeoutMs ?? this.#cancelLimitMs);
    const call = (): LookOptions => ({ ...options, timeoutMs: Math.max(1_000, deadlineAt - this.#clock.now()) });
    let asked = false;
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      const sighting = await this.find(attemptId, call());
      if (sighting.state === 'absent') return { state: asked ? 'cancelled' : 'absent' };
      if (sighting.state === 'finished') {
        const stoppedByUs = asked && sighting.result.outcome === 'interrupted';
        return stoppedByUs ? { state: 'cancelled' } : { state: 'finished', result: sighting.result };
      }
      const runId = this.#book.get(attemptId)?.runId;
      // Refused also in the moment before the machine has the run, so it is asked again.
      const isTaken = runId != null && (await this.#client.cancel(runId, callOptions(call())));
      asked ||= isTaken;
      if (this.#clock.now() + pauseMs > deadlineAt) return { state: 'stopping' };
      // One that was taken shows at the next read.
      if (!isTaken) await sleep(this.#clock, pauseMs, options.signal);
      else if (pauseMs > 100) await sleep(this.#clock, pauseMs / 2, options.signal);
    }
  }

  async openOutput(output: FileOutput, options: CallOptions = {}): Promise<OpenedOutput> {
    for (const isFresh of [false, true]) {
      const url = await this.#urlOf(output, isFresh, options);
      const opened = url === null ? null : await this.#client.openFile(url, options);
      if (opened !== null) return opened;
    }
    const { filename, nodeId, key } = output;
    throw new BackendError('output_unavailable', `ComfyDeploy does not deliver the file ${filename}.`, {
      hint: 'It was deleted there, or it is private and its address is not signed (comfydeploy does that under few keys only).',
      details: { nodeId, key, filename, ...(output.backendRunId === undefined ? {} : { runId: output.backendRunId }) },
    });
  }

  async upload(file: UploadFile, options: CallOptions = {}): Promise<UploadedFile> {
    const { maxUploadBytes } = this.#client;
    if (file.bytes > maxUploadBytes)
      throw new BackendError(
        'payload_too_large',
        `The file has ${file.bytes} bytes and ComfyDeploy takes ${maxUploadBytes} at most.`,
        { details: { maxUploadBytes } },
      );
    const { filename, contentType, bytes } = file;
    const url = await this.#client.upload({
      ...callOptions(options),
      filename,
      contentType,
      bytes,
      stream: await file.open(),
    });
    return { inputValue: url };
  }

  noteReport(attemptId: string, backendRunId: string | null): void {
    const known = this.#book.get(attemptId);
    // Not ours to follow: another node's, or long ended.
    if (known === undefined || known.result !== null) return;
    known.isReported = true;
    if (known.runId === null && backendRunId !== null && !known.foreignRunIds.has(backendRunId))
      known.reportedRunIds.add(backendRunId);
    this.#watcher.lookNow(known);
  }

  onEvent(listener: (event: BackendEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async health(options: CallOptions = {}): Promise<BackendHealth> {
    const startedAt = this.#clock.now();
    const common = () => ({ latencyMs: this.#clock.now() - startedAt, checkedAt: startedAt });
    try {
      await this.#client.probe({ timeoutMs: HEALTH_LIMIT_MS, ...callOptions(options) });
      return { state: 'ready', ...common() };
    } catch (thrown) {
      return { ...common(), ...failedHealth(thrown) };
    }
  }

  /** It runs what its deployments hold: there are no node definitions to know, and no devices to see. */
  async capabilities(options: CallOptions & { readonly refresh?: boolean } = {}): Promise<BackendCapabilities> {
    if (options.refresh === true) this.#capabilities.forget();
    return this.#capabilities.get(options);
  }

  async #describe(): Promise<BackendCapabilities> {
    await this.#client.probe();
    return { version: null, nodeDefinitions: {}, devices: [], maxUploadBytes: this.#client.maxUploadBytes };
  }

  /** One read for whoever watches. True when nothing more is to come. */
  async #readForEvents(known: KnownRun): Promise<boolean> {
    if (known.result !== null) {
      // A look of the caller saw it first.
      this.#listeners.tell({ type: 'ended', attemptId: known.attemptId });
      return true;
    }
    if (known.runId === null && known.reportedRunIds.size === 0) return false;
    const run = known.runId === null ? await searchRun(this.#search, known, {}) : await this.#client.run(known.runId);
    if (run === null) {
      // Only a look of the caller says what that means.
      if (known.runId !== null) this.#listeners.tell({ type: 'ended', attemptId: known.attemptId });
      return known.runId !== null;
    }
    const { sighting } = this.#note(known, run);
    if (sighting.state === 'running') {
      this.#listeners.tell({ type: 'started', attemptId: known.attemptId });
      const fraction = Math.min(1, Math.max(0, run.progress ?? 0));
      this.#listeners.tell({ type: 'share', attemptId: known.attemptId, fraction, label: run.live_status });
    }
    if (sighting.state !== 'finished') return false;
    this.#listeners.tell({ type: 'ended', attemptId: known.attemptId });
    return true;
  }

  async #readRun(known: KnownRun, options: CallOptions, withPosition: boolean): Promise<Run | null> {
    const call = callOptions(options);
    if (known.runId === null) return searchRun(this.#search, known, call);
    return this.#client.run(known.runId, { ...call, withPosition });
  }

  /** Keeps what a read showed for good. */
  #note(known: KnownRun, run: Run): ReturnType<typeof interpretRun> {
    const reading = interpretRun(run);
    if (known.runId !== run.id) {
      known.runId = run.id;
      this.#listeners.tell({ type: 'identified', attemptId: known.attemptId, backendRunId: run.id });
    }
    if (reading.sighting.state === 'finished') {
      known.result ??= reading.sighting.result;
      this.#keepListing(run.id, reading.files);
    }
    return reading;
  }

  async #urlOf(output: FileOutput, isFresh: boolean, options: CallOptions): Promise<string | null> {
    const { backendRunId } = output;
    if (backendRunId === undefined) return null;
    const kept = this.#listings.get(backendRunId);
    let files = kept?.files;
    if (kept === undefined || isFresh || this.#clock.now() - kept.at > FRESH_URL_MS) {
      const run = await this.#client.run(backendRunId, callOptions(options));
      files = run === null ? [] : interpretRun(run).files;
      this.#keepListing(backendRunId, files);
    }
    return files?.find((file) => isSameFile(output, file))?.url ?? null;
  }

  #keepListing(runId: string, files: readonly ProducedFile[]): void {
    this.#listings.delete(runId);
    this.#listings.set(runId, { at: this.#clock.now(), files });
    for (const oldest of this.#listings.keys()) {
      if (this.#listings.size <= MAX_LISTINGS) break;
      this.#listings.delete(oldest);
    }
  }

  /** Without one the run is polled: that a webhook cannot be named is no reason not to run. */
  async #webhookOf(attemptId: string): Promise<string | null> {
    try {
      return await this.#search.webhookOf(attemptId);
    } catch (error) {
      this.#logger.warn({ err: toEaselError(error), attempt: attemptId }, 'a run is submitted without a webhook');
      return null;
    }
  }
}

function runsDeploymentsOnly(displayUrl: string): EaselError {
  return new BackendError('deployment_mismatch', `${displayUrl} runs deployments, and was given a graph.`);
}

function callOptions({ signal, timeoutMs }: CallOptions): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}
