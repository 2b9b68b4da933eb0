import {
  type CallOptions,
  ComfyUiHttp,
  ComfyUiSocket,
  type ComfyUiSocketOptions,
  type ConnectionOptions,
  graphShapeError,
  mayHaveBeenAccepted,
  type PromptAnswer,
  type PromptRequest,
  refusalError,
  type TempOutputs,
  type TransportOptions,
} from '../comfyui/index.js';
import { type Clock, systemClock } from '../core/clock.js';
import { BackendError, type EaselError, toEaselError } from '../core/errors.js';
import { type Logger, silentLogger } from '../core/log.js';
import { AttemptBook } from './comfyui-attempts.js';
import { type CancelContext, cancelAttempt } from './comfyui-cancel.js';
import { CapabilityCache } from './comfyui-capabilities.js';
import { ComfyUiEvents } from './comfyui-events.js';
import { openOutputFile, uploadFile } from './comfyui-files.js';
import { lookUp } from './comfyui-lookup.js';
import { failedHealth } from './failed-health.js';
import { BackendListeners } from './listeners.js';
import {
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
} from './spec.js';

export interface ComfyUiBackendOptions extends ConnectionOptions {
  readonly id: string;
  /** `embedded` when the server is our own engine in this process. */
  readonly kind?: 'comfyui' | 'embedded';
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** 0 to 1, exclusive. */
  readonly random?: () => number;
  /** What to do with preview files; `when-alone` keeps them when the run wrote nothing else. */
  readonly tempOutputs?: TempOutputs;
  /** How long `cancel` waits for a node that does not listen. */
  readonly cancelLimitMs?: number;
  readonly http?: Omit<TransportOptions, keyof ConnectionOptions | 'clock' | 'logger'>;
  readonly socket?: Omit<ComfyUiSocketOptions, keyof ConnectionOptions | 'clock' | 'logger' | 'random'>;
}

/** A submit waits this long for a socket that is just connecting; without one the run is only seen by looking. */
const SOCKET_WAIT_MS = 1_500;
const HEALTH_LIMIT_MS = 5_000;
const WITHDRAW_LIMIT_MS = 3_000;

/** One ComfyUI server, spoken to directly. Protocol: comfyui.md 8.1. */
export class ComfyUiBackend implements Backend {
  readonly specVersion = BACKEND_SPEC_VERSION;
  readonly id: string;
  readonly kind: 'comfyui' | 'embedded';
  readonly displayUrl: string;
  readonly #http: ComfyUiHttp;
  readonly #socket: ComfyUiSocket;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #attempts = new AttemptBook();
  readonly #listeners: BackendListeners;
  readonly #capabilities: CapabilityCache;
  readonly #lookup: CancelContext;

  constructor(options: ComfyUiBackendOptions) {
    const { id, kind, random, tempOutputs, cancelLimitMs, http, socket, ...connection } = options;
    this.id = id;
    this.kind = kind ?? 'comfyui';
    this.#clock = options.clock ?? systemClock;
    this.#logger = (options.logger ?? silentLogger).child({ backend: id });
    this.#listeners = new BackendListeners(this.#logger);
    const shared = { ...connection, clock: this.#clock, logger: this.#logger };
    this.#http = new ComfyUiHttp({ ...http, ...shared });
    this.#socket = new ComfyUiSocket({ ...socket, ...shared, ...(random === undefined ? {} : { random }) });
    this.displayUrl = this.#http.displayUrl;
    this.#capabilities = new CapabilityCache(this.#http, this.#clock);
    this.#lookup = {
      http: this.#http,
      attempts: this.#attempts,
      clock: this.#clock,
      temp: tempOutputs ?? 'when-alone',
      version: async (call) => (await this.#capabilities.server(call)).version,
      limitMs: cancelLimitMs ?? 5_000,
    };
    const events = new ComfyUiEvents(this.#attempts, (event) => this.#listeners.tell(event));
    this.#socket.on((event) => {
      if (event.type === 'connected' && !event.first) this.#capabilities.forget();
      events.handle(event);
    });
  }

  async start(): Promise<void> {
    this.#socket.start();
  }

