import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EmbeddedEngine,
  type EmbeddedEngineOptions,
  type NodeClass,
  type NodeContext,
} from '../../src/embedded/index.js';
import type { InputSpec } from '../../src/graph/types.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { request, Socket } from './engine-client.js';
import type { Frame } from './engine-frames.js';

/** An engine with small nodes, and a client that waits for frames instead of guessing times. */
export interface Bench {
  readonly engine: EmbeddedEngine;
  readonly dataDir: string;
  /** Lets `Wait` nodes go on; each waits for one call. */
  readonly gate: Gate;
  get(path: string): Promise<{ status: number; json: Json }>;
  post(path: string, body: unknown): Promise<{ status: number; json: Json }>;
  submit(prompt: unknown, more?: object): Promise<string>;
  connect(clientId?: string): Promise<Client>;
  close(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are probed by tests, which say what they expect.
export type Json = any;

export interface Client {
  readonly socket: Socket;
  readonly frames: readonly Frame[];
  /** Types of the messages so far, `executing null` for the last one of a run. */
  types(): string[];
  until(condition: (type: string, data: Json) => boolean): Promise<Json>;
  /** The end of a run: its `executing: null`. */
  ended(promptId: string): Promise<void>;
}

export class Gate {
  readonly #waiting: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      for (const watcher of this.#watchers.splice(0)) watcher();
    });
  }

  /** Resolves once a node waits. */
  async reached(): Promise<void> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  open(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** A node from the little that tests care about. */
export function tinyNode(
  name: string,
  run: (inputs: Readonly<Record<string, unknown>>, context: NodeContext) => unknown,
  more: Partial<NodeClass> & { inputs?: Record<string, InputSpec>; isOutput?: boolean; output?: string[] } = {},
): NodeClass {
  const { inputs = { v: ['*'] }, isOutput = false, output = ['*'], ...hooks } = more;
  return {
    definition: { name, input: { required: inputs }, output, output_node: isOutput },
    execute: async (values, context) => {
      const value = await run(values, context);
      return isOutput ? { outputs: [], ui: { text: [String(value)] } } : { outputs: [value] };
    },
    ...hooks,
  };
}

export async function openBench(options: Partial<EmbeddedEngineOptions> = {}): Promise<Bench> {
  const dataDir = await mkdtemp(join(tmpdir(), 'easel-engine-'));
  const gate = new Gate();
  const own = [
    tinyNode('Show', ({ v }) => v, { isOutput: true }),
    tinyNode('Wait', async ({ v }, { signal }) => {
      await gate.wait(signal);
      return v;
    }),
  ];
  const nodes = [...recordingNodes(), ...own, ...((options.nodes as Iterable<NodeClass> | undefined) ?? [])];
  const engine = new EmbeddedEngine({ dataDir, ...options, nodes });
  await engine.start();
  const clients: Client[] = [];
  const call = async (method: string, path: string, body?: Buffer) => {
    const answer = await request(engine.url, path, { method, headers: {}, ...(body ? { body } : {}) });
    const text = answer.body.toString();
    return { status: answer.status, json: /^[{["]/.test(text) ? JSON.parse(text) : text };
  };
  const post = (path: string, body: unknown) =>
    call('POST', path, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  return {
    engine,
    dataDir,
    gate,
    get: (path) => call('GET', path),
    post,
    async submit(prompt, more = {}) {
      const { json, status } = await post('/prompt', { prompt, ...more });
      if (status !== 200) throw new Error(JSON.stringify(json));
      return json.prompt_id;
    },
    async connect(clientId = 'me') {
      const client = await connect(engine, clientId);
      clients.push(client);
      return client;
    },
    async close() {
      for (const { socket } of clients) socket.webSocket.terminate();
      gate.open();
      await engine.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function connect(engine: EmbeddedEngine, clientId: string): Promise<Client> {
  const socket = new Socket(`${engine.url.replace('http', 'ws')}/ws?clientId=${clientId}`);
  await socket.opened();
  const messages = () => socket.frames.flatMap((frame) => (frame.kind === 'message' ? [frame.message] : []));
  const client: Client = {
    socket,
    frames: socket.frames,
    types: () => messages().map(({ type, data }) => (data['node'] === null ? `${type} null` : type)),
    until: (condition) =>
      new Promise((resolve, reject) => {
        let seen = 0;
        const look = () => {
          for (; seen < socket.frames.length; seen++) {
            const frame = socket.frames[seen]!;
            if (frame.kind !== 'message' || !condition(frame.message.type, frame.message.data)) continue;
            socket.webSocket.off('message', look);
            socket.webSocket.off('close', fail);
            resolve(frame.message.data);
            return;
          }
        };
        const fail = () => reject(new Error(`The socket closed; seen: ${client.types().join(' ')}`));
        socket.webSocket.on('message', look);
        socket.webSocket.on('close', fail);
        look();
      }),
    async ended(promptId) {
      await client.until((type, data) => type === 'executing' && data.node === null && data.prompt_id === promptId);
    },
  };
  await client.until((type) => type === 'status');
  return client;
}

/** A prompt of one output node that shows a value. */
export const show = (v: unknown) => ({ '1': { class_type: 'Show', inputs: { v } } });

/** A prompt that runs until the gate opens. */
export const waiting = (v: unknown) => ({
  '1': { class_type: 'Wait', inputs: { v } },
  '2': { class_type: 'Show', inputs: { v: ['1', 0] } },
});
