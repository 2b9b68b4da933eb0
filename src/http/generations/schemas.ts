import { z } from 'zod';
import { ERROR_CATALOGUE, type ErrorCode } from '../../core/errors.js';
import { GENERATION_STATUSES } from '../../core/statuses.js';

/** How generations look on the wire; `generations/json.ts` makes it. Names are those of the OpenAPI document (`meta.id`). */
const time = z.iso.datetime();
const anything = z.unknown();

export const errorSchema = z
  .object({
    code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    hint: z.string(),
    retryable: z.boolean(),
    details: anything.optional(),
  })
  .meta({ id: 'Error', description: 'Why something failed. `GET /v1/errors/{code}` explains a code.' });

const outputSchema = z
  .object({
    id: z.string(),
    ordinal: z.int().meta({ description: 'Position in the order of the graph, from 0.' }),
    node_id: z.string(),
    key: z.string(),
    kind: z.string().meta({ description: 'image, video, audio, model3d, text, latent or file.' }),
    filename: z.string(),
    content_type: z.string(),
    bytes: z.int(),
    hash: z.string().nullable().meta({ description: 'SHA-256 of the file; null for text.' }),
    text: z.string().nullable(),
    url: z.string().meta({ description: 'Where to fetch it, relative to this server.' }),
  })
  .meta({ id: 'Output' });

export const generationSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(GENERATION_STATUSES),
    ended: z.boolean().meta({ description: 'It will not change any more.' }),
    lane: z.enum(['interactive', 'batch']),
    session_id: z.uuid().nullable(),
    workflow_name: z.string().nullable(),
    workflow_version: z.string().nullable(),
    backend_id: z.string().nullable(),
    attempt_count: z.int(),
    cancel_requested: z.boolean(),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    error: errorSchema.nullable(),
    outputs: z.array(outputSchema),
    metadata: anything.meta({ description: 'What the caller attached, as it came.' }),
    queue: z
      .object({ position: z.int(), eta_ms: z.number().nullable() })
      .optional()
      .meta({ description: 'While it waits: its place, from 1, and when it will start, as far as that can be told.' }),
    status_url: z.string(),
    events_url: z.string(),
    cancel_url: z.string(),
  })
  .meta({ id: 'Generation' });

export const submittedSchema = generationSchema
  .extend({
    warnings: z
      .array(z.object({ code: z.string(), message: z.string(), node_id: z.string() }))
      .optional()
      .meta({ description: 'What the conversion of a UI workflow had to guess.' }),
  })
  .meta({ id: 'SubmittedGeneration' });

export const generationPageSchema = z
  .object({
    data: z.array(generationSchema),
    next_before: z.uuid().nullable().meta({ description: '`before` of the next page; null at the end.' }),
  })
  .meta({ id: 'GenerationPage' });
