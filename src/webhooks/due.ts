import type { ExpressionBuilder } from 'kysely';
import { newId } from '../core/ids.js';
import type { Database, Db } from '../db/index.js';
import type { WebhookDeliveriesTable } from '../db/schema.js';

/** A delivery that this process may send now, with what it needs of its endpoint. */
export interface DueDelivery {
  readonly endpointId: string;
  readonly messageId: string;
  readonly accountId: string;
  readonly generationId: string | null;
  readonly type: string;
  readonly eventAt: number;
  readonly createdAt: number;
  /** Of this try, from 1. */
  readonly number: number;
  readonly leaseToken: string;
  readonly url: string;
  readonly secrets: string;
  /** Failed sends of the endpoint in a row. */
  readonly failureCount: number;
}

const PAGE = 64;

/**
 * Claims deliveries that are due: each is a guarded update of its own, so of two nodes that find the same one, one gets it.
 * A claim runs out by itself (`leaseMs`), because its holder may die; it is longer than any send can take.
 *
 * Order: a delivery waits while an earlier event of its generation is still to go to the same endpoint.
 */
export async function claimDue(
  db: Db,
  options: {
    readonly nowMs: number;
    readonly leaseMs: number;
    readonly limit: number;
    /** Endpoints that have all under way that they may. */
    readonly busy: readonly string[];
    /** How many more may be sent to an endpoint now. */
    readonly roomFor: (endpointId: string, failureCount: number) => number;
  },
): Promise<{ readonly claimed: readonly DueDelivery[]; readonly mayHaveMore: boolean }> {
  const { nowMs, leaseMs, limit, busy, roomFor } = options;
  let query = db.kysely
    .selectFrom('webhook_deliveries as d')
    .innerJoin('webhook_endpoints as e', 'e.id', 'd.endpoint_id')
    .select([
      'd.endpoint_id',
      'd.message_id',
      'd.account_id',
      'd.generation_id',
      'd.type',
      'd.event_at',
      'd.created_at',
      'd.attempt_count',
      'e.url',
      'e.secrets',
      'e.failure_count',
    ])
    .where('d.status', '=', 'pending')
    .where('d.next_at', '<=', nowMs)
    .where('d.lease_until', '<=', nowMs)
    .where('e.enabled', '=', 1)
    .where('e.paused_until', '<=', nowMs)
    .where(({ not, exists }) => not(exists(earlier)))
    .orderBy('d.next_at')
    .orderBy('d.endpoint_id')
    .orderBy('d.message_id')
    .limit(Math.min(limit, PAGE));
  if (busy.length > 0) query = query.where('d.endpoint_id', 'not in', [...busy]);
  const rows = await query.execute();
  const claimed: DueDelivery[] = [];
  const taken = new Map<string, number>();
  for (const row of rows) {
    const already = taken.get(row.endpoint_id) ?? 0;
    if (already >= roomFor(row.endpoint_id, row.failure_count)) continue;
    const leaseToken = newId();
    const claim = await db.transaction((tx) =>
      tx
        .updateTable('webhook_deliveries')
        .set({ lease_until: nowMs + leaseMs, lease_token: leaseToken, attempt_count: row.attempt_count + 1 })
        .where('endpoint_id', '=', row.endpoint_id)
        .where('message_id', '=', row.message_id)
        .where('status', '=', 'pending')
        .where('lease_until', '<=', nowMs)
        .where('attempt_count', '=', row.attempt_count)
        .executeTakeFirst(),
    );
    if (claim.numUpdatedRows === 0n) continue;
    taken.set(row.endpoint_id, already + 1);
    claimed.push({
      endpointId: row.endpoint_id,
      messageId: row.message_id,
      accountId: row.account_id,
      generationId: row.generation_id,
      type: row.type,
      eventAt: row.event_at,
      createdAt: row.created_at,
      number: row.attempt_count + 1,
      leaseToken,
      url: row.url,
      secrets: row.secrets,
      failureCount: row.failure_count,
    });
  }
  return { claimed, mayHaveMore: rows.length === Math.min(limit, PAGE) };
}

type WithDelivery = Database & { d: WebhookDeliveriesTable };

function earlier(eb: ExpressionBuilder<WithDelivery, 'd'>) {
  return eb
    .selectFrom('webhook_deliveries as before')
    .select('before.seq')
    .whereRef('before.endpoint_id', '=', 'd.endpoint_id')
    .whereRef('before.generation_id', '=', 'd.generation_id')
    .whereRef('before.seq', '<', 'd.seq')
    .where('before.status', '=', 'pending');
}
