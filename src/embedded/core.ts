import type { JsonObject } from '../core/json.js';
import type { Logger } from '../core/log.js';
import type { EngineLog } from './engine-log.js';
import { Executor, type ExecutorOptions, type RunResult } from './executor.js';
import { History } from './history.js';
import { PromptQueue, type QueueItem } from './prompt-queue.js';
import { Sockets } from './sockets.js';

/** Faults around a run; see faults.ts. */
export interface RunFaults {
  /** True when the prompt that was just stored shall vanish as if somebody had deleted it. */
  losesNextPrompt(): boolean;
  /** How late the history is written, and whether the frames that announce the end go first. */
  historyDelay(): { readonly ms: number; readonly isAnnouncedFirst: boolean } | null;
  wait(ms: number): Promise<void>;
}

export interface EngineCoreOptions extends Omit<ExecutorOptions, 'sink' | 'faults'> {
  readonly faults: ExecutorOptions['faults'] & RunFaults;
  readonly maxUploadBytes: number;
  readonly logger: Logger;
  readonly log: EngineLog;
}

/**
 * Everything that a restart loses: queue, history, counter, sockets, cache (comfyui.md 3). The engine makes a new one
 * for each life.
 */
export class EngineCore {
  readonly queue: PromptQueue;
  readonly history = new History();
  readonly sockets: Sockets;
  readonly executor: Executor;
  readonly #options: EngineCoreOptions;
  readonly #vanished = new Set<QueueItem>();
  #counter = 0;
  #isDead = false;
  #freesMemory = false;

  constructor(options: EngineCoreOptions) {
    this.#options = options;
    this.queue = new PromptQueue(() => this.sockets.broadcastStatus());
    this.sockets = new Sockets({
      logger: options.logger,
      status: () => this.status(),
      features: () => this.features(),
      activeNodeOf: (clientId) => (this.executor.clientId === clientId ? this.executor.activeNode : null),
    });
    this.executor = new Executor({ ...options, sink: this.sockets });
  }

  status(): object {
    return { exec_info: { queue_remaining: this.queue.remaining } };
  }

  features(): JsonObject {
    const { supports_preview_metadata, ...rest } = this.#options.profile.features;
    return {
      supports_preview_metadata: supports_preview_metadata ?? true,
      max_upload_size: this.#options.maxUploadBytes,
      ...rest,
    };
  }

  /** The next queue number. Refused prompts use one up too. */
  nextNumber(): number {
    return this.#counter++;
  }

  submit(item: QueueItem): void {
    this.queue.put(item);
    this.#options.log.add('got prompt');
    if (this.#options.faults.losesNextPrompt()) this.lose(item.promptId);
  }

  /** Makes a prompt vanish, pending or running, as if somebody else had deleted it: nothing is recorded of it. */
  lose(promptId: string): boolean {
    if (this.queue.delete(promptId)) return true;
    const running = this.queue.running.find((item) => item.promptId === promptId);
    if (!running) return false;
    this.#vanished.add(running);
    this.executor.interrupt();
    return true;
  }

  /** Interrupts what runs; with an id, only when that prompt runs. */
  interrupt(promptId?: string): void {
    if (promptId === undefined || this.queue.running.some((item) => item.promptId === promptId))
      this.executor.interrupt();
  }

  /** Drops the cache once the executor is between two prompts. */
  freeMemory(): void {
    this.#freesMemory = true;
    this.queue.wake();
  }

  /** Runs prompts until `kill`. */
  async work(): Promise<void> {
    while (!this.#isDead) {
      await this.queue.wait();
      if (this.#isDead) return;
      const taken = this.queue.take();
      if (taken) await this.#runOne(taken.task, taken.item);
      if (this.#freesMemory) this.executor.clearCache();
      this.#freesMemory = false;
      // Nodes that never wait would otherwise keep every request waiting.
      await new Promise(setImmediate);
    }
  }

  async #runOne(task: number, item: QueueItem): Promise<void> {
    const startedAt = this.#options.clock.now();
    const result = await this.#run(item);
    if (this.#isDead) return;
    const entry = { item, ...result };
    const isVanished = this.#vanished.delete(item);
    const delay = isVanished ? null : this.#options.faults.historyDelay();
    const record = () => this.history.add(entry);
    if (delay && !delay.isAnnouncedFirst) await this.#options.faults.wait(delay.ms);
    if (this.#isDead) return;
    this.queue.done(task, isVanished || delay?.isAnnouncedFirst ? () => {} : record);
    const { clientId } = this.executor;
    if (clientId !== null && !isVanished) {
      this.sockets.send('executing', { node: null, prompt_id: item.promptId }, clientId);
    }
    if (delay?.isAnnouncedFirst) {
      void this.#options.faults.wait(delay.ms).then(() => {
        if (!this.#isDead) record();
      });
    }
    const seconds = (this.#options.clock.now() - startedAt) / 1000;
    this.#options.log.add(`Prompt executed in ${seconds.toFixed(2)} seconds`);
  }

  async #run(item: QueueItem): Promise<RunResult> {
    try {
      return await this.executor.run(item);
    } catch (error) {
      // A fault of the engine itself. The prompt fails; the executor has to live on.
      this.#options.logger.error({ err: error, promptId: item.promptId }, 'the executor failed');
      return { status: { status_str: 'error', completed: false, messages: [] }, outputs: {}, meta: {} };
    }
  }

  /** Ends this life at once: nothing is sent or recorded any more. */
  kill(): void {
    this.#isDead = true;
    this.sockets.terminateAll();
    this.executor.interrupt();
    this.queue.forget();
    this.queue.wake();
  }
}
