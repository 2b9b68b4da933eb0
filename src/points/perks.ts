import { PointsError } from '../core/errors.js';
import type { Perks } from './policy.js';
import type { Quantities } from './quantities.js';

/**
 * Refuses what is larger than the plan or tier allows. Throws `points_plan_limit`. The watermark is no refusal: whoever
 * delivers pictures asks `perks.watermark`.
 */
export function checkPerks(perks: Perks, { pixels, batch, steps }: Quantities): void {
  const limits: readonly [string, number, number | undefined, string][] = [
    ['maxMegapixels', pixels / 1_000_000, perks.maxMegapixels, 'megapixels'],
    ['maxBatch', batch, perks.maxBatch, 'pictures at once'],
    ['maxSteps', steps, perks.maxSteps, 'steps'],
  ];
  for (const [perk, asked, limit, words] of limits) {
    if (limit === undefined || asked <= limit) continue;
    throw new PointsError('points_plan_limit', `The plan allows ${limit} ${words}; ${asked} were asked for.`, {
      details: { perk, limit, asked },
    });
  }
}
