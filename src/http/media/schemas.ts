import { z } from 'zod';
import { recipeSchema } from '../../media/index.js';
import { flag, strictObject, wholeNumber } from '../validate.js';

/** What the routes of media take and give. Names are those of the wire. */

export const mediaUploadQuery = strictObject({
  filename: z.string().max(500).optional().meta({ description: 'What to call the file, for a body that is the file.' }),
});

export const mediaFromElsewhere = z
  .union([
    strictObject({ url: z.string().min(1).max(8192).meta({ description: 'http or https address of the file.' }) }),
    strictObject({ data_url: z.string().min(5).meta({ description: '`data:image/png;base64,…`' }) }),
  ])
  .meta({ description: 'A file that is to be fetched, or that is in the body as text.' });

export const mediaFile = z
  .object({
    media_id: z.string(),
    hash: z.string().meta({ description: 'SHA-256 of the bytes.' }),
    bytes: z.int(),
    content_type: z.string().meta({ description: 'What the bytes are.' }),
    filename: z.string().nullable(),
    source: z.enum(['upload', 'url', 'generation']),
    pinned: z.boolean(),
    created_at: z.string(),
    url: z.string(),
    content_url: z.string(),
  })
  .meta({ description: 'A stored file.' });

const mediaProvenance = z.object({
  generation_id: z.string(),
  ordinal: z.int(),
  node_id: z.string(),
  key: z.string(),
  backend_id: z.string(),
  workflow_name: z.string().nullable(),
  workflow_version: z.string().nullable(),
  models: z.array(z.string()),
  loras: z.array(z.string()),
  seeds: z.record(z.string(), z.string()).meta({ description: 'By `node.input`, as digits.' }),
  graph: z.record(z.string(), z.unknown()),
});

export const mediaInfo = mediaFile.extend({
  width: z.int().nullable(),
  height: z.int().nullable(),
  frames: z.int().nullable(),
  blurhash: z.string().nullable(),
  provenance: mediaProvenance.nullable(),
});

export const mediaListQuery = strictObject({
  limit: wholeNumber(1, 200).optional(),
  before: z.string().optional().meta({ description: '`next_before` of the page before.' }),
  pinned: flag,
  source: z.enum(['upload', 'url', 'generation']).optional(),
});

export const mediaList = z.object({
  files: z.array(mediaFile),
  next_before: z.string().nullable(),
  usage: z.object({ files: z.int(), bytes: z.int(), quota_bytes: z.int().meta({ description: '0 is no limit.' }) }),
});

/** A recipe in a query: numbers are texts there. */
export const mediaContentQuery = strictObject({
  download: flag,
  preset: recipeSchema.shape.preset,
  width: wholeNumber(1, 8192).optional(),
  height: wholeNumber(1, 8192).optional(),
  fit: recipeSchema.shape.fit,
  enlarge: flag,
  format: recipeSchema.shape.format,
  quality: wholeNumber(1, 100).optional(),
  metadata: recipeSchema.shape.metadata,
  frame_ms: wholeNumber(0, 86_400_000).optional(),
});

export const mediaPatch = strictObject({
  pinned: z.boolean().meta({ description: 'Keep it whatever the retention says.' }),
});

export const mediaLinkRequest = strictObject({
  expires_in_s: z.int().min(1).max(604_800).optional().meta({ description: 'As configured unless told.' }),
});

export const mediaLink = z.object({ url: z.string(), expires_at: z.string() });

export const signedQuery = strictObject({
  account: z.string().min(1).max(255),
  expires: z.string().regex(/^\d{1,12}$/),
  signature: z.string().max(100),
  download: flag,
});
