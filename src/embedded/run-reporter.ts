import type { JsonObject, JsonValue } from '../core/json.js';
import type { DynamicGraph } from './dynamic-graph.js';
import type { ExecutorOptions } from './executor.js';
import type { RunStatus } from './history.js';
import { InterruptedError } from './interrupt.js';
import { Blocker } from './node.js';
import type { ResolvedInputs } from './node-runner.js';
import type { UiData } from './profile.js';
import { isOutOfMemory, toPythonError } from './python-errors.js';
import { describeInput } from './python-values.js';

export interface RunReporterOptions extends Pick<ExecutorOptions, 'clock' | 'sink'> {
  readonly graph: DynamicGraph;
  readonly promptId: string;
  /** Null when the prompt named no client. */
  readonly clientId: unknown;
}

const OUT_OF_MEMORY_ADVICE =
  'The GPU ran out of memory. If this graph ran before, look at the batch size and the picture size first.';

/**
 * What a run says on the socket and keeps for the history (comfyui.md 2.3). Without a client most messages are not sent
 * at all, and a few go to everybody (2.4).
 */
export class RunReporter {
  readonly #options: RunReporterOptions;
  readonly #messages: (readonly [string, JsonObject])[] = [];
  readonly #executed = new Set<string>();

  constructor(options: RunReporterOptions) {
    this.#options = options;
  }

  /** The messages that the history keeps. */
  get messages(): RunStatus['messages'] {
    return this.#messages;
  }

  markExecuted(id: string): void {
    this.#executed.add(id);
  }

  started(): void {
    this.#announce('execution_start', { prompt_id: this.#options.promptId });
  }

  cached(nodes: readonly string[]): void {
    this.#announce('execution_cached', { nodes: [...nodes], prompt_id: this.#options.promptId });
  }

  succeeded(): void {
    this.#announce('execution_success', { prompt_id: this.#options.promptId });
  }

  executing(id: string, displayId: string): void {
    this.#toClient('executing', { node: id, display_node: displayId, prompt_id: this.#options.promptId });
  }

  /** `output` is null for a cached node without UI data. */
  executed(id: string, output: UiData | null): void {
    const { graph, promptId } = this.#options;
    this.#toClient('executed', { node: id, display_node: graph.displayId(id), output, prompt_id: promptId });
  }

  /** A blocked node is reported once, where it blocks first; what follows is blocked silently. */
  blocked(id: string, blocker: Blocker): Blocker {
    if (blocker.message === null) return blocker;
    const error = this.#error(id, 'ExecutionBlocked', `Execution Blocked: ${blocker.message}`);
    this.#options.sink.send('execution_error', error, this.#options.clientId);
    return new Blocker(null);
  }

  cycle(ids: readonly string[], currentOutputs: readonly string[]): void {
    const { graph } = this.#options;
    const expanded = ids.find((id) => graph.displayId(id) !== id);
    const blamed = expanded === undefined ? ids[0]! : graph.displayId(expanded);
    const error = this.#error(graph.realId(blamed), 'graph.DependencyCycleError', 'Dependency cycle detected');
    this.#announce('execution_error', { ...error, current_outputs: [...currentOutputs] });
  }

  /** A node threw. `inputs` is null when it failed as its own promise was taken up, where nothing is known of them. */
  failed(id: string, thrown: unknown, inputs: ResolvedInputs | null, currentOutputs: readonly string[]): void {
    const { graph, promptId } = this.#options;
    const realId = graph.realId(id);
    if (thrown instanceof InterruptedError) {
      const node = { node_id: realId, node_type: graph.node(realId).class_type };
      const interrupted = { prompt_id: promptId, ...node, executed: [...this.#executed] };
      this.#announce('execution_interrupted', interrupted, { isBroadcast: true });
      return;
    }
    const error = toPythonError(thrown);
    const advice = isOutOfMemory(error) ? OUT_OF_MEMORY_ADVICE : '';
    this.#announce('execution_error', {
      ...this.#error(realId, error.type, `${error.message}\n${advice}`),
      traceback: error.traceback('execute', graph.node(id).class_type),
      current_inputs: inputs ? described(inputs) : {},
      current_outputs: [...currentOutputs],
    });
  }

  #error(id: string, type: string, message: string): JsonObject {
    const { graph, promptId } = this.#options;
    return {
      prompt_id: promptId,
      node_id: id,
      node_type: graph.node(id).class_type,
      executed: [...this.#executed],
      exception_message: message,
      exception_type: type,
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    };
  }

  #announce(type: string, data: JsonObject, { isBroadcast = false } = {}): void {
    const stamped: JsonObject = { ...data, timestamp: this.#options.clock.now() };
    this.#messages.push([type, stamped]);
    if (isBroadcast) this.#options.sink.send(type, stamped, this.#options.clientId);
    else this.#toClient(type, stamped);
  }

  #toClient(type: string, data: object): void {
    const { clientId, sink } = this.#options;
    if (clientId !== null) sink.send(type, data, clientId);
  }
}

function described(inputs: ResolvedInputs): JsonObject {
  const result: { [name: string]: JsonValue } = {};
  for (const [name, list] of inputs.values) result[name] = list.map(describeInput);
  for (const name of inputs.missing) result[name] = [null];
  for (const [name, value] of inputs.hidden) result[name] = [describeInput(value)];
  return result;
}
