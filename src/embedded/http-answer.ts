import { asciiJson } from './python-json.js';

/** What a route answers. `file` bodies are streamed from disk. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | FileBody;
  /** Raised as an exception on a real server, which passes by the code that adds CORS headers (comfyui.md 1.2). */
  readonly isRaised?: boolean;
}

export interface FileBody {
  readonly path: string;
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
}

export function json(value: unknown, status = 200): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: asciiJson(value),
  };
}

/** An empty body is declared as bytes, which clients see on every queue control route. */
export function empty(status = 200): HttpAnswer {
  return { status, headers: { 'content-type': 'application/octet-stream' }, body: '' };
}

export function text(body: string, status = 200, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

export const notFound = (): HttpAnswer => raised(text('404: Not Found', 404));

export function methodNotAllowed(allowed: Iterable<string>): HttpAnswer {
  return raised(text('405: Method Not Allowed', 405, { allow: [...allowed].sort().join(',') }));
}

/** The answer to every unhandled exception (comfyui.md 1.1). */
export const serverError = (): HttpAnswer =>
  text('500 Internal Server Error\n\nServer got itself in trouble', 500, { connection: 'close' });

function raised(answer: HttpAnswer): HttpAnswer {
  return { ...answer, isRaised: true };
}

export class BodyTooLarge extends Error {
  constructor(
    readonly maxBytes: number,
    readonly actualBytes: number,
  ) {
    super(`Maximum request body size ${maxBytes} exceeded, actual body size ${actualBytes}`);
  }
}
