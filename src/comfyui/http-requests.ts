import { parsePythonJson } from '../core/json.js';
import { type Answer, header } from './failures.js';
import type { ViewedFile } from './http-types.js';
import { safeContentType } from './multipart.js';
import type { CallOptions, StreamedAnswer, TransportRequest } from './transport.js';

/** Small pieces that the routes of `ComfyUiHttp` are made of. */

export function callOptions(options: CallOptions): CallOptions {
  return {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
  };
}

export function getRequest(
  path: string,
  options: CallOptions,
  query: TransportRequest['query'] = {},
): TransportRequest {
  return { ...callOptions(options), method: 'GET', path, query };
}

export function jsonRequest(path: string, body: string, options: CallOptions): TransportRequest {
  return { ...callOptions(options), method: 'POST', path, headers: { 'content-type': 'application/json' }, body };
}

/** A user file is one path segment: its slashes must be encoded (comfyui.md 1.10). */
export function userDataPath(path: string): string {
  return `/userdata/${encodeURIComponent(path)}`;
}

/** Undefined when the text is not JSON, not even Python's. */
export function tryJson(text: string): unknown {
  try {
    return parsePythonJson(text);
  } catch {
    return undefined;
  }
}

export function isStreamed(answer: StreamedAnswer | Answer): answer is StreamedAnswer {
  return 'body' in answer;
}

export function viewedFile(answer: StreamedAnswer): ViewedFile {
  const length = header(answer.headers, 'content-length');
  return {
    stream: answer.body,
    contentType: safeContentType(header(answer.headers, 'content-type')),
    contentLength: length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : null,
    partial: answer.status === 206,
  };
}
