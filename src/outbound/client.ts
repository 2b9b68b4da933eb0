import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Agent, type Dispatcher } from 'undici';
import type { Clock } from '../core/clock.js';
import { AddressRules } from './address-rules.js';
import { Deadline } from './deadline.js';
import { connectionFailed, refused, tooLarge } from './faults.js';
import { type Dial, guardedConnect, type Resolve } from './guarded-connect.js';
import { headersFor, ownHeaders, plainHeaders, type RequestHeaders } from './headers.js';
import { limitBody } from './limit-body.js';
import { checkTarget } from './target.js';

export interface OutboundClientOptions {
  readonly clock: Clock;
  /** Hosts, addresses and networks that may be called although they are not public. Empty unless told. */
  readonly allow?: readonly string[];
  /** 10 s unless told. */
  readonly connectTimeoutMs?: number;
  /** PEM certificates to trust besides the system's. */
  readonly ca?: string | readonly string[];
  /** The system's resolver unless told. */
  readonly resolve?: Resolve;
  /** `net.connect` unless told. */
  readonly dial?: Dial;
}

export interface OutboundRequest {
  /** GET unless told. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Not `host`, nor what belongs to one connection. They are sent to the first host only; see `headersFor`. */
  readonly headers?: RequestHeaders;
  /** A stream is sent with its length, which must be right, and once: redirects are then not followed. */
  readonly body?: string | Uint8Array | { readonly stream: Readable; readonly bytes: number };
  /** From now to the last byte of the body; 30 s unless told. */
  readonly timeoutMs?: number;
  /** Of the answer's body; 1 MiB unless told. */
  readonly maxBytes?: number;
  /** The types that an answer of status 2xx must state: `image/png`, `image/*`. Any unless told. */
  readonly acceptTypes?: readonly string[];
  /** Hops that are followed. Unless told 5 for GET and HEAD, else 0: then the redirecting answer itself is returned. */
  readonly maxRedirects?: number;
  readonly signal?: AbortSignal;
}

export interface OutboundResponse {
  readonly status: number;
  /** Names in lower case; repeated ones are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower case, without parameters; null when none is stated. */
  readonly contentType: string | null;
  readonly contentLength: number | null;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** Fails with `payload_too_large`, `outbound_timeout`, `outbound_failed`. Must be read to its end or destroyed. */
  readonly body: Readable;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const DEFAULT_MAX_REDIRECTS = 5;

/**
 * HTTP requests to addresses that somebody else chose: pictures to fetch, webhooks to call. Every hop passes the guard
 * (`checkTarget`, `guardedConnect`), and time, size and type of the answer are bounded. No cookies, no proxy, no cache.
 *
 * Errors: `outbound_forbidden`, `outbound_refused`, `outbound_failed`, `outbound_timeout`, `payload_too_large`, or the
 * signal's reason. A status of 4xx or 5xx is an answer like another.
 */
export class OutboundClient {
  readonly #rules: AddressRules;
  readonly #agent: Agent;
  readonly #clock: Clock;

  constructor(options: OutboundClientOptions) {
    const { clock, allow, connectTimeoutMs = 10_000, ...network } = options;
    this.#clock = clock;
    this.#rules = new AddressRules(allow);
    this.#agent = new Agent({ connect: guardedConnect({ rules: this.#rules, clock, connectTimeoutMs, ...network }) });
  }

