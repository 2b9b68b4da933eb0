import { z } from 'zod';
import { MINUTE_MS, milliseconds, section } from './fields.js';

/** Prices, plans, tiers: what docs/points.md explains. */
const points = z.number().min(0).max(1_000_000_000);
const name = z.string().min(1).max(100);
const factor = z.number().min(0).max(1000);

const perks = z
  .strictObject({
    watermark: z.boolean().optional(),
    maxMegapixels: z.number().min(0).optional(),
    maxBatch: z.int().min(1).optional(),
    maxSteps: z.int().min(1).optional(),
    maxQueued: z.int().min(1).optional(),
    maxOpen: z.int().min(1).optional(),
  })
  .optional();

export const pointsSection = section({
  enabled: z
    .boolean()
    .default(false)
    .meta({ description: 'Charge generations by `prices`. Off, everything is free. See docs/points.md.' }),
  defaultPlan: name.default('free').meta({ description: 'Plan of accounts that were never given one.' }),
  plans: z
    .record(name, z.strictObject({ allowance: points, allowancePerDay: points, perks }))
    .default({ free: { allowance: 0, allowancePerDay: 0 } })
    .meta({
      description:
        'By name: `allowance` (free points, at most), `allowancePerDay` (how many come back in 24 hours) and `perks` (`watermark`, `maxMegapixels`, `maxBatch`, `maxSteps`, and of the waiting room `maxQueued`, `maxOpen`).',
    }),
  tiers: z
    .array(z.strictObject({ name, experience: points, multiplier: factor.optional(), perks }))
    .default([])
    .meta({
      description:
        'From so much `experience` (points ever spent): a factor for prices, and perks over those of the plan.',
    }),
  contexts: z
    .record(name, z.array(z.enum(['allowance', 'credit'])))
    .default({ interactive: ['allowance', 'credit'], api: ['credit'], cook: ['credit'] })
    .meta({ description: 'Which points each context may spend, in order. A context that is not named spends credit.' }),
  prices: z
    .array(
      z.strictObject({
        workflow: name,
        flat: points.optional(),
        perSecond: z.union([points, z.record(name, points)]).optional(),
        perOutput: points.optional(),
        perMegapixel: points.optional(),
        minimum: points.optional(),
        contexts: z.record(name, factor).optional(),
        coldStartSeconds: z.number().min(0).max(86_400).optional(),
      }),
    )
    .default([])
    .meta({
      description:
        'One rule per `workflow` (or `*` for all others), in points: `flat`, `perSecond` (a rate, or rates by class of backend), `perOutput`, `perMegapixel`, `minimum`, factors by `contexts`, `coldStartSeconds`. What has no rule is free.',
    }),
  backendClasses: z
    .record(name, name)
    .default({})
    .meta({ description: 'Class of each backend, by its id, for prices per second. Others are of class `default`.' }),
  margin: z.number().min(1).max(100).default(1.25).meta({ description: 'What is held is the estimate times this.' }),
  overdraft: z
    .boolean()
    .default(false)
    .meta({ description: 'Charge more than was held when it cost more, down to the floor of the account.' }),
  cancelled: z
    .enum(['free', 'run-time'])
    .default('free')
    .meta({ description: 'What a generation costs that is cancelled while it runs.' }),
  holdMs: milliseconds(24 * 60 * MINUTE_MS, 'A hold that belongs to no generation is released after this time.'),
  expiryGraceMs: milliseconds(
    24 * 60 * MINUTE_MS,
    'Credit that has expired since it was spent is usable for so long after a refund.',
  ),
  sweepMs: milliseconds(5 * MINUTE_MS, 'Pause between two sweeps of expired credit and overdue holds.', 1000),
  topUpHint: z.string().default('').meta({ description: 'Where to get points; told to those who have too few.' }),
});
