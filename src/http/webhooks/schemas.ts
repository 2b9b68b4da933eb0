import { z } from 'zod';
import { WEBHOOK_EVENTS } from '../../webhooks/index.js';
import { strictObject, wholeNumber } from '../validate.js';

/** What webhooks look like on the wire. */
const time = z.iso.datetime();
const url = z.string().min(1).max(2_000).meta({ description: 'http or https, on the public internet.' });
const description = z.string().max(200);
const events = z.array(z.enum(WEBHOOK_EVENTS)).min(1);

export const createBody = strictObject({
  url,
  description: description.optional(),
  events: events.optional().meta({ description: 'How generations end, unless told.' }),
});
export const updateBody = strictObject({
  url: url.optional(),
  description: description.optional(),
  events: events.optional(),
  enabled: z.boolean().optional().meta({ description: 'Turning it on again forgets its failures.' }),
});
export const rotateBody = strictObject({
  overlap_ms: z.int().min(0).max(604_800_000).optional().meta({ description: 'How long the old secret signs too.' }),
}).optional();
export const deliveriesQuery = strictObject({
  status: z.enum(['pending', 'delivered', 'dead']).optional(),
  limit: wholeNumber(1, 200).optional(),
  before: z.string().min(1).max(200).optional(),
});

export const endpointSchema = z
  .object({
    id: z.uuid(),
    url: z.string(),
    description: z.string(),
    events: z.array(z.enum(WEBHOOK_EVENTS)),
    enabled: z.boolean(),
    disabled_reason: z.string().nullable().meta({ description: 'Why Easel turned it off by itself.' }),
    failing_since: time.nullable().meta({ description: 'Since when every try has failed.' }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'WebhookEndpoint' });

export const endpointWithSecretSchema = endpointSchema
  .extend({ secret: z.string().meta({ description: 'To verify signatures with. Shown this once.' }) })
  .meta({ id: 'NewWebhookEndpoint' });

const deliverySchema = z
  .object({
    message_id: z.string().meta({ description: '`webhook-id` of the message: the same for every try.' }),
    generation_id: z.uuid().nullable(),
    type: z.string(),
    status: z.enum(['pending', 'delivered', 'dead']),
    attempt_count: z.int(),
    next_at: time.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
    created_at: time,
    finished_at: time.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryPageSchema = z
  .object({ data: z.array(deliverySchema), next_before: z.string().nullable() })
  .meta({ id: 'WebhookDeliveryPage' });

export const deliveryLogSchema = deliverySchema
  .extend({
    tries: z.array(
      z.object({
        number: z.int(),
        at: time,
        duration_ms: z.int(),
        status: z.int().nullable(),
        error: z.string().nullable(),
        answer: z.string().nullable().meta({ description: 'The first kilobyte of what the receiver answered.' }),
      }),
    ),
  })
  .meta({ id: 'WebhookDeliveryLog' });

export const testSentSchema = z.object({ message_id: z.string() }).meta({ id: 'WebhookTest' });
