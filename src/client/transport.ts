import { EaselApiError } from './errors.js';

export interface TransportOptions {
  /** Address of an Easel, for example `http://127.0.0.1:8288`. */
  readonly baseUrl: string;
  /** A key of `easel keys create`; none for an Easel that asks nobody. */
  readonly key?: string;
  /** The account to act for, with a key that may act for any. */
  readonly account?: string;
  /** Tries of a request that can be repeated, the first included; 4 unless told. */
  readonly maxTries?: number;
  /**
   * Longest time of one try, in milliseconds; 150 s unless told, which is longer than the server holds an answer back. Files
   * have a second more for each 64 KiB; of an event stream it limits only the wait for its beginning.
   */
  readonly timeoutMs?: number;
  /** The global one unless told. */
  readonly fetch?: typeof fetch;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: NonNullable<RequestInit['body']>;
  readonly signal?: AbortSignal;
  /** May it be sent again when the answer was lost? GET may, and what carries an idempotency key. */
  readonly repeatable: boolean;
  /** Size of the file that goes up or comes down, for its time limit. */
  readonly fileBytes?: number;
}

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 64;

type Outcome<T> = { readonly answer: T } | { readonly error: EaselApiError; readonly retryAfterMs: number };

/** One request with its retries: full jitter, `Retry-After` as a lower bound, and never a second try of what may not be repeated. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * What `read` makes of the answer to a request that succeeded; a body that breaks off counts as no answer. Throws
   * EaselApiError, or the signal's reason.
   */
  async call<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const { timeoutMs = 150_000 } = this.#options;
    const limitMs = Math.ceil(timeoutMs + (call.fileBytes ?? 0) / SLOWEST_BYTES_PER_MS);
    return this.#repeat(call, () => this.#once(call, AbortSignal.timeout(limitMs), read));
  }

  /** The answer once it begins, for a body that has no end of its own. Throws like `call`. */
  async open(call: Call): Promise<Response> {
    const { timeoutMs = 150_000 } = this.#options;
    return this.#repeat(call, async () => {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), timeoutMs);
      try {
        return await this.#once(call, limit.signal, async (response) => response);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  async #repeat<T>(call: Call, once: () => Promise<Outcome<T>>): Promise<T> {
    const { maxTries = 4 } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const outcome = await once();
      if ('answer' in outcome) return outcome.answer;
      call.signal?.throwIfAborted();
      // A 429 or 503 says that nothing was done, so these may be repeated whatever they are.
      const wasRefused = outcome.error.status === 429 || outcome.error.status === 503;
      const mayRepeat = call.repeatable || wasRefused;
      if (!mayRepeat || !outcome.error.retryable || tries >= maxTries) throw outcome.error;
      await pause(Math.max(outcome.retryAfterMs, backoffMs(tries)), call.signal);
    }
  }

  url(path: string, query: Call['query'] = {}): string {
    const url = new URL(`${this.#options.baseUrl.replace(/\/+$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  async #once<T>(call: Call, timeout: AbortSignal, read: (response: Response) => Promise<T>): Promise<Outcome<T>> {
    const { key, account, fetch: send = fetch } = this.#options;
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    try {
      const response = await send(this.url(call.path, call.query), {
        method: call.method,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(account === undefined ? {} : { 'easel-account': account }),
          ...call.headers,
        },
        signal,
        ...(call.body === undefined ? {} : { body: call.body }),
      });
      if (response.ok) return { answer: await read(response) };
      const seconds = Number(response.headers.get('retry-after'));
      return { error: await EaselApiError.from(response), retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
    } catch (cause) {
      call.signal?.throwIfAborted();
      const what = timeout.aborted ? 'did not answer in time' : 'cannot be reached';
      const error = new EaselApiError(`${this.#options.baseUrl} ${what}.`, {
        code: 'network',
        status: 0,
        retryable: true,
        hint: 'Check the address, and that Easel runs.',
        cause,
      });
      return { error, retryAfterMs: 0 };
    }
  }
}

/** Full jitter. */
export function backoffMs(tries: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
}

export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