  /** The first look alone, without any network: for an address that will be called later. Throws `outbound_forbidden`. */
  check(url: string | URL): URL {
    return checkTarget(url, this.#rules);
  }

  async fetch(url: string | URL, request: OutboundRequest = {}): Promise<OutboundResponse> {
    const { timeoutMs = 30_000, maxBytes = 1_048_576, signal } = request;
    const first = this.check(url);
    const headers = ownHeaders(request.headers);
    const deadline = new Deadline(this.#clock, timeoutMs, first.host, signal);
    try {
      const { response, from } = await this.#follow(first, headers, request, deadline);
      const answer = plainHeaders(response.headers);
      const limited = limitBody(response.body, {
        maxBytes,
        mapError: (error) => deadline.reason ?? connectionFailed(error, from.host),
        onClose: () => deadline.release(),
      });
      deadline.onEnd((reason) => limited.destroy(reason));
      const result = describe(response.statusCode, answer, from, limited);
      try {
        checkAnswer(result, request, maxBytes);
      } catch (error) {
        limited.destroy();
        throw error;
      }
      return result;
    } catch (error) {
      deadline.release();
      throw deadline.reason ?? connectionFailed(error, first.host);
    }
  }

  /** The whole body at once, for answers that are small. */
  async fetchBytes(url: string | URL, request: OutboundRequest = {}): Promise<OutboundResponse & { bytes: Buffer }> {
    const response = await this.fetch(url, request);
    return { ...response, bytes: await buffer(response.body) };
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #follow(
    first: URL,
    headers: RequestHeaders,
    request: OutboundRequest,
    deadline: Deadline,
  ): Promise<{ response: Dispatcher.ResponseData<unknown>; from: URL }> {
    let { method = 'GET' } = request;
    const { body: given } = request;
    const streamed = typeof given === 'object' && 'stream' in given ? given : null;
    let body = typeof given === 'object' && 'stream' in given ? given.stream : given;
    let url = first;
    const defaultHops = method === 'GET' || method === 'HEAD' ? DEFAULT_MAX_REDIRECTS : 0;
    const mostHops = streamed === null ? (request.maxRedirects ?? defaultHops) : 0;
    for (let hops = 0; ; hops += 1) {
      const response = await deadline.race(
        this.#agent.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers: {
            ...headersFor(headers, { isFirstOrigin: url.origin === first.origin, hasBody: body !== undefined }),
            ...(streamed === null ? {} : { 'content-length': String(streamed.bytes) }),
          },
          body: body ?? null,
          signal: deadline.signal,
          headersTimeout: 0,
          bodyTimeout: 0,
        }),
        (late) => discard(late.body),
      );
      const { location } = response.headers;
      if (mostHops === 0 || !REDIRECTS.includes(response.statusCode) || typeof location !== 'string')
        return { response, from: url };
      discard(response.body);
      if (hops === mostHops) throw refused(`${first.host} redirects more than ${mostHops} times.`, { mostHops });
      const next = checkTarget(location, this.#rules, url);
      if (url.protocol === 'https:' && next.protocol === 'http:')
        throw refused(`${url.host} redirects from an encrypted address to one that is not.`);
      if (response.statusCode < 307 && method !== 'HEAD') {
        method = 'GET';
        body = undefined;
      }
      if (body !== undefined && next.origin !== first.origin)
        throw refused(`${url.host} wants the request's body to be sent to another host.`);
      url = next;
    }
  }
}

function describe(
  status: number,
  headers: Readonly<Record<string, string>>,
  from: URL,
  body: Readable,
): OutboundResponse {
  const contentType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() || null;
  const length = headers['content-length'];
  const contentLength = length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : null;
  return { status, headers, contentType, contentLength, url: from.href, body };
}

function checkAnswer(response: OutboundResponse, request: OutboundRequest, maxBytes: number): void {
  const { status, contentType, contentLength, headers, url } = response;
  const { host } = new URL(url);
  if (request.method !== 'HEAD' && contentLength !== null && contentLength > maxBytes) throw tooLarge(maxBytes);
  // Not asked for, and unpacking it would be a way around the size limit.
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity')
    throw refused(`${host} sends the body compressed although it was asked not to.`);
  if (status < 200 || status > 299 || request.acceptTypes === undefined) return;
  const fits = request.acceptTypes.some((type) =>
    type.endsWith('/*') ? contentType?.startsWith(type.slice(0, -1)) : contentType === type,
  );
  if (!fits)
    throw refused(`${host} says that it sends ${contentType ?? 'something without a type'}, which is not accepted.`, {
      contentType,
      accepted: request.acceptTypes,
    });
}

function discard(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}
