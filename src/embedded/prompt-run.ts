import { isJsonObject } from '../core/json.js';
import type { Graph } from '../graph/types.js';
import { isLink } from '../graph/types.js';
import type { CacheKeys } from './cache-keys.js';
import type { DynamicGraph, RunNode } from './dynamic-graph.js';
import type { ExecutionList } from './execution-list.js';
import type { ExecutorOptions, RunResult } from './executor.js';
import { expandedGraph, expansionResults } from './expansion.js';
import type { RunStatus } from './history.js';
import type { EnginePreview, NodeClass, NodeContext, NodeResult } from './node.js';
import {
  type Call,
  callNode,
  extraPngInfoOf,
  mergeResults,
  mergeUi,
  type ResolvedInputs,
  resolveInputs,
} from './node-runner.js';
import type { NodeMeta, OutputCache } from './output-cache.js';
import type { UiData } from './profile.js';
import { ProgressTracker } from './progress.js';
import type { QueueItem } from './prompt-queue.js';
import { PythonError } from './python-errors.js';
import { RunReporter } from './run-reporter.js';

export interface PromptRunOptions extends ExecutorOptions {
  readonly item: QueueItem;
  readonly graph: DynamicGraph;
  readonly keys: CacheKeys;
  readonly cache: OutputCache;
  readonly list: ExecutionList;
  /** Null when the prompt named no client: then most messages are not sent, and some go to everybody. */
  readonly clientId: unknown;
  readonly signal: AbortSignal;
  readonly checkInterrupt: () => void;
  readonly delay: (ms: number) => Promise<void>;
  readonly onActiveNode: (displayId: string) => void;
}

/** What a node still waits for: its own promises, or the nodes it expanded into. */
type Waiting =
  | { readonly kind: 'calls'; readonly calls: readonly Call[] }
  | { readonly kind: 'expansion'; readonly results: readonly NodeResult[] };

/** `pending` means: called again once what it waits for is there. */
type Step = 'done' | 'pending';

/** One run of one prompt, from `execution_start` to the last node. */
export class PromptRun {
  readonly #options: PromptRunOptions;
  readonly #reporter: RunReporter;
  readonly #progress: ProgressTracker;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ui = new Map<string, { readonly meta: NodeMeta; readonly output: UiData }>();
  #currentInputs: ResolvedInputs | null = null;

  constructor(options: PromptRunOptions) {
    this.#options = options;
    this.#reporter = new RunReporter({ ...options, promptId: options.item.promptId });
    this.#progress = new ProgressTracker(options.sink, options.graph, options.item.promptId, options.clientId);
  }

  async execute(): Promise<RunResult> {
    const { item, graph, keys, cache, list } = this.#options;
    this.#reporter.started();
    const ids = Object.keys(graph.prompt);
    await cache.setNodes(graph, ids, keys);
    cache.cleanUnused();
    this.#reporter.cached(ids.filter((id) => cache.outputs(id) !== undefined));
    const currentOutputs = cache.ids();
    for (const id of item.outputs) list.add(id);

    let isSuccess = true;
    let isComplete = true;
    while (!list.isEmpty) {
      const next = await list.next();
      if ('cycle' in next) {
        this.#reporter.cycle(next.cycle, currentOutputs);
        // A quirk: the run counts as a success although it ended here (comfyui.md 1.5).
        isComplete = false;
        break;
      }
      try {
        if ((await this.#step(next.id)) === 'done') list.complete(next.id);
      } catch (error) {
        this.#reporter.failed(next.id, error, this.#currentInputs, currentOutputs);
        isSuccess = false;
        isComplete = false;
        break;
      }
      // Requests are served between nodes, an interrupt among them.
      await new Promise(setImmediate);
    }
    if (isComplete) this.#reporter.succeeded();
    const status: RunStatus = {
      status_str: isSuccess ? 'success' : 'error',
      completed: isSuccess,
      messages: this.#reporter.messages,
    };
    return { status, ...this.#history() };
  }

  async #step(id: string): Promise<Step> {
    const { cache, graph, nodes } = this.#options;
    const cached = cache.get(id);
    if (cached?.outputs !== undefined) {
      this.#reporter.executed(id, cached.ui?.output ?? null);
      if (cached.ui) this.#ui.set(id, cached.ui);
      this.#progress.finish(id);
      return 'done';
    }
    this.#currentInputs = null;
    const nodeClass = nodes.get(graph.node(id).class_type)!;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting?.kind === 'expansion') {
      this.#finish(
        id,
        nodeClass,
        expansionResults(waiting.results, (source) => cache.outputs(source)),
      );
      return 'done';
    }
    const results = waiting ? await Promise.all(waiting.calls.map(resultOf)) : await this.#call(id, nodeClass);
    return results ? this.#accept(id, nodeClass, results) : 'pending';
  }

