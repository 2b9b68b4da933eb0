import { z } from 'zod';
import { definedOnly } from '../../core/objects.js';
import type { GenerationRequest } from '../../generations/index.js';
import { strictObject } from '../validate.js';

/** What graphs and workflows can be asked for with, alike: how long, how often, and on what kind of backend. */

const limitMs = z.int().min(1).max(2_147_483_647).optional();

export const termsShape = {
  limits: strictObject({
    queue_ms: limitMs,
    run_ms: limitMs,
    max_attempts: z.int().min(1).max(100).optional(),
  }).optional(),
  /** Only a backend with all these tags, and with so much video memory, may run it. */
  needs: strictObject({
    tags: z.array(z.string().min(1).max(100)).max(20).optional(),
    vram_bytes: z.int().min(0).optional(),
  }).optional(),
};

type Terms = z.output<ReturnType<typeof strictObject<typeof termsShape>>>;

export function termsOf({ limits, needs }: Terms): Pick<GenerationRequest, 'limits' | 'needs'> {
  return {
    ...(limits === undefined
      ? {}
      : {
          limits: definedOnly({ queueMs: limits.queue_ms, runMs: limits.run_ms, maxAttempts: limits.max_attempts }),
        }),
    ...(needs === undefined ? {} : { needs: definedOnly({ tags: needs.tags, vramBytes: needs.vram_bytes }) }),
  };
}
