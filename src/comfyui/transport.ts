import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../core/clock.js';
import { systemClock } from '../core/clock.js';
import { BackendError, EaselError } from '../core/errors.js';
import { type Logger, silentLogger } from '../core/log.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { type Answer, type Exchange, givenUp, networkFailure, timeLimitPassed } from './failures.js';
import { markWhenSent, type SentMark } from './sent-mark.js';
import { mapStreamErrors } from './streams.js';
import { TimeLimit } from './time-limit.js';

/**
 * One HTTP request at a time to one server, with time limits and size limits, and with every failure turned into an
 * error of the catalogue. Redirects are not followed: a server that is not where we think it is must be named, not obeyed.
 */
export interface TransportOptions extends ConnectionOptions {
  readonly connectTimeoutMs?: number;
  /**
   * From the request to the end of a JSON answer, or to the headers of a streamed one. Generous: a ComfyUI that loads a
   * model stalls for seconds, and giving up on a POST /prompt leaves us not knowing whether it was accepted.
   */
  readonly requestTimeoutMs?: number;
  /** Longest silence while a file is streamed. */
  readonly streamIdleTimeoutMs?: number;
  /** Largest JSON answer. /object_info of a large installation takes tens of megabytes. */
  readonly maxResponseBytes?: number;
  /** Replaces the own connection pool (tests, proxies). Stays open on `close`: its owner closes it. */
  readonly dispatcher?: Dispatcher;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Sent along as `X-Request-Id`, so that the logs of what stands between meet those of Easel. */
  readonly requestId?: string;
}

export interface TransportRequest extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Encoded, beginning with a slash, without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
}

export interface StreamedAnswer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly body: Readable;
}

const MEBIBYTE = 2 ** 20;
/** Enough of an error page to say what it is. */
const ERROR_BODY_BYTES = 64 * 1024;

export class HttpTransport {
  readonly connection: Connection;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly #streamIdleTimeoutMs: number;
  readonly #maxResponseBytes: number;
  readonly #dispatcher: Dispatcher;
  readonly #ownAgent: Agent | null;
  readonly #logger: Logger;

  constructor(options: TransportOptions) {
    this.connection = new Connection(options);
    this.requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
    this.clock = options.clock ?? systemClock;
    this.#streamIdleTimeoutMs = options.streamIdleTimeoutMs ?? 30_000;
    this.#maxResponseBytes = options.maxResponseBytes ?? 256 * MEBIBYTE;
    this.#logger = options.logger ?? silentLogger;
    this.#ownAgent =
      options.dispatcher === undefined
        ? new Agent({ connect: { timeout: options.connectTimeoutMs ?? 10_000, ...this.connection.tls } })
        : null;
    this.#dispatcher = (options.dispatcher ?? (this.#ownAgent as Agent)).compose(markWhenSent);
  }

  /** Ends requests under way with `backend_unreachable` and closes the own connections. */
  async close(): Promise<void> {
    await this.#ownAgent?.destroy();
  }

  /** For messages about this request. */
  exchange(request: Pick<TransportRequest, 'method' | 'path'>, requestSent = true): Exchange {
    return { action: `${request.method} ${request.path}`, displayUrl: this.connection.displayUrl, requestSent };
  }

  /** The whole answer as text, whatever its status. Throws BackendError when there is none. */
  async fetchText(request: TransportRequest): Promise<Answer> {
    return this.#send(request, async (response) => ({
      status: response.statusCode,
      headers: response.headers,
      text: await readText(
        response.body,
        response.statusCode < 300 ? this.#maxResponseBytes : ERROR_BODY_BYTES,
        response.statusCode >= 300,
        this.exchange(request),
      ),
    }));
  }

  /**
   * The answer as a stream when its status is in `accept`, as text otherwise. Errors of the stream are BackendErrors. The
   * caller must read the stream to its end or destroy it.
   */
  async fetchStream(request: TransportRequest, accept: readonly number[]): Promise<StreamedAnswer | Answer> {
    return this.#send(request, async (response): Promise<StreamedAnswer | Answer> => {
      const { statusCode: status, headers, body } = response;
      if (accept.includes(status))
        return { status, headers, body: this.#guarded(body, this.exchange(request), request.signal) };
      return { status, headers, text: await readText(body, ERROR_BODY_BYTES, true, this.exchange(request)) };
    });
  }

  async #send<T>(
    request: TransportRequest,
    use: (response: Dispatcher.ResponseData<unknown>) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = request.timeoutMs ?? this.requestTimeoutMs;
    const limit = new TimeLimit(this.clock, timeoutMs, request.signal);
    const mark: SentMark = { sent: false, signal: limit.signal };
    const url = this.connection.url(request.path, request.query);
    const startedAt = this.clock.now();
    try {
      if (limit.ended) throw limit.signal.reason;
      const response = await limit.race(
        this.#dispatcher.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: {
            ...this.connection.headers,
            ...(request.requestId === undefined ? {} : { 'x-request-id': request.requestId }),
            ...request.headers,
          },
          body: request.body ?? null,
          signal: limit.signal,
          opaque: mark,
          headersTimeout: 0,
          bodyTimeout: this.#streamIdleTimeoutMs,
        }),
        (late) => discard(late.body),
      );
      return await limit.race(use(response));
    } catch (thrown) {
      throw this.#failure(thrown, request, limit, timeoutMs, mark);
    } finally {
      limit.release();
      this.#logger.debug(
        { action: `${request.method} ${request.path}`, ms: this.clock.now() - startedAt },
        'backend request',
      );
    }
  }

  #failure(thrown: unknown, request: TransportRequest, limit: TimeLimit, timeoutMs: number, mark: SentMark): unknown {
    const exchange = this.exchange(request, mark.sent);
    if (limit.timedOut) return timeLimitPassed(timeoutMs, exchange);
    if (request.signal?.aborted) return givenUp(request.signal.reason, exchange);
    // Errors of our own making pass: a body that cannot be read, an answer that is too large.
    if (thrown instanceof EaselError) return thrown;
    return networkFailure(thrown, exchange);
  }

  /** The limit above ends with the headers; from there on silence and the caller's signal end the stream. */
  #guarded(body: Readable, exchange: Exchange, signal: AbortSignal | undefined): Readable {
    return mapStreamErrors(body, signal, (error) =>
      signal?.aborted ? givenUp(signal.reason, exchange) : networkFailure(error, exchange),
    );
  }
}

function discard(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}

async function readText(body: Readable, maxBytes: number, clip: boolean, exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes <= maxBytes) continue;
    if (clip) break;
    throw new BackendError('backend_protocol', `The answer to ${exchange.action} is larger than ${maxBytes} bytes.`, {
      retryable: false,
      details: { action: exchange.action, url: exchange.displayUrl, requestSent: true, maxBytes },
    });
  }
  return Buffer.concat(chunks).toString('utf8');
}
