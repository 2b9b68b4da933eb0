import { ERROR_CATALOGUE, type ErrorCode, type ErrorInfo } from './errors.js';

/** How values of ours look to programs outside (HTTP API, webhooks): names in snake_case, times as RFC 3339 texts. */

const CAMEL_CASE = /^[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+$/;

/**
 * An object of Easel's own with its names in snake_case, all levels down. What a caller gave (metadata) and what is keyed
 * by a caller's names must not pass through here, or it would come back changed.
 */
export function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [wireName(name), toWire(part)]));
}

function wireName(name: string): string {
  return CAMEL_CASE.test(name) ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name;
}

export function wireTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

export function wireTimeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : wireTime(atMs);
}

/**
 * Codes whose messages speak of the machine that Easel runs on (paths, queries, programming errors). They are for its log;
 * a caller gets the catalogue's words.
 */
const PRIVATE_CODES: readonly ErrorCode[] = [
  'internal',
  'config_invalid',
  'database_unavailable',
  'database_conflict',
  'database_schema',
  'storage_failed',
];

/** An error as a caller may see it. */
export function publicError(info: ErrorInfo): ErrorInfo {
  if (!PRIVATE_CODES.includes(info.code)) return info;
  const { summary, hint } = ERROR_CATALOGUE[info.code];
  return { code: info.code, message: summary, hint, retryable: info.retryable };
}

export function errorJson(info: ErrorInfo): object {
  const { code, message, hint, retryable, details } = publicError(info);
  return { code, message, hint, retryable, ...(details === undefined ? {} : { details: toWire(details) }) };
}
