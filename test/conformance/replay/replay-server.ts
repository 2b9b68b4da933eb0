import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** The wire side of a replay: real HTTP and websocket on a loopback port, with the answers decided by the player. */
export interface ReceivedRequest {
  readonly method: string;
  /** Without query and without a leading `/api`, except for the job routes, which are named so. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export interface ReplayAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Connection {
  readonly clientId: string;
  readonly socket: WebSocket;
  readonly received: string[];
}

export class ReplayServer {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #openSockets = new Set<Socket>();
  readonly #arrivals: Connection[] = [];
  #onArrival: (() => void) | null = null;
  #onRefusal: (() => void) | null = null;
  /** Answers upgrades with this status while set. */
  refuseUpgradeWith: number | null = null;

  constructor(answer: (request: ReceivedRequest) => Promise<ReplayAnswer>) {
    this.#server = createServer((request, response) => {
      void respond(request, response, answer);
    });
    this.#server.on('connection', (socket) => {
      this.#openSockets.add(socket);
      socket.on('close', () => this.#openSockets.delete(socket));
    });
    this.#sockets = new WebSocketServer({ noServer: true });
    this.#server.on('upgrade', (request, socket, head) => {
      // The client may hang up on a refusal before it has read it.
      socket.on('error', () => {});
      if (this.refuseUpgradeWith !== null) {
        socket.end(`HTTP/1.1 ${this.refuseUpgradeWith} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        this.#onRefusal?.();
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const clientId = new URL(request.url ?? '/', 'http://localhost').searchParams.get('clientId') ?? '';
        const connection: Connection = { clientId, socket: webSocket, received: [] };
        webSocket.on('message', (data) => connection.received.push(String(data)));
        this.#arrivals.push(connection);
        this.#onArrival?.();
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next websocket connection that nobody has taken yet. */
  async nextConnection(): Promise<Connection> {
    while (this.#arrivals.length === 0)
      await new Promise<void>((resolve) => {
        this.#onArrival = resolve;
      });
    this.#onArrival = null;
    return this.#arrivals.shift() as Connection;
  }

  /** Resolves when the next upgrade has been refused. */
  upgradeRefused(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRefusal = resolve;
    });
  }

  /** As a process that ends: connections break, the port refuses. */
  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    for (const socket of this.#openSockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: ReceivedRequest) => Promise<ReplayAnswer>,
): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { status, contentType, body, headers } = await answer({
      method: request.method ?? '',
      pathname: url.pathname.startsWith('/api/jobs') ? url.pathname : url.pathname.replace(/^\/api\//, '/'),
      query: url.searchParams,
      body: Buffer.concat(chunks),
    });
    response.writeHead(status, { ...headers, 'content-type': contentType, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch {
    // The client hung up; there is nobody left to answer.
    response.destroy();
  }
}
