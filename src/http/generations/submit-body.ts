import { z } from 'zod';
import type { JsonValue } from '../../core/json.js';
import { jsonObject, strictObject, wire } from '../validate.js';
import { termsShape } from './terms.js';

/** The body of POST /v1/generations. */

const MAX_PROMPT_CHARS = 100_000;
const MAX_SEED = 2n ** 64n - 1n;

const prompt = z.string().max(MAX_PROMPT_CHARS).optional();

/** Up to 2^64-1. As text too: most languages cannot write such a number, and JavaScript would round it. */
const seed = z
  .union([z.int().min(0), z.bigint(), z.string().regex(/^\d{1,20}$/)], {
    error: `expected a whole number from 0 to ${MAX_SEED}, or one as text`,
  })
  .transform((value) => BigInt(value))
  .refine((value) => value >= 0n && value <= MAX_SEED, `expected a whole number from 0 to ${MAX_SEED}`)
  .meta(
    wire({
      anyOf: [
        { type: 'integer', minimum: 0, description: `Up to ${MAX_SEED}.` },
        {
          type: 'string',
          pattern: '^[0-9]{1,20}$',
          description: 'The number as text, for languages that would round it.',
        },
      ],
    }),
  );

export const submitBody = strictObject({
  graph: jsonObject.optional(),
  workflow: jsonObject.optional(),
  prompt,
  negative: prompt,
  seed: seed.optional(),
  set: z
    .record(
      z.string(),
      z.custom<JsonValue>((value) => value !== undefined),
    )
    .optional(),
  inputs: z.record(z.string(), strictObject({ media_id: z.string().min(1).max(100) })).optional(),
  lane: z.enum(['interactive', 'batch']).optional(),
  backend_id: z.string().min(1).max(100).optional(),
  session_id: z.uuid().optional(),
  ...termsShape,
  metadata: jsonObject.optional(),
}).refine(({ graph, workflow }) => graph !== undefined || workflow !== undefined, {
  message: 'send a "graph" (API format) or a "workflow" (UI format)',
  path: ['graph'],
  // A missing name next to a misspelt one is the same slip, told once.
  when: ({ issues }) => issues.length === 0,
});

export type SubmitBody = z.output<typeof submitBody>;
