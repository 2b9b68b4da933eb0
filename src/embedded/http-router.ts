import type { IncomingMessage } from 'node:http';
import type { JsonValue } from '../core/json.js';
import { BodyTooLarge, type HttpAnswer, methodNotAllowed, notFound } from './http-answer.js';
import { readPythonJson } from './python-json.js';

/** One request, as a route sees it. */
export interface EngineRequest {
  readonly method: string;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly raw: IncomingMessage;
  readonly maxBodyBytes: number;
}

export type Handler = (request: EngineRequest) => Promise<HttpAnswer> | HttpAnswer;

export interface Route {
  readonly method: string;
  /** `/history/{id}`: a parameter is one path segment, in which a slash must be escaped. */
  readonly pattern: string;
  readonly handler: Handler;
  /** Registered under this path only, not also under `/api`. */
  readonly isLiteral?: boolean;
}

interface CompiledRoute {
  readonly expression: RegExp;
  readonly names: readonly string[];
  readonly handlers: Map<string, Handler>;
}

/**
 * Every route exists at `/x` and `/api/x` (comfyui.md 1.1). Below them lies the handler of static files, which answers
 * GET and HEAD for every path: so GET on a POST-only route is 404, and any other wrong method is 405.
 */
export class Router {
  readonly #routes: CompiledRoute[] = [];

  constructor(routes: Iterable<Route>) {
    const byPattern = new Map<string, CompiledRoute>();
    for (const route of routes) {
      for (const pattern of route.isLiteral ? [route.pattern] : [route.pattern, `/api${route.pattern}`]) {
        let compiled = byPattern.get(pattern);
        if (!compiled) {
          compiled = compile(pattern);
          byPattern.set(pattern, compiled);
          this.#routes.push(compiled);
        }
        compiled.handlers.set(route.method, route.handler);
      }
    }
  }

  find(method: string, path: string): { readonly handler: Handler; readonly params: Record<string, string> } {
    const allowed = new Set(['GET', 'HEAD']);
    for (const route of this.#routes) {
      const match = route.expression.exec(path);
      if (!match) continue;
      const handler = route.handlers.get(method === 'HEAD' ? 'GET' : method);
      if (handler) {
        const params = route.names.map((name, index) => [name, decode(match[index + 1]!)] as const);
        return { handler, params: Object.fromEntries(params) };
      }
      for (const other of route.handlers.keys()) allowed.add(other);
    }
    if (method === 'GET' || method === 'HEAD') return { handler: notFound, params: {} };
    return { handler: () => methodNotAllowed(allowed), params: {} };
  }
}

function compile(pattern: string): CompiledRoute {
  const names: string[] = [];
  const source = pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name);
    return '([^/]+)';
  });
  return { expression: new RegExp(`^${source}$`), names, handlers: new Map() };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** How much of a refused body is still read, so that the client gets to see the answer instead of a reset. */
const MAX_DISCARDED_BYTES = 256 * 1024 * 1024;

/**
 * The chunks of the body. Throws BodyTooLarge as soon as the limit is passed, after reading on to the end (within
 * bounds): closing at once would reset the connection before the client has read the answer.
 */
export async function* bodyChunks(request: EngineRequest): AsyncGenerator<Buffer> {
  const { maxBodyBytes, raw } = request;
  let size = 0;
  let tooLargeAt: number | null = null;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (tooLargeAt === null && size > maxBodyBytes) tooLargeAt = size;
    if (tooLargeAt === null) yield chunk;
    else if (size > maxBodyBytes + MAX_DISCARDED_BYTES) break;
  }
  if (tooLargeAt !== null) throw new BodyTooLarge(maxBodyBytes, tooLargeAt);
}

export async function readBody(request: EngineRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyChunks(request)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The body as JSON, whatever its content type says. Throws SyntaxError. */
export async function readJson(request: EngineRequest): Promise<JsonValue> {
  const body = await readBody(request);
  return readPythonJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
}