  /** Calls the node. Null when it has to wait: for lazy inputs it asked for, or for its own promise. */
  async #call(id: string, nodeClass: NodeClass): Promise<NodeResult[] | null> {
    const { cache, clientId, faults, graph, item, list, checkInterrupt } = this.#options;
    this.#progress.start(id);
    const inputs = resolveInputs(
      graph,
      id,
      nodeClass,
      (source) => cache.outputs(source),
      extraPngInfoOf(item.extraData),
    );
    this.#currentInputs = inputs;
    const displayId = graph.displayId(id);
    if (clientId !== null) this.#options.onActiveNode(displayId);
    this.#reporter.executing(id, displayId);
    await faults.beforeNode({ promptId: item.promptId, nodeId: id, classType: graph.node(id).class_type });
    const context = this.#context(id);
    if (nodeClass.checkLazy && this.#requireLazyInputs(id, nodeClass, inputs, context)) return null;
    const calls = await callNode({
      nodeClass,
      inputs,
      context,
      checkInterrupt,
      onBlocked: (blocker) => this.#reporter.blocked(id, blocker),
    });
    const pending = calls.flatMap((call) => ('pending' in call ? [call.pending] : []));
    if (pending.length === 0) return Promise.all(calls.map(resultOf));
    this.#waiting.set(id, { kind: 'calls', calls });
    const unblock = list.block(id);
    void Promise.allSettled(pending).then(unblock);
    return null;
  }

  #requireLazyInputs(id: string, nodeClass: NodeClass, inputs: ResolvedInputs, context: NodeContext): boolean {
    const first = Object.fromEntries(Array.from(inputs.values, ([name, list]) => [name, list[0]]));
    const wanted = nodeClass.checkLazy!(nodeClass.inputIsList ? Object.fromEntries(inputs.values) : first, context);
    const missing = [...new Set(wanted)].filter((name) => !inputs.values.has(name));
    return missing.filter((name) => this.#options.list.requireInput(id, name)).length > 0;
  }

  /** Takes the results of a node: announces its UI data, and stores its outputs or starts its expansion. */
  async #accept(id: string, nodeClass: NodeClass, results: readonly NodeResult[]): Promise<Step> {
    const { cache, graph, profile } = this.#options;
    const merged = mergeUi(results);
    if (merged) {
      const output = profile.adjustUi(graph.node(id).class_type, merged);
      const ui = { meta: this.#meta(id), output };
      cache.setUi(id, ui);
      this.#ui.set(id, ui);
      this.#reporter.executed(id, output);
    }
    if (results.some((result) => result.expand !== undefined)) {
      await this.#expand(id, results);
      return 'pending';
    }
    this.#finish(id, nodeClass, results);
    return 'done';
  }

  #finish(id: string, nodeClass: NodeClass, results: readonly NodeResult[]): void {
    this.#options.cache.setOutputs(id, mergeResults(nodeClass, results));
    this.#progress.finish(id);
    this.#reporter.markExecuted(id);
  }

  async #expand(id: string, results: readonly NodeResult[]): Promise<void> {
    const { cache, graph, keys, list, nodes } = this.#options;
    const added: string[] = [];
    const prefixed = results.map((result, index) => {
      if (!result.expand) return result;
      const expansion = expandedGraph(result.expand, result.outputs, `${id}.${index}.0.`);
      for (const [nodeId, node] of Object.entries(expansion.graph)) {
        if (graph.has(nodeId)) throw new PythonError('DuplicateNodeError', `Node ${nodeId} exists already.`);
        graph.addEphemeral(nodeId, node as RunNode, id, id);
        added.push(nodeId);
      }
      return { ...result, outputs: expansion.outputs };
    });
    await cache.startLevel(id, added, keys);
    for (const nodeId of added) {
      if (nodes.get(graph.node(nodeId).class_type)?.definition.output_node === true) list.add(nodeId);
    }
    for (const output of prefixed.flatMap((result) => (result.expand ? result.outputs : []))) {
      if (isLink(output)) list.addLink(output[0], id);
    }
    this.#waiting.set(id, { kind: 'expansion', results: prefixed });
  }

  #context(id: string): NodeContext {
    const { checkInterrupt, delay, folders, graph, item, rehearsal, signal, sink } = this.#options;
    const extraPngInfo = extraPngInfoOf(item.extraData);
    return {
      nodeId: id,
      folders,
      rehearsal,
      promptId: item.promptId,
      prompt: graph.prompt as Graph,
      extraPngInfo: isJsonObject(extraPngInfo) ? extraPngInfo : {},
      signal,
      delay,
      progress: (value: number, max: number, preview?: EnginePreview) => {
        checkInterrupt();
        this.#progress.update(id, value, max, preview);
      },
      sendImage: (image: EnginePreview) => this.#progress.image(id, image),
      sendText: (text: string) => sink.broadcastText(id, text),
    };
  }

  #meta(id: string): NodeMeta {
    const { graph } = this.#options;
    return {
      node_id: id,
      display_node: graph.displayId(id),
      parent_node: graph.parentId(id) ?? null,
      real_node_id: graph.realId(id),
    };
  }

  #history(): Pick<RunResult, 'outputs' | 'meta'> {
    const { cache, profile } = this.#options;
    const ui = new Map(this.#ui);
    if (profile.historyOutputs === 'all-cached') {
      for (const id of cache.ids()) {
        const entry = cache.get(id)?.ui;
        if (entry) ui.set(id, entry);
      }
    }
    return {
      outputs: Object.fromEntries(Array.from(ui, ([id, entry]) => [id, entry.output])),
      meta: Object.fromEntries(Array.from(ui, ([id, entry]) => [id, entry.meta])),
    };
  }
}

function resultOf(call: Call): NodeResult | Promise<NodeResult> {
  return 'pending' in call ? call.pending : call.result;
}
