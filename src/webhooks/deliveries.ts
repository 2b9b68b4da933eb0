import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { Db } from '../db/index.js';
import type { WebhookDeliveriesTable } from '../db/schema.js';
import { type Delivery, type DeliveryStatus, type DeliveryTry, TEST_EVENT } from './types.js';

export interface DeliveryFilter {
  readonly status?: DeliveryStatus;
  readonly limit?: number;
  /** `cursor` of the page before. */
  readonly before?: string;
}

export interface DeliveryPage {
  /** Newest first. */
  readonly deliveries: readonly Delivery[];
  readonly next: string | null;
}

interface DeliveriesOptions {
  readonly db: Db;
  readonly clock: Clock;
}

const MAX_PAGE = 200;

/** The outbox and the log, as their owner sees them. */
export class Deliveries {
  readonly #options: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  async list(endpointId: string, accountId: string, filter: DeliveryFilter = {}): Promise<DeliveryPage> {
    const limit = Math.min(Math.max(1, filter.limit ?? 50), MAX_PAGE);
    let query = this.#options.db.kysely
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .where('account_id', '=', accountId)
      .orderBy('created_at', 'desc')
      .orderBy('message_id', 'desc')
      .limit(limit);
    if (filter.status !== undefined) query = query.where('status', '=', filter.status);
    if (filter.before !== undefined) {
      const [at, messageId] = parseCursor(filter.before);
      query = query.where((eb) =>
        eb.or([eb('created_at', '<', at), eb.and([eb('created_at', '=', at), eb('message_id', '<', messageId)])]),
      );
    }
    const rows = await query.execute();
    const last = rows.at(-1);
    return {
      deliveries: rows.map(toDelivery),
      next: last === undefined || rows.length < limit ? null : `${last.created_at}~${last.message_id}`,
    };
  }

  /** One delivery with all its tries. Throws `not_found`. */
  async get(
    endpointId: string,
    messageId: string,
    accountId: string,
  ): Promise<Delivery & { readonly tries: readonly DeliveryTry[] }> {
    const { kysely } = this.#options.db;
    const row = await kysely
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .where('message_id', '=', messageId)
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    if (row === undefined) throw missing(messageId);
    const tries = await kysely
      .selectFrom('webhook_attempts')
      .select(['number', 'at', 'duration_ms as durationMs', 'status', 'error', 'answer'])
      .where('endpoint_id', '=', endpointId)
      .where('message_id', '=', messageId)
      .orderBy('number')
      .execute();
    return { ...toDelivery(row), tries };
  }

  /** Sends it once more, whatever became of it: with the same id, so that a receiver can tell. Throws `not_found`. */
  async redeliver(endpointId: string, messageId: string, accountId: string): Promise<void> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    await db.transaction(async (tx) => {
      const changed = await tx
        .updateTable('webhook_deliveries')
        // Its day of tries begins anew.
        .set({
          status: 'pending',
          next_at: nowMs,
          created_at: nowMs,
          finished_at: null,
          lease_until: 0,
          lease_token: null,
        })
        .where('endpoint_id', '=', endpointId)
        .where('message_id', '=', messageId)
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      if (changed.numUpdatedRows === 0n) throw missing(messageId);
    });
    db.changes.publish('webhooks');
  }

  /** Puts a message into the outbox that tells of nothing. Returns its id. */
  async sendTest(endpointId: string, accountId: string): Promise<string> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    const messageId = newId();
    await db.transaction((tx) =>
      tx
        .insertInto('webhook_deliveries')
        .values({
          endpoint_id: endpointId,
          message_id: messageId,
          account_id: accountId,
          generation_id: null,
          seq: 1,
          type: TEST_EVENT,
          event_at: nowMs,
          status: 'pending',
          attempt_count: 0,
          next_at: nowMs,
          lease_until: 0,
          lease_token: null,
          last_status: null,
          last_error: null,
          created_at: nowMs,
          finished_at: null,
        })
        .execute(),
    );
    db.changes.publish('webhooks');
    return messageId;
  }
}

function toDelivery(row: WebhookDeliveriesTable): Delivery {
  return {
    endpointId: row.endpoint_id,
    messageId: row.message_id,
    generationId: row.generation_id,
    type: row.type,
    status: row.status,
    attemptCount: row.attempt_count,
    nextAt: row.status === 'pending' ? row.next_at : null,
    lastStatus: row.last_status,
    lastError: row.last_error,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}

function parseCursor(cursor: string): [number, string] {
  const match = /^(\d{1,15})~(.{1,100})$/.exec(cursor);
  if (match === null) {
    throw new EaselError('request_invalid', 'This is not the cursor of a page.', { details: { field: 'before' } });
  }
  return [Number(match[1]), match[2] ?? ''];
}

function missing(messageId: string): EaselError {
  return new EaselError('not_found', `There is no delivery of message ${messageId}.`);
}
