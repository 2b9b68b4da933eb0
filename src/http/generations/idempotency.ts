import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { stringifyLossless } from '../../core/json.js';
import { check } from '../validate.js';

const headers = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'expected 1 to 255 characters of ASCII, without spaces')
    .optional(),
});

/** The key of a request that may be sent twice and must count once. */
export interface Idempotency {
  readonly idempotencyKey: string;
  /** Of what was asked for, so that another request under the same key is noticed. */
  readonly idempotencyDigest: string;
}

/**
 * Null without `Idempotency-Key`. The digest is taken of the request and not of the graph that is made from it: a workflow
 * may contain random choices and dates, and is another graph each time. Throws `request_invalid`.
 */
export function idempotencyOf(given: IncomingHttpHeaders, asked: unknown): Idempotency | null {
  const { 'idempotency-key': idempotencyKey } = check(headers, given, 'headers');
  if (idempotencyKey === undefined) return null;
  const idempotencyDigest = createHash('sha256')
    .update(stringifyLossless(inOrder(asked)))
    .digest('hex');
  return { idempotencyKey, idempotencyDigest };
}

/** With the names of all objects in order: some clients write them in another one each time. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(inOrder)];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  // As pairs: an object would put names that look like numbers first, and lose one called __proto__.
  return ['object', ...entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, inOrder(part)])];
}
