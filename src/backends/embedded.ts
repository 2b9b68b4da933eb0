import type { CallOptions } from '../comfyui/index.js';
import { type Clock, systemClock } from '../core/clock.js';
import { BackendError, toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import {
  EmbeddedEngine,
  type EmbeddedEngineOptions,
  type EngineVersion,
  type RehearsalOptions,
} from '../embedded/index.js';
import { createCoreNodes } from '../embedded/nodes/index.js';
import { ComfyUiBackend, type ComfyUiBackendOptions } from './comfyui.js';
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

export interface EmbeddedBackendOptions {
  readonly id: string;
  /** Absolute folder for the engine's files. */
  readonly dataDir: string;
  readonly rehearsal: RehearsalOptions;
  /** Which ComfyUI release the engine plays. */
  readonly version?: EngineVersion;
  /** Instead of the engine's own node library. */
  readonly nodes?: EmbeddedEngineOptions['nodes'];
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly socket?: ComfyUiBackendOptions['socket'];
}

/**
 * The engine inside this process. It listens on a free loopback port and is spoken to by the same adapter as any other
 * ComfyUI, over real HTTP and websocket: what works here works there.
 */
export class EmbeddedBackend implements Backend {
  readonly specVersion = BACKEND_SPEC_VERSION;
  readonly kind = 'embedded';
  readonly id: string;
  /** For tests (faults, restart) and for its folders. */
  readonly engine: EmbeddedEngine;
  readonly #options: EmbeddedBackendOptions;
  readonly #listeners: BackendListeners;
  #starting: Promise<void> | null = null;
  #adapter: ComfyUiBackend | null = null;

  constructor(options: EmbeddedBackendOptions) {
    const { id, dataDir, rehearsal, clock, logger } = options;
    const version = options.version ?? '0.8.0';
    this.id = id;
    this.#options = options;
    this.#listeners = new BackendListeners(logger);
    this.engine = new EmbeddedEngine({
      nodes:
        options.nodes ??
        createCoreNodes({ rehearsal, profile: version, now: () => new Date((clock ?? systemClock).now()) }),
      dataDir,
      version,
      rehearsal,
      ...(clock === undefined ? {} : { clock }),
      ...(logger === undefined ? {} : { logger: logger.child({ backend: id }) }),
    });
  }

  /** The address of the engine once it listens. */
  get displayUrl(): string {
    return this.#adapter?.displayUrl ?? 'embedded';
  }

  /** Throws when the engine cannot start: its folder cannot be written. A second call waits for the first. */
  async start(): Promise<void> {
    this.#starting ??= this.#start();
    await this.#starting;
  }

  async close(): Promise<void> {
    await this.#starting?.catch(() => {});
    // The client first, so that it does not take the end of the engine for a lost connection.
    await this.#adapter?.close();
    await this.engine.close();
  }

  async submit(request: SubmitRequest): Promise<SubmitOutcome> {
    try {
      return await this.#started().submit(request);
    } catch (thrown) {
      return { kind: 'refused', error: toEaselError(thrown) };
    }
  }

  async find(attemptId: string, options?: CallOptions): Promise<Sighting> {
    return this.#started().find(attemptId, options);
  }

  async cancel(attemptId: string, options?: CallOptions): Promise<CancelOutcome> {
    return this.#started().cancel(attemptId, options);
  }

  async listOpen(options?: CallOptions): Promise<readonly string[]> {
    return this.#started().listOpen(options);
  }

  async openOutput(output: FileOutput, options?: CallOptions): Promise<OpenedOutput> {
    return this.#started().openOutput(output, options);
  }

  async upload(file: UploadFile, options?: CallOptions): Promise<UploadedFile> {
    return this.#started().upload(file, options);
  }

  /** May be called before `start`. */
  onEvent(listener: (event: BackendEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async health(options?: CallOptions): Promise<BackendHealth> {
    if (this.#adapter !== null) return this.#adapter.health(options);
    const checkedAt = (this.#options.clock ?? systemClock).now();
    return { state: 'unreachable', latencyMs: 0, checkedAt, error: this.#notStarted().toInfo() };
  }

  async capabilities(options?: CallOptions & { readonly refresh?: boolean }): Promise<BackendCapabilities> {
    return this.#started().capabilities(options);
  }

  async #start(): Promise<void> {
    const { id, clock, logger, socket } = this.#options;
    const { url } = await this.engine.start();
    const adapter = new ComfyUiBackend({
      id,
      kind: 'embedded',
      baseUrl: url,
      ...(clock === undefined ? {} : { clock }),
      ...(logger === undefined ? {} : { logger }),
      ...(socket === undefined ? {} : { socket }),
    });
    adapter.onEvent((event) => this.#listeners.tell(event));
    await adapter.start();
    this.#adapter = adapter;
  }

  #started(): ComfyUiBackend {
    if (this.#adapter === null) throw this.#notStarted();
    return this.#adapter;
  }

  #notStarted(): BackendError {
    return new BackendError('backend_unreachable', 'The embedded engine has not been started.', {
      hint: 'Start the backend before it is used.',
      details: { requestSent: false },
    });
  }
}
