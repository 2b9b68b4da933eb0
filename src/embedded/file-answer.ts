import { stat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { empty, type HttpAnswer } from './http-answer.js';

/**
 * A file with `ETag`, `Last-Modified`, conditional requests and `Range` (RFC 9110), in the shape of a real server's
 * answers (comfyui.md 1.7). Throws ENOENT when there is no such file; directories are 404.
 */
export async function fileAnswer(
  path: string,
  requestHeaders: IncomingHttpHeaders,
  headers: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const info = await stat(path, { bigint: true });
  if (!info.isFile()) return empty(404);
  const size = Number(info.size);
  const etag = `"${info.mtimeNs.toString(16)}-${size.toString(16)}"`;
  const modified = new Date(Number(info.mtimeMs));
  const described = { ...headers, etag, 'last-modified': modified.toUTCString() };

  const condition = failedCondition(requestHeaders, etag, modified);
  if (condition === 412) return { status: 412, headers: described };
  if (condition === 304) return { status: 304, headers: described };

  const whole = { path, start: 0, end: size };
  const answered = { ...described, 'accept-ranges': 'bytes' };
  const range = isRangeCurrent(requestHeaders, etag, modified) ? requestHeaders.range : undefined;
  if (range === undefined) return { status: 200, headers: answered, body: whole };
  const part = byteRange(range, size);
  if (!part) return { status: 416, headers: { ...answered, 'content-range': `bytes */${size}` } };
  return {
    status: 206,
    headers: { ...answered, 'content-range': `bytes ${part.start}-${part.end - 1}/${size}` },
    body: { path, ...part },
  };
}

function failedCondition(headers: IncomingHttpHeaders, etag: string, modified: Date): 304 | 412 | null {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined && !matches(ifMatch, etag)) return 412;
  const unmodifiedSince = seconds(headers['if-unmodified-since']);
  if (ifMatch === undefined && unmodifiedSince !== null && wholeSeconds(modified) > unmodifiedSince) return 412;
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, etag) ? 304 : null;
  const modifiedSince = seconds(headers['if-modified-since']);
  return modifiedSince !== null && wholeSeconds(modified) <= modifiedSince ? 304 : null;
}

function matches(header: string, etag: string): boolean {
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function isRangeCurrent(headers: IncomingHttpHeaders, etag: string, modified: Date): boolean {
  const ifRange = headers['if-range'];
  if (typeof ifRange !== 'string') return true;
  if (ifRange.startsWith('"')) return ifRange === etag;
  const time = seconds(ifRange);
  return time !== null && wholeSeconds(modified) <= time;
}

function seconds(header: string | undefined): number | null {
  const time = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(time) ? null : Math.floor(time / 1000);
}

function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function byteRange(header: string, size: number): { readonly start: number; readonly end: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '' && last === '') return null;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : null;
}
