import { DatabaseError } from '../errors.js';

/**
 * The values that both databases take alike: null, text without NUL, integers that a double holds exactly, and bytes.
 *
 * Checked before either driver sees them, because the drivers fail differently and badly: a boolean aborts the whole
 * process in libsql, SQLite counts a fraction as a number where PostgreSQL refuses it, and a NUL cuts text short when SQLite
 * reads it back, where PostgreSQL refuses it.
 *
 * Throws TypeError for a fault in Easel, DatabaseError `request_invalid` for text that no database can hold.
 */
export function checkParameters(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value, index) => {
    if (typeof value === 'string' && value.includes('\0')) {
      // The only one that a caller's own input can bring about.
      throw new DatabaseError({ kind: 'data' }, 'Text with a NUL character cannot be stored.');
    }
    const fault = faultOf(value);
    if (fault !== null) throw new TypeError(`Query parameter ${index + 1} is ${fault}.`);
    return value;
  });
}

function faultOf(value: unknown): string | null {
  if (value === null || value instanceof Uint8Array) return null;
  switch (typeof value) {
    case 'string':
      return null;
    case 'number':
      return Number.isSafeInteger(value) ? null : `the number ${value}; only integers below 2^53 are portable`;
    case 'boolean':
      return 'a boolean; use 0 or 1';
    case 'undefined':
      return 'undefined; use null';
    default:
      return `of type ${value instanceof Date ? 'Date; use milliseconds since 1970' : typeof value}, which is not portable`;
  }
}