  async close(): Promise<void> {
    await Promise.all([this.#socket.close(), this.#http.close()]);
  }

  async submit(request: SubmitRequest): Promise<SubmitOutcome> {
    const { attemptId, graph } = request;
    if (request.deployment !== undefined) return { kind: 'refused', error: runsGraphsOnly(this.displayUrl) };
    const malformed = graphShapeError(graph);
    if (malformed !== null) return { kind: 'refused', error: malformed };
    // A prompt that starts before the socket is open runs unheard, so a connection about to be made is worth a moment.
    await this.#socket.whenOpen(SOCKET_WAIT_MS);
    const { clientId } = this.#socket;
    // Before the POST: its answer and the first frames race.
    const attempt = this.#attempts.add(attemptId, clientId);
    try {
      const answer = await this.#http.submitPrompt(promptRequest(request, clientId), limits(request));
      const refusal = await this.#refusal(request, answer);
      if (refusal === null) {
        attempt.confirmed = true;
        return { kind: 'accepted' };
      }
      this.#attempts.forget(attemptId);
      return { kind: 'refused', error: refusal };
    } catch (thrown) {
      const error = toEaselError(thrown);
      if (!(error instanceof BackendError) || mayHaveBeenAccepted(error)) return { kind: 'unknown', error };
      this.#attempts.forget(attemptId);
      return { kind: 'refused', error };
    }
  }

  find(attemptId: string, options: CallOptions = {}): Promise<Sighting> {
    return lookUp(this.#lookup, attemptId, options);
  }

  cancel(attemptId: string, options: CallOptions = {}): Promise<CancelOutcome> {
    return cancelAttempt(this.#lookup, attemptId, options);
  }

  async listOpen(options: CallOptions = {}): Promise<readonly string[]> {
    const { running, pending } = await this.#http.queue(options);
    return [...running, ...pending].map((item) => item.promptId);
  }

  openOutput(output: FileOutput, options: CallOptions = {}): Promise<OpenedOutput> {
    return openOutputFile(this.#http, output, options);
  }

  async upload(file: UploadFile, options: CallOptions = {}): Promise<UploadedFile> {
    // A server answers 413 and hangs up in the middle of the body, which looks like a broken line. So ask beforehand.
    const { maxUploadBytes } = await this.#capabilities.server(options);
    return uploadFile(this.#http, file, maxUploadBytes, options);
  }

  onEvent(listener: (event: BackendEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async health(options: CallOptions = {}): Promise<BackendHealth> {
    const startedAt = this.#clock.now();
    const call = { timeoutMs: HEALTH_LIMIT_MS, ...options };
    const common = () => ({ latencyMs: this.#clock.now() - startedAt, checkedAt: startedAt });
    try {
      const queueRemaining = await this.#http.queueRemaining(call);
      const answered = common();
      return { state: 'ready', ...answered, queueRemaining, ...(await this.#factsIfTold(call)) };
    } catch (thrown) {
      return { ...common(), ...failedHealth(thrown) };
    }
  }

  capabilities(options: CallOptions & { readonly refresh?: boolean } = {}): Promise<BackendCapabilities> {
    return this.#capabilities.get(options);
  }

  async #factsIfTold(call: CallOptions): Promise<Pick<BackendHealth, 'version' | 'vramBytes'>> {
    try {
      const { version, devices } = await this.#capabilities.server(call);
      const vramBytes = Math.max(0, ...devices.map((device) => device.vramTotalBytes ?? 0));
      return { ...(version === null ? {} : { version }), ...(vramBytes === 0 ? {} : { vramBytes }) };
    } catch {
      // The queue answered: the server is up. What it is can wait.
      return {};
    }
  }

  /** Why an answered prompt will not, or must not, run. Null: it is queued as sent. */
  async #refusal(request: SubmitRequest, answer: PromptAnswer): Promise<EaselError | null> {
    const { attemptId, graph } = request;
    if (answer.kind === 'rejected') return refusalError(answer, graph);
    if (answer.promptId !== attemptId) {
      await this.#withdraw(answer.promptId);
      return new BackendError(
        'backend_protocol',
        `${this.displayUrl} runs prompts under ids of its own, so a run could not be found again after a restart.`,
        { retryable: false, hint: 'Update ComfyUI to 0.3.64 or later.', details: { promptId: answer.promptId } },
      );
    }
    if (Object.keys(answer.nodeErrors).length === 0) return null;
    // The valid outputs are queued and the others dropped without a word: half of what was asked for is a failure.
    await this.#withdraw(attemptId);
    return refusalError({ nodeErrors: answer.nodeErrors }, graph);
  }

  /** Best effort: what it produces is not collected, so a run that cannot be stopped costs time only. */
  async #withdraw(promptId: string): Promise<void> {
    try {
      const outcome = await cancelAttempt(this.#lookup, promptId, { timeoutMs: WITHDRAW_LIMIT_MS });
      if (outcome.state === 'stopping') this.#logger.warn({ promptId }, 'a refused prompt is still running');
    } catch (error) {
      this.#logger.warn({ promptId, err: toEaselError(error) }, 'a refused prompt could not be withdrawn');
    }
  }
}

function runsGraphsOnly(displayUrl: string): BackendError {
  return new BackendError('deployment_mismatch', `${displayUrl} runs graphs, not deployments of ComfyDeploy.`);
}

function promptRequest(request: SubmitRequest, clientId: string): PromptRequest {
  return {
    graph: request.graph,
    promptId: request.attemptId,
    clientId,
    ...(request.workflow === undefined ? {} : { workflow: request.workflow }),
  };
}

function limits(request: CallOptions): CallOptions {
  return {
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    ...(request.requestId === undefined ? {} : { requestId: request.requestId }),
  };
}
