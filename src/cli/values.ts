import { EaselError } from '../core/errors.js';
import { type JsonValue, parseLossless } from '../core/json.js';

/** Values of options, from text. All throw EaselError `usage_invalid` that names the option. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** `10m`, `1h30m`, `500ms`; a bare number is seconds. Result in milliseconds. */
export function parseDuration(text: string, option: string): number {
  const trimmed = text.trim().toLowerCase();
  const written = /^\d+(\.\d+)?$/.test(trimmed) ? `${trimmed}s` : trimmed;
  let totalMs = 0;
  if (DURATION.test(written)) {
    for (const [, amount, unit] of written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
      totalMs += Number(amount) * UNITS_MS[unit!]!;
    }
  }
  totalMs = Math.round(totalMs);
  if (totalMs < 1 || !Number.isSafeInteger(totalMs)) {
    throw usage(`${option}: "${text}" is not a length of time.`, 'Write for example 90s, 10m or 1h30m.');
  }
  return totalMs;
}

export interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** For options that may be given several times. */
export function repeat(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** `name=value`; the value may hold further `=` and may be empty. */
export function parseAssignment(text: string, option: string, example: string): Assignment {
  const at = text.indexOf('=');
  const name = text.slice(0, at).trim();
  if (at === -1 || name === '') throw usage(`${option}: "${text}" is not of the form name=value.`, `Write ${example}.`);
  return { name, value: text.slice(at + 1) };
}

/**
 * A value as JSON where it is valid JSON, otherwise the text itself: `20`, `true`, `euler`, `"20"` (a text). The type of the
 * input decides later whether it fits.
 */
export function parseLooseValue(text: string): JsonValue {
  try {
    return parseLossless(text);
  } catch {
    return text;
  }
}

/** `Name: value`, as curl takes it. */
export function parseHeader(text: string, option: string): Assignment {
  const at = text.indexOf(':');
  const name = text.slice(0, at).trim();
  const value = text.slice(at + 1).trim();
  if (at < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[\r\n\0]/.test(value)) {
    // The text is not repeated: a header is where tokens are.
    throw usage(`${option}: a header must be of the form "Name: value".`, 'Write for example --header "X-Team: blue".');
  }
  return { name, value };
}

const MAX_SEED = 2n ** 64n - 1n;

/** A whole number from 0 to 2^64-1, to its last digit, or `random`. */
export function parseSeed(text: string): bigint | 'random' {
  const trimmed = text.trim();
  if (trimmed === 'random') return 'random';
  if (/^\d{1,20}$/.test(trimmed)) {
    const seed = BigInt(trimmed);
    if (seed <= MAX_SEED) return seed;
  }
  throw usage(`--seed: "${text}" is not a seed.`, `Give a whole number from 0 to ${MAX_SEED}, or "random".`);
}

export function parsePort(text: string, option: string): number {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw usage(`${option}: "${text}" is not a port.`, 'Give a number from 0 to 65535; 0 takes any.');
  return port;
}

export function parseWholeNumber(text: string, option: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw usage(`${option}: "${text}" is not a whole number.`, 'Give a number such as 40.');
  return value;
}

/** A day or time, in UTC unless it names a zone; milliseconds since 1970. Throws `usage_invalid`. */
export function parseTime(text: string, option: string): number {
  const hasZone = /Z$|[+-]\d\d:?\d\d$/.test(text);
  const at = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) || hasZone ? text : `${text}Z`);
  if (Number.isNaN(at)) throw usage(`${option}: "${text}" is no time.`, 'Write 2026-11-01 or 2026-11-01T12:00.');
  return at;
}

export function usage(message: string, hint?: string): EaselError {
  return new EaselError('usage_invalid', message, hint === undefined ? {} : { hint });
}
