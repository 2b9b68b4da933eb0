import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/**
 * Stands before an engine as a proxy does, and breaks single requests on purpose. Everything else, websockets too, passes.
 * It can be closed and opened again on the same port: to a client that is a server that was switched off.
 */
export interface FrontRule {
  /** `POST /prompt`; the path is compared up to its end or its query. */
  readonly route: string;
  /** How often; for ever unless given. */
  count?: number;
  readonly answer:
    | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
    /** The connection breaks before the server has seen the request. */
    | 'reset'
    /** The server gets it and does it, but the answer is lost. */
    | 'lose-answer'
    | 'silence';
}

export class FaultyFront {
  readonly rules: FrontRule[] = [];
  readonly requests: string[] = [];
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;

  constructor(targetUrl: string) {
    this.#target = new URL(targetUrl);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    const server = createServer((incoming, answer) => this.#onRequest(incoming, answer));
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => this.#onUpgrade(incoming, socket));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #onRequest(incoming: IncomingMessage, answer: ServerResponse): void {
    const route = `${incoming.method} ${incoming.url?.split('?')[0]}`;
    this.requests.push(route);
    const rule = this.rules.find((candidate) => candidate.route === route && candidate.count !== 0);
    if (rule?.count !== undefined) rule.count -= 1;
    if (rule === undefined) {
      this.#pass(incoming, answer);
    } else if (rule.answer === 'reset') {
      incoming.socket.destroy();
    } else if (rule.answer === 'lose-answer') {
      this.#pass(incoming, answer, () => incoming.socket.destroy());
    } else if (rule.answer !== 'silence') {
      const { status, headers, body } = rule.answer;
      incoming.resume();
      incoming.on('end', () => answer.writeHead(status, headers).end(body));
    }
  }

  #pass(incoming: IncomingMessage, answer: ServerResponse, instead?: () => void): void {
    const { hostname, port } = this.#target;
    const headers = { ...incoming.headers, host: this.#target.host };
    const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers }, (got) => {
      if (instead !== undefined) {
        got.resume();
        got.on('end', instead);
        return;
      }
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
      got.on('error', () => answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  }

  #onUpgrade(incoming: IncomingMessage, socket: Socket): void {
    const onward = connect(Number(this.#target.port), this.#target.hostname, () => {
      const lines = incoming.rawHeaders.flatMap((name, index, all) =>
        index % 2 === 0 ? `${name}: ${all[index + 1]}` : [],
      );
      onward.write([`GET ${incoming.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
      onward.pipe(socket);
      socket.pipe(onward);
    });
    const end = () => {
      onward.destroy();
      socket.destroy();
    };
    for (const side of [onward, socket]) side.on('error', end).on('close', end);
  }
}
