import type { JsonObject, JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { Graph } from '../graph/types.js';
import { isLink } from '../graph/types.js';
import type { CacheKeys } from './cache-keys.js';
import type { DynamicGraph, RunNode } from './dynamic-graph.js';
import type { ExecutionList } from './execution-list.js';
import type { ExecutorOptions, RunResult } from './executor.js';
import { expandedGraph } from './expansion.js';
import type { RunStatus } from './history.js';
import { InterruptedError } from './interrupt.js';
import { Blocker, type EnginePreview, type NodeClass, type NodeContext, type NodeResult } from './node.js';
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
import { isOutOfMemory, PythonError, toPythonError } from './python-errors.js';
import { describeInput } from './python-values.js';

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

const OUT_OF_MEMORY_ADVICE =
  'The GPU ran out of memory. If this graph ran before, look at the batch size and the picture size first.';

/** One run of one prompt, from `execution_start` to the last node. */
export class PromptRun {
  readonly #options: PromptRunOptions;
  readonly #progress: ProgressTracker;
  readonly #waiting = new Map<string, Waiting>();
  readonly #executed = new Set<string>();
  readonly #messages: (readonly [string, JsonObject])[] = [];
  readonly #ui = new Map<string, { readonly meta: NodeMeta; readonly output: UiData }>();
  #currentInputs: ResolvedInputs | null = null;

  constructor(options: PromptRunOptions) {
    this.#options = options;
    this.#progress = new ProgressTracker(options.sink, options.graph, options.item.promptId, options.clientId);
  }

  async execute(): Promise<RunResult> {
    const { item, graph, keys, cache, list } = this.#options;
    const promptId = item.promptId;
    this.#announce('execution_start', { prompt_id: promptId }, false);
    const ids = Object.keys(graph.prompt);
    await cache.setNodes(graph, ids, keys);
    cache.cleanUnused();
    const cached = ids.filter((id) => cache.outputs(id) !== undefined);
    this.#announce('execution_cached', { nodes: cached, prompt_id: promptId }, false);
    const currentOutputs = cache.ids();
    for (const id of item.outputs) list.add(id);

    let isSuccess = true;
    let isComplete = true;
    while (!list.isEmpty) {
      const next = await list.next();
      if ('cycle' in next) {
        this.#reportCycle(next.cycle, currentOutputs);
        // A quirk: the run counts as a success although it ended here (comfyui.md 1.5).
        isComplete = false;
        break;
      }
      try {
        if ((await this.#step(next.id)) === 'done') list.complete(next.id);
      } catch (error) {
        this.#reportError(next.id, error, currentOutputs);
        isSuccess = false;
        isComplete = false;
        break;
      }
      // Requests are served between nodes, an interrupt among them.
      await new Promise(setImmediate);
    }
    if (isComplete) this.#announce('execution_success', { prompt_id: promptId }, false);
    const status: RunStatus = {
      status_str: isSuccess ? 'success' : 'error',
      completed: isSuccess,
      messages: this.#messages,
    };
    return { status, ...this.#history() };
  }

  async #step(id: string): Promise<Step> {
    const { cache, clientId, graph, nodes } = this.#options;
    const cached = cache.get(id);
    if (cached?.outputs !== undefined) {
      if (clientId !== null) this.#sendExecuted(id, cached.ui?.output ?? null);
      if (cached.ui) this.#ui.set(id, cached.ui);
      this.#progress.finish(id);
      return 'done';
    }
    this.#currentInputs = null;
    const nodeClass = nodes.get(graph.node(id).class_type)!;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting?.kind === 'expansion') {
      this.#finish(id, nodeClass, this.#expansionResults(id, waiting.results));
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
    if (clientId !== null) {
      this.#options.onActiveNode(displayId);
      this.#send('executing', { node: id, display_node: displayId, prompt_id: item.promptId });
    }
    await faults.beforeNode({ promptId: item.promptId, nodeId: id, classType: graph.node(id).class_type });
    const context = this.#context(id);
    if (nodeClass.checkLazy && this.#requireLazyInputs(id, nodeClass, inputs, context)) return null;
    const calls = await callNode({
      nodeClass,
      inputs,
      context,
      checkInterrupt,
      onBlocked: (blocker) => this.#reportBlocked(id, blocker),
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
    const { cache, clientId, graph, profile } = this.#options;
    const merged = mergeUi(results);
    if (merged) {
      const output = profile.adjustUi(graph.node(id).class_type, merged);
      const ui = { meta: this.#meta(id), output };
      cache.setUi(id, ui);
      this.#ui.set(id, ui);
      if (clientId !== null) this.#sendExecuted(id, output);
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
    this.#executed.add(id);
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

  /** The results of an expanded node, with the links into its sub-graph replaced by what came out there. */
  #expansionResults(id: string, results: readonly NodeResult[]): NodeResult[] {
    const { cache } = this.#options;
    return results.flatMap((result) => {
      if (!result.expand) return [result];
      const lists = result.outputs.map((output) => {
        if (!isLink(output)) return [output];
        const list = cache.outputs(output[0])?.[output[1]];
        if (!list) throw new PythonError('RuntimeError', `Node ${id} has no result from ${output[0]}.`);
        return list;
      });
      const length = Math.max(0, ...lists.map((list) => list.length));
      return Array.from({ length }, (_, index) => ({
        outputs: lists.map((list) => list[Math.min(index, list.length - 1)]),
      }));
    });
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

  #reportBlocked(id: string, blocker: Blocker): Blocker {
    if (blocker.message === null) return blocker;
    const { graph, item } = this.#options;
    this.#send('execution_error', {
      prompt_id: item.promptId,
      node_id: id,
      node_type: graph.node(id).class_type,
      executed: [...this.#executed],
      exception_message: `Execution Blocked: ${blocker.message}`,
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    });
    return new Blocker(null);
  }

  #reportCycle(cycle: readonly string[], currentOutputs: readonly string[]): void {
    const { graph } = this.#options;
    const expanded = cycle.find((id) => graph.displayId(id) !== id);
    const blamed = expanded === undefined ? cycle[0]! : graph.displayId(expanded);
    this.#announceError(
      graph.realId(blamed),
      'graph.DependencyCycleError',
      'Dependency cycle detected',
      [],
      [],
      currentOutputs,
    );
  }

  #reportError(id: string, thrown: unknown, currentOutputs: readonly string[]): void {
    const { graph, item } = this.#options;
    const realId = graph.realId(id);
    if (thrown instanceof InterruptedError) {
      const interrupted = {
        prompt_id: item.promptId,
        node_id: realId,
        node_type: graph.node(realId).class_type,
        executed: [...this.#executed],
      };
      this.#announce('execution_interrupted', interrupted, true);
      return;
    }
    const error = toPythonError(thrown);
    const advice = isOutOfMemory(error) ? `${OUT_OF_MEMORY_ADVICE}` : '';
    this.#announceError(
      realId,
      error.type,
      `${error.message}\n${advice}`,
      error.traceback('execute', `${graph.node(id).class_type}`),
      this.#describeInputs(),
      currentOutputs,
    );
  }

  #announceError(
    nodeId: string,
    type: string,
    message: string,
    traceback: readonly string[],
    inputs: JsonValue,
    currentOutputs: readonly string[],
  ): void {
    const { graph, item } = this.#options;
    const data: JsonObject = {
      prompt_id: item.promptId,
      node_id: nodeId,
      node_type: graph.node(nodeId).class_type,
      executed: [...this.#executed],
      exception_message: message,
      exception_type: type,
      traceback: [...traceback],
      current_inputs: inputs,
      current_outputs: [...currentOutputs],
    };
    this.#announce('execution_error', data, false);
  }

  #describeInputs(): JsonObject {
    const inputs = this.#currentInputs;
    if (!inputs) return {};
    const described: JsonObject = {};
    for (const [name, list] of inputs.values) described[name] = list.map(describeInput);
    for (const name of inputs.missing) described[name] = [null];
    for (const [name, value] of inputs.hidden) described[name] = [describeInput(value)];
    return described;
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

  #sendExecuted(id: string, output: UiData | null): void {
    const { graph, item } = this.#options;
    this.#send('executed', { node: id, display_node: graph.displayId(id), output, prompt_id: item.promptId });
  }

  #send(type: string, data: object): void {
    this.#options.sink.send(type, data, this.#options.clientId);
  }

  /** A message that the history keeps too. `broadcast`: without a client it goes to everybody instead of nobody. */
  #announce(type: string, data: JsonObject, broadcast: boolean): void {
    const stamped = { ...data, timestamp: this.#options.clock.now() };
    this.#messages.push([type, stamped]);
    if (this.#options.clientId !== null || broadcast) this.#send(type, stamped);
  }
}

function resultOf(call: Call): NodeResult | Promise<NodeResult> {
  return 'pending' in call ? call.pending : call.result;
}
