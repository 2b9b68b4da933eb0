import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { contentHash } from '../../workflows/index.js';
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
  return { idempotencyKey, idempotencyDigest: contentHash(asked) };
}
