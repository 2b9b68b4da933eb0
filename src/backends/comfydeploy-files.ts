import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { mapStreamErrors, safeContentType } from '../comfyui/index.js';
import { BackendError, EaselError } from '../core/errors.js';
import type { CallOptions, OpenedOutput } from './spec.js';

/**
 * Fetches output files from URLs that ComfyDeploy names. Those can lead anywhere, so whoever composes the adapter passes a
 * function that lets only safe targets through; the scheme and the host are checked here, before it is called.
 */
export type FetchLike = (
  url: string,
  init: {
    readonly signal?: AbortSignal;
    readonly redirect: 'error';
    readonly headers: Readonly<Record<string, string>>;
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
  /** Hosts that files may come from, `*.example.com` for all below; any host when empty. */
  readonly hosts: readonly string[];
  /** Plain http is for tests and for servers of one's own. */
  readonly allowHttp: boolean;
}

/** Null when the URL is refused by its host: it has expired, or never worked. */
export async function fetchFile(rules: FileRules, url: string, options: CallOptions): Promise<OpenedOutput | null> {
  const target = allowedTarget(rules, url);
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
    throw broken(target, thrown, signal);
  }
  const body = answer.body === null ? Readable.from([]) : toReadable(answer.body);
  if (answer.status !== 200) {
    body.on('error', () => {}).destroy();
    if (answer.status === 400 || answer.status === 401 || answer.status === 403 || answer.status === 404) return null;
    throw new BackendError('backend_failed', `${target.host} answered ${answer.status} for an output file.`, {
      details: { host: target.host, status: answer.status },
    });
  }
  const length = answer.headers.get('content-length');
  // A body that was packed for the way is longer or shorter than what it holds.
  const isPlain = (answer.headers.get('content-encoding') ?? 'identity') === 'identity';
  return {
    stream: mapStreamErrors(body, signal, (error) => broken(target, error, signal)),
    contentType: safeContentType(answer.headers.get('content-type') ?? undefined),
    contentLength: isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null,
  };
}

function allowedTarget(rules: FileRules, url: string): URL {
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
      ? `ComfyDeploy names ${target.host} for an output file, which is not among the hosts that files may come from.`
      : `ComfyDeploy names an address for an output file that is not https.`,
    { hint: 'If the host is right, add it to `fileHosts` of the backend.', details: { host: target.host } },
  );
}

function toReadable(body: ReadableStream<Uint8Array> | Readable): Readable {
  return body instanceof Readable ? body : Readable.fromWeb(body);
}

/** Without the query of the URL: it may be a credential. */
function broken(target: URL, thrown: unknown, signal: AbortSignal | undefined): EaselError {
  if (signal?.aborted && signal.reason instanceof EaselError) return signal.reason;
  if (thrown instanceof EaselError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackendError('backend_unreachable', `An output file could not be read from ${target.host}: ${reason}.`, {
    cause: thrown,
    details: { host: target.host },
  });
}
