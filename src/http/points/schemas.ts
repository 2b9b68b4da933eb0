import { z } from 'zod';
import { TRANSFER_KINDS } from '../../points/index.js';
import { strictObject, wholeNumber } from '../validate.js';

/** What points look like on the wire. All amounts are whole micro-points: 1,000,000 are one point. */
const time = z.iso.datetime();
const micro = z.int().meta({ description: 'Micro-points.' });
const buckets = { allowance: micro, credit: micro, held: micro };

export const historyQuery = strictObject({
  kind: z.enum(TRANSFER_KINDS).optional(),
  generation_id: z.uuid().optional(),
  from: time.optional(),
  to: time.optional(),
  limit: wholeNumber(1, 1000).optional(),
  cursor: wholeNumber(1, 999_999_999_999_999).optional(),
  order: z.enum(['newest', 'oldest']).optional(),
});
export const estimateQuery = strictObject({
  workflow: z.string().min(1).max(100).optional(),
  context: z.string().min(1).max(100).optional(),
});
export const grantBody = strictObject({
  account_id: z.string().min(1).max(255),
  amount: z
    .int()
    .min(1)
    .max(2 ** 50)
    .meta({ description: 'Micro-points.' }),
  reason: z.string().min(1).max(1000),
  expires_at: time.nullable().optional(),
});

export const balanceSchema = z
  .object({
    account_id: z.string(),
    plan: z.string(),
    tier: z.string().nullable(),
    allowance: micro,
    allowance_cap: micro,
    allowance_per_day: micro,
    allowance_full_at: time.nullable(),
    credit: micro,
    expiring: z.array(z.object({ amount: micro, expires_at: time })),
    held: micro,
    floor: micro,
    experience: micro,
  })
  .meta({ id: 'Balance' });

export const historyPageSchema = z
  .object({
    data: z.array(
      z
        .object({
          seq: z.int(),
          at: time,
          kind: z.enum(TRANSFER_KINDS),
          amount: micro,
          ...buckets,
          balance: z.object(buckets),
          transfer_id: z.string(),
          hold_id: z.string().nullable(),
          generation_id: z.string().nullable(),
          note: z.unknown(),
        })
        .meta({ id: 'HistoryEntry' }),
    ),
    next_cursor: z.int().nullable(),
  })
  .meta({ id: 'HistoryPage' });

export const estimateSchema = z
  .object({
    p50: micro,
    p90: micro,
    hold: micro,
    samples: z.int(),
    note: z.string().nullable(),
  })
  .meta({ id: 'Estimate' });

export const receiptSchema = z
  .object({ transfer_id: z.string(), amount: micro, repeated: z.boolean() })
  .meta({ id: 'Receipt' });
