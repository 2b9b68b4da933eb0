import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ComfyUiBackend } from '../backends/index.js';
import { newId } from '../core/ids.js';
import type { JsonValue } from '../core/json.js';
import type { EmbeddedEngine } from '../embedded/index.js';
import { type Graph, isLink } from '../graph/types.js';
import type { FakeFile, FakeJob, FakeJobOutput, FakeMachine } from './comfydeploy-runs.js';

/**
 * A machine of a fake ComfyDeploy: the embedded engine, so that runs make real pictures. It does to a graph what the plugin
 * does (comfydeploy.md 2.4, 6): draws literal seeds anew, then sets external nodes. Since the engine has no external nodes,
 * their values then stand where they were linked.
 */
export interface EngineMachineOptions {
  readonly engine: EmbeddedEngine;
  /** The URL of the started engine. */
  readonly url: string;
  readonly graphOf: (deploymentId: string) => Graph | undefined;
  /** Bytes of a stored file, by its URL; undefined when it is not one of ours. */
  readonly fileAt: (url: string) => Buffer | undefined;
  /** On unless told, as the plugin does it. */
  readonly randomisesSeeds?: boolean;
  readonly random?: () => number;
}

/** Fields that the value of an input is put into, by class, besides `input_id`. */
const SET_BY: Readonly<Record<string, string>> = {
  ComfyUIDeployExternalText: 'default_value',
  ComfyUIDeployExternalTextAny: 'default_value',
  ComfyUIDeployExternalSeed: 'default_value',
  ComfyUIDeployExternalBoolean: 'default_value',
  ComfyUIDeployExternalEnum: 'default_value',
  ComfyUIDeployExternalCheckpoint: 'default_value',
};
/** 15 digits, as the plugin draws them. */
const SEED_CEILING = 10 ** 15;

export class EngineMachine {
  readonly #options: EngineMachineOptions;
  readonly #backend: ComfyUiBackend;

  constructor(options: EngineMachineOptions) {
    this.#options = options;
    this.#backend = new ComfyUiBackend({ id: 'machine', baseUrl: options.url });
  }

  async start(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#backend.onEvent((event) => {
        if (event.type === 'connected') resolve();
      });
    });
    await this.#backend.start();
    await connected;
  }

  async close(): Promise<void> {
    await this.#backend.close();
  }

  readonly run: FakeMachine = async (job) => {
    const stored = this.#options.graphOf(job.deploymentId);
    if (stored === undefined) throw new Error('The deployment is gone.');
    const graph = structuredClone(stored);
    if (this.#options.randomisesSeeds !== false) this.#drawSeeds(graph);
    await this.#setInputs(graph, job.inputs);
    return this.#execute(graph, job);
  };

  async #execute(graph: Graph, job: FakeJob): Promise<readonly FakeJobOutput[]> {
    const attemptId = newId();
    const nodes = Object.keys(graph).length;
    const visited = new Set<string>();
    let unsubscribe = () => {};
    const ended = new Promise<void>((resolve) => {
      unsubscribe = this.#backend.onEvent((event) => {
        if (!('attemptId' in event) || event.attemptId !== attemptId) return;
        if (event.type === 'node') {
          visited.add(event.nodeId);
          job.report(visited.size / nodes, `Executing ${graph[event.nodeId]?.class_type ?? event.nodeId}`);
        }
        if (event.type === 'ended') resolve();
      });
    });
    try {
      await this.#runToEnd(attemptId, graph, ended, job.signal);
    } finally {
      unsubscribe();
    }
    const seen = await this.#backend.find(attemptId);
    if (seen.state !== 'finished' || seen.result.outcome !== 'succeeded') throw new Error('The run did not succeed.');
    const byNode = new Map<string, (string | FakeFile)[]>();
    for (const output of seen.result.outputs) {
      const items = byNode.get(output.nodeId) ?? [];
      byNode.set(output.nodeId, items);
      if (output.kind === 'text') {
        items.push(output.text);
        continue;
      }
      // Previews are not reported.
      if (output.type === 'temp') continue;
      const opened = await this.#backend.openOutput(output);
      const { filename, subfolder } = output;
      items.push({ filename, subfolder, bytes: await buffer(opened.stream), contentType: opened.contentType });
    }
    return [...byNode].map(([nodeId, items]) => ({ nodeId, items }));
  }

  async #runToEnd(attemptId: string, graph: Graph, ended: Promise<void>, signal: AbortSignal): Promise<void> {
    const outcome = await this.#backend.submit({ attemptId, graph });
    if (outcome.kind !== 'accepted') throw outcome.error;
    let stopping: Promise<unknown> = Promise.resolve();
    const stop = () => {
      stopping = this.#backend.cancel(attemptId).catch(() => {});
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    await ended;
    await stopping;
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
  }

  #drawSeeds(graph: Graph): void {
    const random = this.#options.random ?? Math.random;
    for (const node of Object.values(graph))
      for (const name of ['seed', ...(node.class_type === 'KSamplerAdvanced' ? ['noise_seed'] : [])])
        if (typeof node.inputs[name] === 'number' || typeof node.inputs[name] === 'bigint')
          node.inputs[name] = Math.floor(random() * SEED_CEILING);
  }

  async #setInputs(graph: Graph, inputs: Readonly<Record<string, unknown>>): Promise<void> {
    for (const [id, node] of Object.entries(graph)) {
      const key = node.inputs['input_id'];
      if (typeof key !== 'string') continue;
      const given = Object.hasOwn(inputs, key) ? (inputs[key] as JsonValue) : undefined;
      const field = SET_BY[node.class_type];
      if (given !== undefined) node.inputs['input_id'] = given;
      if (given !== undefined && field !== undefined) node.inputs[field] = given;
      const value = given ?? node.inputs['default_value'] ?? null;
      if (/External(Image|File|Video|Audio)/.test(node.class_type)) {
        const name = await this.#localise(String(given ?? node.inputs['default_value_url'] ?? ''));
        graph[id] = { class_type: 'LoadImage', inputs: { image: name } };
      } else if (node.class_type.startsWith('ComfyUIDeployExternal')) {
        delete graph[id];
        replaceLinks(graph, id, value);
      }
    }
    // For node classes of a test that take a file by name.
    for (const node of Object.values(graph))
      for (const [name, value] of Object.entries(node.inputs))
        if (typeof value === 'string' && this.#options.fileAt(value) !== undefined)
          node.inputs[name] = await this.#localise(value);
  }

  async #localise(url: string): Promise<string> {
    const bytes = this.#options.fileAt(url);
    // A download that fails is replaced by the default, without a word.
    if (bytes === undefined) return url;
    const name = basename(new URL(url).pathname);
    await writeFile(join(this.#options.engine.folders.input, name), bytes);
    return name;
  }
}

function replaceLinks(graph: Graph, id: string, value: JsonValue): void {
  for (const node of Object.values(graph))
    for (const [name, input] of Object.entries(node.inputs))
      if (isLink(input) && input[0] === id) node.inputs[name] = value;
}
