import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { DbTransaction } from '../db/index.js';
import type { Database } from '../db/schema.js';
import { WEBHOOK_EVENTS, type WebhookEvent } from './types.js';

export interface OutboxEvent {
  readonly generationId: string;
  readonly seq: number;
  /** As generations name it: `succeeded`, `started`, ... */
  readonly type: string;
  readonly at: number;
}

/**
 * Puts an event into the outbox of every endpoint that asked for it, in the transaction that makes the event. One statement,
 * whether there are endpoints or not, and none for events that webhooks do not know. True when an endpoint asked for it.
 */
export async function enqueueWebhooks(tx: DbTransaction, event: OutboxEvent): Promise<boolean> {
  const type = `generation.${event.type}`;
  if (!isWebhookEvent(type)) return false;
  const result = await tx
    .insertInto('webhook_deliveries')
    .columns([
      'endpoint_id',
      'message_id',
      'account_id',
      'generation_id',
      'seq',
      'type',
      'event_at',
      'status',
      'attempt_count',
      'next_at',
      'lease_until',
      'created_at',
    ])
    .expression((eb) =>
      eb
        .selectFrom('generations')
        .innerJoin('webhook_subscriptions as wanted', 'wanted.account_id', 'generations.account_id')
        .select(({ lit, cast, val }) => [
          'wanted.endpoint_id',
          cast<string>(val(messageIdOf(event)), 'text').as('message_id'),
          'generations.account_id',
          'generations.id as generation_id',
          cast<number>(val(event.seq), 'bigint').as('seq'),
          cast<string>(val(type), 'text').as('type'),
          cast<number>(val(event.at), 'bigint').as('event_at'),
          cast<'pending'>(val('pending'), 'text').as('status'),
          lit(0).as('attempt_count'),
          cast<number>(val(event.at), 'bigint').as('next_at'),
          lit(0).as('lease_until'),
          cast<number>(val(event.at), 'bigint').as('created_at'),
        ])
        .where('generations.id', '=', event.generationId)
        .where('wanted.type', '=', type),
    )
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Of the generation in a statement: did an endpoint of its account ask for such events? */
export function isFollowed(
  eb: ExpressionBuilder<Database, 'generations'>,
  eventType: string,
): ExpressionWrapper<Database, 'generations', SqlBool> {
  return eb.exists(
    eb
      .selectFrom('webhook_subscriptions as wanted')
      .select('wanted.endpoint_id')
      .whereRef('wanted.account_id', '=', 'generations.account_id')
      .where('wanted.type', '=', `generation.${eventType}`),
  );
}

function messageIdOf(event: { readonly generationId: string; readonly seq: number }): string {
  return `${event.generationId}.${event.seq}`;
}

function isWebhookEvent(type: string): type is WebhookEvent {
  return (WEBHOOK_EVENTS as readonly string[]).includes(type);
}
