import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';
import WebSocket from 'ws';
import type { Graph } from '../../src/graph/index.js';

/** What a careful script without Easel does: one socket, and per job POST, wait, history, download to a file. */
export class BareClient {
  readonly #url: string;
  readonly #clientId = randomUUID();
  readonly #agent = new Agent();
  readonly #waiting = new Map<string, () => void>();
  #socket: WebSocket | null = null;

  readonly #folder: string;

  constructor(url: string, folder: string) {
    this.#url = url;
    this.#folder = folder;
  }

  async open(): Promise<void> {
    const socket = new WebSocket(`${this.#url.replace(/^http/, 'ws')}/ws?clientId=${this.#clientId}`);
    this.#socket = socket;
    await new Promise((resolve, reject) => {
      socket.once('message', resolve);
      socket.once('error', reject);
    });
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const frame = JSON.parse(String(data)) as { type: string; data: { node?: string | null; prompt_id?: string } };
      if (frame.type === 'executing' && frame.data.node === null) this.#waiting.get(frame.data.prompt_id ?? '')?.();
    });
  }

  /** Returns the bytes of all outputs. */
  async run(graph: Graph): Promise<number> {
    const promptId = randomUUID();
    const ended = new Promise<void>((resolve) => this.#waiting.set(promptId, resolve));
    const posted = await request(`${this.#url}/prompt`, {
      method: 'POST',
      dispatcher: this.#agent,
      body: JSON.stringify({ prompt: graph, prompt_id: promptId, client_id: this.#clientId }),
    });
    if (posted.statusCode !== 200) throw new Error(await posted.body.text());
    await posted.body.dump();
    await ended;
    this.#waiting.delete(promptId);
    const history = (await (
      await request(`${this.#url}/history/${promptId}`, { dispatcher: this.#agent })
    ).body.json()) as Record<
      string,
      { outputs: Record<string, { images?: { filename: string; subfolder: string; type: string }[] }> }
    >;
    let bytes = 0;
    for (const output of Object.values(history[promptId]?.outputs ?? {})) {
      for (const image of output.images ?? []) {
        const viewed = await request(`${this.#url}/view?${new URLSearchParams(image)}`, { dispatcher: this.#agent });
        const path = join(this.#folder, image.filename);
        await pipeline(viewed.body, createWriteStream(path));
        bytes += (await stat(path)).size;
        await unlink(path);
      }
    }
    return bytes;
  }

  async close(): Promise<void> {
    this.#socket?.terminate();
    await this.#agent.close();
  }
}
