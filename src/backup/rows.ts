import type { AnyRow } from '../db/index.js';

/** Line ends to many a reader of lines, but not to JSON. */
const LINE_SEPARATORS = /[\u2028\u2029]/g;

/** A row as one line of JSON. Numbers of the schema are whole and exact, so plain JSON keeps them. */
export function rowToLine(row: AnyRow): string {
  const text = JSON.stringify(row, (_, value: unknown) => {
    // Buffers bring a toJSON of their own, which has run by now.
    if (isBufferJson(value)) return { base64: Buffer.from(value.data).toString('base64') };
    return value;
  });
  return text.replace(LINE_SEPARATORS, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
}

export function lineToRow(line: string): AnyRow {
  return JSON.parse(line, (_, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string') {
      return Buffer.from(value.base64, 'base64');
    }
    return value;
  }) as AnyRow;
}

function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
}
