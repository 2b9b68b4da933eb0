import { EaselError } from '../../core/errors.js';

/**
 * Documents of the legacy collection `users_economy`, as a MongoDB export writes them: one per line (mongoexport), or one
 * JSON array (`--jsonArray`), in relaxed or canonical Extended JSON v2 (`{"$numberLong": "5"}`), or as JavaScript wrote
 * them (the bare words NaN and Infinity).
 */
export const LEGACY_FIELDS = ['points', 'doints', 'qoints', 'boints', 'pendingQoints', 'exp', 'balance'] as const;
export type LegacyField = (typeof LEGACY_FIELDS)[number];

export interface LegacyUser {
  /** Position in the file, from 1. */
  readonly line: number;
  readonly userId: string | null;
  /** A number (also NaN), null where the field is absent, or the text of what is no number. */
  readonly values: Readonly<Record<LegacyField, number | string | null>>;
}

/** Throws `file_unreadable` with the line. */
export function parseLegacyDocuments(text: string): LegacyUser[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  if (trimmed.startsWith('[')) {
    const list = parseJson(trimmed, 1);
    if (!Array.isArray(list)) throw unreadable(1);
    return list.map((document: unknown, index) => toUser(document, index + 1));
  }
  return trimmed
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => toUser(parseJson(line, number), number));
}

function parseJson(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    try {
      // Only outside of strings, and only as a whole value.
      return JSON.parse(
        text.replace(
          /("(?:[^"\\]|\\.)*")|-?\b(NaN|Infinity)\b/g,
          (word, quoted?: string) => quoted ?? `{"$numberDouble":"${word}"}`,
        ),
      );
    } catch (error) {
      throw unreadable(line, error);
    }
  }
}

function unreadable(line: number, cause?: unknown): EaselError {
  return new EaselError('file_unreadable', `Line ${line} is no JSON document.`, {
    hint: 'Export with `mongoexport --collection users_economy --out economy.ndjson`.',
    cause,
    details: { line },
  });
}

function toUser(document: unknown, line: number): LegacyUser {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw unreadable(line);
  const fields = document as Readonly<Record<string, unknown>>;
  const values = Object.fromEntries(LEGACY_FIELDS.map((field) => [field, numberOf(fields[field])]));
  return {
    line,
    userId: idOf(fields['userId']) ?? idOf(fields['_id']),
    values: values as LegacyUser['values'],
  };
}

/** A number as text or in any of the wrappers of Extended JSON. */
function numberOf(value: unknown): number | string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value.trim() === '' ? null : textToNumber(value);
  if (typeof value === 'object') {
    for (const name of ['$numberInt', '$numberLong', '$numberDouble', '$numberDecimal']) {
      const text = (value as Readonly<Record<string, unknown>>)[name];
      if (typeof text === 'string') return textToNumber(text);
    }
  }
  return JSON.stringify(value) ?? String(value);
}

function textToNumber(text: string): number | string {
  const value = Number(text);
  return Number.isNaN(value) && text !== 'NaN' ? text : value;
}

function idOf(value: unknown): string | null {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return null;
  const { $oid: oid } = value as { readonly $oid?: unknown };
  if (typeof oid === 'string') return oid;
  const number = numberOf(value);
  return typeof number === 'number' && Number.isFinite(number) ? String(number) : null;
}
