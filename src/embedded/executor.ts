import type { Clock } from '../core/clock.js';
import { sleep } from '../core/clock.js';
import type { JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import { CacheKeys } from './cache-keys.js';
import { DynamicGraph } from './dynamic-graph.js';
import { ExecutionList } from './execution-list.js';
import type { RunStatus } from './history.js';
import { InterruptedError, InterruptFlag } from './interrupt.js';
import type { MessageSink } from './messages.js';
import type { EngineFolders, NodeCheckContext, NodeClass, RehearsalOptions } from './node.js';
import { type NodeMeta, OutputCache } from './output-cache.js';
import type { EngineProfile, UiData } from './profile.js';
import type { QueueItem } from './prompt-queue.js';
import { PromptRun } from './prompt-run.js';

/** What can go wrong on purpose while a node runs; see faults.ts. */
export interface ExecutionFaults {
  /** Called before a node is called. May throw, or wait until `signal` aborts. */
  beforeNode(node: { readonly promptId: string; readonly nodeId: string; readonly classType: string }): Promise<void>;
}

export interface ExecutorOptions {
  readonly nodes: ReadonlyMap<string, NodeClass>;
  readonly profile: EngineProfile;
  readonly folders: EngineFolders;
  readonly rehearsal: RehearsalOptions;
  readonly clock: Clock;
  readonly sink: MessageSink;
  readonly faults: ExecutionFaults;
}

export interface RunResult {
  readonly status: RunStatus;
  readonly outputs: Readonly<Record<string, UiData>>;
  readonly meta: Readonly<Record<string, NodeMeta>>;
}

/**
 * Runs prompts, one at a time. It owns what outlives a prompt: the cache of the previous one and the interrupt flag.
 * It also knows whose prompt runs and which node is active, which a client that connects late is told.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #cache = new OutputCache();
  readonly #interrupt = new InterruptFlag();
  #unique = 0;
  #clientId: unknown = null;
  #activeNode: string | null = null;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Client of the prompt that runs, or of the last one. */
  get clientId(): unknown {
    return this.#clientId;
  }

  /** Display id of the node that is active for `clientId`; null while idle. */
  get activeNode(): string | null {
    return this.#activeNode;
  }

  interrupt(): void {
    this.#interrupt.set();
  }

  clearCache(): void {
    this.#cache.clear();
  }

  checkContext(nodeId: string): NodeCheckContext {
    return { nodeId, folders: this.#options.folders, rehearsal: this.#options.rehearsal };
  }

  async run(item: QueueItem): Promise<RunResult> {
    const signal = this.#interrupt.startRun();
    this.#clientId = clientIdOf(item.extraData);
    // The run writes change tokens into its graph; the queue and the history keep theirs as submitted.
    const graph = new DynamicGraph(structuredClone(item.prompt));
    const keys = new CacheKeys(
      this.#options.nodes,
      graph,
      (id) => this.checkContext(id),
      () => `unique ${this.#unique++}`,
    );
    const run = new PromptRun({
      ...this.#options,
      item,
      graph,
      keys,
      cache: this.#cache,
      list: new ExecutionList(this.#options.nodes, graph, this.#cache),
      clientId: this.#clientId,
      signal,
      checkInterrupt: () => this.#interrupt.check(),
      delay: (ms) => this.#delay(ms, signal),
      onActiveNode: (displayId) => {
        this.#activeNode = displayId;
      },
    });
    try {
      return await run.execute();
    } finally {
      this.#activeNode = null;
      this.#interrupt.endRun();
    }
  }

  async #delay(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await sleep(this.#options.clock, ms, signal);
    } catch (error) {
      if (error instanceof InterruptedError) this.#interrupt.acknowledge();
      throw error;
    }
  }
}

/** The client id inside `extra_data`; null when there is none. It need not be a string. */
function clientIdOf(extraData: JsonValue): JsonValue {
  return isJsonObject(extraData) ? (extraData['client_id'] ?? null) : null;
}
