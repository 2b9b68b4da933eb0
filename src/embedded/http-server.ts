import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '../core/log.js';
import { BodyTooLarge, empty, type HttpAnswer, serverError, text } from './http-answer.js';
import type { EngineRequest, Router } from './http-router.js';
import { isForeignOrigin } from './origin.js';

/** Faults on the way of a request; see faults.ts. */
export interface HttpFaults {
  /** Runs before the route. May delay; an answer replaces the route; 'silent' leaves the client without one. */
  beforeRoute(method: string, path: string): Promise<HttpAnswer | 'silent' | null>;
  /** Decides what becomes of a finished answer: sent, or the connection cut instead. */
  afterRoute(method: string, path: string, answer: HttpAnswer): 'send' | 'cut';
  /** How a file is sent: how long to wait first, and after how many bytes to cut the connection. */
  fileDelivery(path: string): { readonly delayMs: number; readonly cutAfterBytes: number | null };
  /** Waits; ends early when the engine stops. */
  wait(ms: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly router: Router;
  readonly faults: HttpFaults;
  readonly logger: Logger;
  /** Largest body of any request, `/prompt` included, in bytes. */
  readonly maxBodyBytes: number;
  /** Value of `Access-Control-Allow-Origin`; null checks origins instead (comfyui.md 1.2). */
  readonly corsOrigin: string | null;
  readonly corsMethods: string;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, query: URLSearchParams) => void;
}

/** As long as the HTTP library of a real server keeps idle connections. */
const KEEP_ALIVE_MS = 75_000;

/** HTTP as a real server speaks it: text bodies of errors, origin check or CORS, body limit, websocket upgrade. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.#options.logger.debug({ err: error }, 'request ended early');
        response.destroy();
      });
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const { path, query } = splitTarget(request.url ?? '/');
    const { faults } = this.#options;
    const fault = await faults.beforeRoute(method, path);
    if (fault === 'silent') return;
    const answer = fault ?? (await this.#answer(method, path, query, request));
    if (faults.afterRoute(method, path, answer) === 'cut') {
      request.socket.destroy();
      return;
    }
    await this.#send(response, method, answer);
  }

  async #answer(method: string, path: string, query: URLSearchParams, raw: IncomingMessage): Promise<HttpAnswer> {
    const { corsOrigin, router, logger, maxBodyBytes } = this.#options;
    if (corsOrigin === null && isForeignOrigin(raw.headers)) return empty(403);
    if (method === 'OPTIONS') return this.#withCors(empty());
    const { handler, params } = router.find(method, path);
    const request: EngineRequest = { method, params, query, raw, maxBodyBytes };
    try {
      const answer = await handler(request);
      return answer.isRaised ? answer : this.#withCors(answer);
    } catch (error) {
      if (error instanceof BodyTooLarge) return text(error.message, 413);
      logger.debug({ err: error, method, path }, 'unhandled exception in a route');
      return serverError();
    }
  }

  #withCors(answer: HttpAnswer): HttpAnswer {
    const { corsMethods, corsOrigin } = this.#options;
    if (corsOrigin === null) return answer;
    const headers = {
      ...answer.headers,
      'access-control-allow-origin': corsOrigin,
      'access-control-allow-methods': corsMethods,
      'access-control-allow-headers': 'Content-Type, Authorization',
      'access-control-allow-credentials': 'true',
    };
    return { ...answer, headers };
  }

  async #send(response: ServerResponse, method: string, answer: HttpAnswer): Promise<void> {
    const { body = '' } = answer;
    const isFile = typeof body === 'object' && !Buffer.isBuffer(body);
    const length = isFile ? body.end - body.start : Buffer.byteLength(body);
    response.writeHead(answer.status, {
      ...answer.headers,
      // A 304 has no length of its own.
      ...(answer.status === 304 ? {} : { 'content-length': String(length) }),
      server: 'Easel embedded engine',
    });
    if (method === 'HEAD' || length === 0) {
      response.end();
      return;
    }
    if (!isFile) {
      response.end(body);
      return;
    }
    const { delayMs, cutAfterBytes } = this.#options.faults.fileDelivery(body.path);
    if (delayMs > 0) await this.#options.faults.wait(delayMs);
    const end = cutAfterBytes === null ? body.end : Math.min(body.end, body.start + cutAfterBytes);
    const isCut = end < body.end;
    if (end > body.start) {
      await pipeline(createReadStream(body.path, { start: body.start, end: end - 1 }), response, { end: !isCut });
    }
    if (isCut) response.socket?.destroySoon();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const { path, query } = splitTarget(request.url ?? '/');
    if (this.#options.corsOrigin === null && isForeignOrigin(request.headers)) refuse(socket, 403, 'Forbidden');
    else if (path !== '/ws' && path !== '/api/ws') refuse(socket, 404, 'Not Found');
    else this.#options.onUpgrade(request, socket, head, query);
  }
}

function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)) };
}

function refuse(socket: Duplex, status: number, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}
