import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type CallOptions, mapStreamErrors, safeContentType, TimeLimit } from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { BackendError, EaselError } from '../core/errors.js';

/**
 * Reads output files from, and (legacy API) stores inputs at, URLs that ComfyDeploy names. Those can lead anywhere, so
 * whoever composes the adapter passes a function that lets only safe targets through; the scheme and the host are checked
 * here, before it is called. A PUT has its length in `content-length`: storage hosts take no chunked bodies.
 */
export type FetchLike = (
  url: string,
  init: {
    readonly signal?: AbortSignal;
    readonly redirect: 'error';
    readonly headers: Readonly<Record<string, string>>;
    readonly method?: 'PUT';
    readonly body?: Readable;
    /** What the global `fetch` wants to be told of a body that is a stream. */
    readonly duplex?: 'half';
  },
) => Promise<FetchedFile>;

/** The part of the global `Response` that is needed. */
export interface FetchedFile {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | Readable | null;
}

export interface FileRules {
  readonly fetch: FetchLike;
  /** Hosts that files may come from and go to, `*.example.com` for all below; any host when empty. */
  readonly hosts: readonly string[];
  /** Plain http is for tests and for servers of one's own. */
  readonly allowHttp: boolean;
}

export interface OpenedFile {
  /** The caller reads it to its end or destroys it. */
  readonly stream: Readable;
  readonly contentType: string;
  readonly contentLength: number | null;
}

/** Null when the URL is refused by its host: it has expired, or never worked. */
export async function fetchFile(rules: FileRules, url: string, options: CallOptions): Promise<OpenedFile | null> {
  const target = allowedTarget(rules, url, 'an output file');
  const { signal } = options;
  let answer: FetchedFile;
  try {
    answer = await rules.fetch(target.href, {
      redirect: 'error',
      // The key of the API has no business there.
      headers: {},
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    throw broken(target, 'read from', thrown, signal);
  }
  const body = answer.body === null ? Readable.from([]) : toReadable(answer.body);
  if (answer.status !== 200) {
    discard(body);
    if (answer.status === 400 || answer.status === 401 || answer.status === 403 || answer.status === 404) return null;
    throw new BackendError('backend_failed', `${target.host} answered ${answer.status} for an output file.`, {
      details: { host: target.host, status: answer.status },
    });
  }
  const length = answer.headers.get('content-length');
  // A body that was packed for the way is longer or shorter than what it holds.
  const isPlain = (answer.headers.get('content-encoding') ?? 'identity') === 'identity';
  return {
    stream: mapStreamErrors(body, signal, (error) => broken(target, 'read from', error, signal)),
    contentType: safeContentType(answer.headers.get('content-type') ?? undefined),
    contentLength: isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null,
  };
}

/** Stores an input file under a URL that is its only credential: our key must not go there. */
export async function putFile(
  rules: FileRules,
  url: string,
  file: { readonly contentType: string; readonly bytes: number; readonly stream: Readable },
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const target = allowedTarget(rules, url, 'an input file');
  const limit = new TimeLimit(options.clock, options.timeoutMs, options.signal);
  try {
    const sent = rules.fetch(target.href, {
      method: 'PUT',
      redirect: 'error',
      headers: { 'content-type': file.contentType, 'content-length': String(file.bytes) },
      body: file.stream,
      duplex: 'half',
      signal: limit.signal,
    });
    const { status, body } = await limit.race(sent, ({ body }) => discard(body));
    discard(body);
    if (status < 300) return;
    throw new BackendError('backend_failed', `${target.host} answered ${status} to an input file.`, {
      details: { host: target.host, status },
    });
  } catch (thrown) {
    throw broken(target, 'stored at', thrown, options.signal);
  } finally {
    limit.release();
  }
}

function allowedTarget(rules: FileRules, url: string, what: string): URL {
  if (!URL.canParse(url)) throw new BackendError('outbound_forbidden', `ComfyDeploy names no address for ${what}.`);
  const target = new URL(url);
  const isSecure = target.protocol === 'https:' || (rules.allowHttp && target.protocol === 'http:');
  const isKnown =
    rules.hosts.length === 0 ||
    rules.hosts.some((host) =>
      host.startsWith('*.')
        ? target.hostname.endsWith(host.slice(1))
        : target.hostname === host || target.host === host,
    );
  if (isSecure && isKnown && target.username === '' && target.password === '') return target;
  throw new BackendError(
    'outbound_forbidden',
    isSecure
      ? `ComfyDeploy names ${target.host} for ${what}, which is not among \`fileHosts\`.`
      : `ComfyDeploy names an address for ${what} that is not https.`,
    { hint: 'If the host is right, add it to `fileHosts` of the backend.', details: { host: target.host } },
  );
}

function toReadable(body: ReadableStream<Uint8Array> | Readable): Readable {
  return body instanceof Readable ? body : Readable.fromWeb(body);
}

function discard(body: FetchedFile['body']): void {
  if (body !== null)
    toReadable(body)
      .on('error', () => {})
      .destroy();
}

/** Without the query of the URL: it may be a credential. */
function broken(
  target: URL,
  way: 'read from' | 'stored at',
  thrown: unknown,
  signal: AbortSignal | undefined,
): EaselError {
  if (signal?.aborted && signal.reason instanceof EaselError) return signal.reason;
  if (thrown instanceof EaselError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackendError('backend_unreachable', `A file could not be ${way} ${target.host}: ${reason}.`, {
    cause: thrown,
    details: { host: target.host },
  });
}
