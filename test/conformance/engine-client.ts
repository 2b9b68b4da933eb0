import http from 'node:http';
import WebSocket from 'ws';
import { readPythonJson } from '../../src/embedded/python-json.js';
import type { Frame } from './engine-frames.js';
import type { Message } from './engine-recording.js';

/** A bare HTTP and websocket client that sends exactly what it is told. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function request(
  url: string,
  path: string,
  options: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: Buffer },
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const { method, headers, body } = options;
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const sent = http.request({ hostname, port, path, method, headers: { ...length, ...headers }, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
          body: Buffer.concat(chunks),
        }),
      );
    });
    sent.end(body);
  });
}

export class Socket {
  readonly frames: Frame[] = [];
  readonly webSocket: WebSocket;
  closeCode: number | null = null;
  pongs = 0;
  readonly #opened: Promise<void>;

  constructor(url: string) {
    this.webSocket = new WebSocket(url);
    this.webSocket.on('message', (data: Buffer, isBinary: boolean) => this.frames.push(toFrame(data, isBinary)));
    this.webSocket.on('close', (code) => {
      this.closeCode = code;
    });
    this.webSocket.on('pong', () => {
      this.pongs++;
    });
    this.webSocket.on('error', () => {});
    this.#opened = new Promise((resolve, reject) => {
      this.webSocket.once('open', resolve);
      this.webSocket.once('error', reject);
    });
  }

  opened(): Promise<void> {
    return this.#opened;
  }
}

function toFrame(data: Buffer, isBinary: boolean): Frame {
  if (isBinary) return { kind: 'binary', hex: data.toString('hex'), length: data.length };
  return { kind: 'message', message: readPythonJson(data.toString('utf8')) as unknown as Message };
}

/** Opens a socket, reports what came of it, and closes it again. */
export async function probeSocket(
  url: string,
  options: { readonly headers?: Record<string, string>; readonly perMessageDeflate?: boolean },
): Promise<{ readonly status?: number; readonly extensions?: string; readonly first?: string }> {
  const socket = new WebSocket(url, { perMessageDeflate: true, ...options });
  socket.on('error', () => {});
  try {
    return await new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => resolve({ status: response.statusCode ?? 0 }));
      socket.once('message', (data) => resolve({ extensions: socket.extensions, first: String(data) }));
    });
  } finally {
    socket.terminate();
  }
}
