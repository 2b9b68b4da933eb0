import { createHash } from 'node:crypto';
import { stringifyLossless } from '../core/json.js';

/**
 * SHA-256 of a JSON value, the same whatever the order of keys: files are written by many programs, and each orders them
 * in its own way. Lists keep their order. 1 and 1.0 are the same number; a `bigint` is the integer that it is. Undefined
 * members count as absent.
 */
export function contentHash(value: unknown): string {
  return createHash('sha256')
    .update(stringifyLossless(inOrder(value)))
    .digest('hex');
}

/** Objects as lists of pairs: an object would put names that look like numbers first, and lose one called `__proto__`. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(inOrder)];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return ['object', ...entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, inOrder(part)])];
}
