import type { Db } from '../db/index.js';

/** Rows removed in one transaction; on SQLite everybody else who writes waits for it. */
const PER_TRANSACTION = 200;

/** Removes deliveries that ended before a time, with their log, in small steps. Returns how many. */
export async function sweepWebhooks(db: Db, endedBefore: number, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  while (signal?.aborted !== true) {
    const rows = await db.kysely
      .selectFrom('webhook_deliveries')
      .select(['endpoint_id', 'message_id'])
      .where('finished_at', 'is not', null)
      .where('finished_at', '<', endedBefore)
      .orderBy('finished_at')
      .limit(PER_TRANSACTION)
      .execute();
    if (rows.length === 0) break;
    await db.transaction(async (tx) => {
      for (const { endpoint_id: endpointId, message_id: messageId } of rows) {
        await tx
          .deleteFrom('webhook_attempts')
          .where('endpoint_id', '=', endpointId)
          .where('message_id', '=', messageId)
          .execute();
        await tx
          .deleteFrom('webhook_deliveries')
          .where('endpoint_id', '=', endpointId)
          .where('message_id', '=', messageId)
          .where('status', '<>', 'pending')
          .execute();
      }
    });
    removed += rows.length;
  }
  return removed;
}
