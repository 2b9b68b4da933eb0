import { BackendError, EaselError, type ErrorCode } from '../core/errors.js';

/**
 * From what goes wrong on the way to a server to an error of the catalogue.
 *
 * `details.requestSent` is false when no byte of the request can have reached the server (it was never connected), and
 * true otherwise. Together with `details.status` it answers the one question that matters after a failed submit: can the
 * server have accepted it? Wrongly "no" runs and charges a job twice; wrongly "yes" costs one look at the queue.
 */
export interface Exchange {
  /** For people: `POST /prompt`. Without query. */
  readonly action: string;
  /** Origin and base path, as in `Connection.displayUrl`. */
  readonly displayUrl: string;
  readonly requestSent: boolean;
}

interface NetworkFault {
  readonly text: string;
  /** True when the connection was never made, whatever the caller believes. */
  readonly neverConnected?: boolean;
  readonly retryable?: boolean;
  readonly hint?: string;
}

const CERTIFICATE_HINT = 'Give the certificate authority of this backend in its `tls.ca` setting.';

const NETWORK_FAULTS: Readonly<Record<string, NetworkFault>> = {
  ECONNREFUSED: { text: 'the connection was refused', neverConnected: true },
  ENOTFOUND: { text: 'the host name is unknown', neverConnected: true },
  EAI_AGAIN: { text: 'the host name could not be looked up', neverConnected: true },
  EHOSTUNREACH: { text: 'there is no route to the host', neverConnected: true },
  ENETUNREACH: { text: 'the network is unreachable', neverConnected: true },
  EADDRNOTAVAIL: { text: 'no local address is free', neverConnected: true },
  UND_ERR_CONNECT_TIMEOUT: { text: 'the connection could not be made in time', neverConnected: true },
  ECONNRESET: { text: 'the connection was reset' },
  EPIPE: { text: 'the connection was closed while sending' },
  ETIMEDOUT: { text: 'the connection timed out' },
  UND_ERR_SOCKET: { text: 'the connection was closed before the answer was complete' },
  UND_ERR_HEADERS_TIMEOUT: { text: 'no answer came in time' },
  UND_ERR_BODY_TIMEOUT: { text: 'the answer stopped arriving' },
  UND_ERR_DESTROYED: { text: 'the client was closed' },
  UND_ERR_CLOSED: { text: 'the client was closed', neverConnected: true },
  EPROTO: {
    text: 'the server does not speak TLS here',
    neverConnected: true,
    retryable: false,
    hint: 'Use http instead of https, or the other port.',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    text: 'the server does not speak TLS here',
    neverConnected: true,
    retryable: false,
    hint: 'Use http instead of https, or the other port.',
  },
};

/** An error of undici, of a socket, or of TLS. */
export function networkFailure(thrown: unknown, exchange: Exchange): BackendError {
  const code = errorCode(thrown);
  if (thrown instanceof Error && thrown.name === 'HTTPParserError')
    return new BackendError('backend_not_comfyui', `What answers at ${exchange.displayUrl} does not speak HTTP.`, {
      cause: thrown,
      details: { action: exchange.action, url: exchange.displayUrl, requestSent: exchange.requestSent, reason: code },
    });
  const fault = NETWORK_FAULTS[code] ?? unlistedFault(code, thrown);
  return new BackendError('backend_unreachable', `Cannot reach ${exchange.displayUrl}: ${fault.text}.`, {
    cause: thrown,
    ...(fault.retryable === undefined ? {} : { retryable: fault.retryable }),
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    details: {
      action: exchange.action,
      url: exchange.displayUrl,
      requestSent: exchange.requestSent && fault.neverConnected !== true,
      reason: code,
    },
  });
}

