import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EaselError } from '../core/errors.js';

/** Largest side of a derived picture, in pixels. */
const MAX_SIDE = 8192;
const side = z.int().min(1).max(MAX_SIDE);

/** How to make a file from a stored picture, or from a frame of a stored video. */
export const recipeSchema = z
  .strictObject({
    preset: z.enum(['thumbnail']).optional().meta({ description: '`thumbnail`: WebP of at most 256 by 256 pixels.' }),
    width: side.optional().meta({ description: 'Pixels. With one side given, the other follows.' }),
    height: side.optional().meta({ description: 'Pixels.' }),
    fit: z
      .enum(['inside', 'cover', 'contain', 'fill'])
      .optional()
      .meta({ description: 'With both sides given: fit in, cut to fill, pad, or stretch. `inside` unless told.' }),
    enlarge: z.boolean().optional().meta({ description: 'Also make small pictures larger. False unless told.' }),
    format: z
      .enum(['jpeg', 'png', 'webp', 'avif', 'gif'])
      .optional()
      .meta({ description: 'As the source unless told. An animation stays one in `webp` and `gif`.' }),
    quality: z.int().min(1).max(100).optional().meta({ description: 'Of `jpeg`, `webp` and `avif`.' }),
    metadata: z
      .enum(['strip', 'keep'])
      .optional()
      .meta({ description: 'What the file says about itself: camera, place, graph. `strip` unless told.' }),
    watermark: z.boolean().optional().meta({ description: 'Write the configured text on it.' }),
    frameMs: z
      .number()
      .min(0)
      .max(86_400_000)
      .optional()
      .meta({ description: 'For a video: the time of the frame, in milliseconds. The first frame unless told.' }),
  })
  .meta({ description: 'How to derive a file.' });

export type RecipeInput = z.input<typeof recipeSchema>;

/** Complete: equal recipes are equal texts. */
export interface Recipe {
  readonly width: number | null;
  readonly height: number | null;
  readonly fit: 'inside' | 'cover' | 'contain' | 'fill';
  readonly enlarge: boolean;
  readonly format: 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | null;
  readonly quality: number | null;
  readonly metadata: 'strip' | 'keep';
  readonly watermark: string | null;
  readonly frameMs: number;
}

const THUMBNAIL: RecipeInput = { width: 256, height: 256, fit: 'inside', format: 'webp', quality: 75 };

/** Throws `request_invalid`. */
export function completeRecipe(input: RecipeInput, watermark: string): Recipe {
  const parsed = recipeSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new EaselError('request_invalid', `The recipe does not fit: ${issue?.path.join('.')} ${issue?.message}.`);
  }
  const { preset, ...own } = parsed.data;
  const given = { ...(preset === undefined ? {} : THUMBNAIL), ...own };
  return {
    width: given.width ?? null,
    height: given.height ?? null,
    fit: given.fit ?? 'inside',
    enlarge: given.enlarge ?? false,
    format: given.format ?? null,
    quality: given.quality ?? null,
    metadata: given.metadata ?? 'strip',
    watermark: given.watermark === true ? watermark : null,
    frameMs: given.frameMs ?? 0,
  };
}

/** Raised when the same recipe begins to make other files: then those of before are made anew. */
const VERSION = 1;

export function recipeKey(recipe: Recipe): string {
  return createHash('sha256')
    .update(JSON.stringify([VERSION, recipe]))
    .digest('hex');
}