function unlistedFault(code: string, thrown: unknown): NetworkFault {
  if (/CERT|SIGNATURE|SELF_SIGNED|ERR_TLS/.test(code))
    return { text: 'its certificate is not trusted', neverConnected: true, retryable: false, hint: CERTIFICATE_HINT };
  return { text: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** Node hides the reason of a failed dual-stack connect inside an AggregateError, and fetch-like wrappers in `cause`. */
function errorCode(thrown: unknown): string {
  for (let error: unknown = thrown, depth = 0; error instanceof Error && depth < 4; depth += 1) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && code !== '') return code;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
  return 'UNKNOWN';
}

export function timeLimitPassed(timeoutMs: number, exchange: Exchange): BackendError {
  return new BackendError(
    'backend_unreachable',
    `${exchange.displayUrl} did not answer ${exchange.action} within ${timeoutMs} ms.`,
    {
      details: {
        action: exchange.action,
        url: exchange.displayUrl,
        requestSent: exchange.requestSent,
        reason: 'TIMEOUT',
        timeoutMs,
      },
    },
  );
}

/** The caller's signal ended it. A reason that is an error of the catalogue (a deadline, a shutdown) keeps its code. */
export function givenUp(reason: unknown, exchange: Exchange): BackendError {
  const details = {
    action: exchange.action,
    url: exchange.displayUrl,
    requestSent: exchange.requestSent,
    reason: 'ABORTED',
  };
  if (reason instanceof EaselError)
    return new BackendError(reason.code, reason.message, {
      cause: reason,
      hint: reason.hint,
      retryable: reason.retryable,
      details: { ...reason.details, ...details },
    });
  return new BackendError('cancelled', `${exchange.action} was given up before ${exchange.displayUrl} answered.`, {
    cause: reason,
    hint: 'The caller ended it; nothing is wrong with the backend.',
    details,
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Decoded body, or the beginning of it. */
  readonly text: string;
}

/** An answer whose status says that the request was not served. */
export function statusFailure(answer: Answer, exchange: Exchange, nowMs: number): BackendError {
  const { status } = answer;
  const where = `${exchange.displayUrl} answered ${exchange.action} with ${status}`;
  const excerpt = bodyExcerpt(answer);
  const retryAfterMs = parseRetryAfter(header(answer.headers, 'retry-after'), nowMs);
  const make = (code: ErrorCode, message: string, extra: { hint?: string; retryable?: boolean } = {}) =>
    new BackendError(code, message, {
      ...extra,
      details: {
        action: exchange.action,
        url: exchange.displayUrl,
        requestSent: true,
        status,
        ...(excerpt === '' ? {} : { answer: excerpt }),
        ...(retryAfterMs === null ? {} : { retryAfterMs }),
      },
    });

  if (status === 401 || status === 403 || status === 407) return make('backend_unauthorized', `${where}.`);
  if (status === 404 || status === 405)
    return make('backend_not_comfyui', `${where}: a ComfyUI server has this route.`);
  if (status === 413) return make('payload_too_large', `${where}: the request is larger than the server takes.`);
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return make('backend_overloaded', `${where}.`);
  // 408 comes from a proxy that gave up waiting, and does not know what the server made of it.
  if (status >= 500 || status === 408)
    return make('backend_failed', `${where}${excerpt === '' ? '' : `: ${excerpt}`}.`);
  if (status >= 300 && status < 400)
    return make('backend_protocol', `${where}: it redirects to ${redirectTarget(answer)}.`, {
      retryable: false,
      hint: 'Use the URL that the server redirects to; behind a login page, set the credentials of this backend.',
    });
  return make('backend_protocol', `${where}${excerpt === '' ? '' : `: ${excerpt}`}.`, { retryable: false });
}

/** A 2xx answer whose body is not what the expected server says. `shape`: what was wrong. */
export function foreignAnswer(
  answer: Answer,
  exchange: Exchange,
  shape: string,
  expected: { readonly name: string; readonly hint?: string } = { name: 'ComfyUI' },
): BackendError {
  const html = looksLikeHtml(answer);
  const truncatedJson = !html && shape === 'not JSON' && isJsonType(answer);
  return new BackendError(
    truncatedJson ? 'backend_protocol' : 'backend_not_comfyui',
    html
      ? `${exchange.displayUrl} answered ${exchange.action} with a web page.`
      : `${exchange.displayUrl} answered ${exchange.action} with something that ${expected.name} does not say (${shape}).`,
    {
      ...(expected.hint === undefined ? {} : { hint: expected.hint }),
      details: {
        action: exchange.action,
        url: exchange.displayUrl,
        requestSent: true,
        status: answer.status,
        html,
        answer: bodyExcerpt(answer),
      },
    },
  );
}

/**
 * After a failed POST: can the server have acted on it? A status below 500 is an answer of the server or of what stands
 * before it, and both mean "no", except for a proxy that gave up waiting (408); a web page instead of JSON is a login page
 * or another server. Everything else is open.
 */
export function mayHaveBeenAccepted(error: BackendError): boolean {
  const details = error.details ?? {};
  if (details['requestSent'] !== true) return false;
  const { status } = details;
  if (typeof status !== 'number' || status >= 500 || status === 408) return true;
  return status < 300 && details['html'] !== true;
}

export function header(headers: Answer['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function isJsonType(answer: Answer): boolean {
  return (header(answer.headers, 'content-type') ?? '').includes('json');
}

function looksLikeHtml(answer: Answer): boolean {
  const type = header(answer.headers, 'content-type') ?? '';
  return type.includes('html') || /^\s*<(?:!doctype|html|head|body)/i.test(answer.text);
}

/** The first words of an answer, on one line, for a message. Web pages say nothing worth repeating. */
function bodyExcerpt(answer: Answer): string {
  if (looksLikeHtml(answer)) return '';
  const line = answer.text
    .slice(0, 400)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** Host and path only: a login redirect carries tokens in its query. */
function redirectTarget(answer: Answer): string {
  const location = header(answer.headers, 'location');
  if (location === undefined) return 'nowhere';
  const target = URL.canParse(location) ? new URL(location) : null;
  return target === null ? (location.split(/[?#]/)[0] ?? '') : `${target.origin}${target.pathname}`;
}

/** RFC 9110 10.2.3: seconds, or a date. Milliseconds from now, never negative; null when absent or unreadable. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value.trim()) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
