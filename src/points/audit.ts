import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import type { Authority } from './types.js';

/** What administrators did: append-only, written in the transaction of the deed itself. */
export interface AuditEntry {
  readonly id: string;
  readonly accountId: string;
  readonly action: string;
  readonly actor: string;
  readonly reason: string;
  readonly transferId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly at: number;
}

export async function writeAudit(
  tx: DbTransaction,
  nowMs: number,
  entry: {
    readonly accountId: string;
    readonly action: string;
    readonly authority: Authority;
    readonly transferId?: string;
    readonly details: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { actor, reason } = entry.authority;
  if (actor.trim() === '' || reason.trim() === '') {
    throw new EaselError('request_invalid', 'An administrative change needs an actor and a reason.', {
      details: { field: actor.trim() === '' ? 'authority.actor' : 'authority.reason' },
    });
  }
  await tx
    .insertInto('point_audit')
    .values({
      id: newId(),
      account_id: entry.accountId,
      action: entry.action,
      actor,
      reason,
      transfer_id: entry.transferId ?? null,
      details: JSON.stringify(entry.details),
      created_at: nowMs,
    })
    .execute();
}

/** Newest first, after a cursor (the id of the last entry seen). */
export async function readAudit(
  db: DbReader,
  options: { readonly accountId?: string; readonly before?: string; readonly limit?: number } = {},
): Promise<AuditEntry[]> {
  let query = db
    .selectFrom('point_audit')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(options.limit ?? 100);
  if (options.accountId !== undefined) query = query.where('account_id', '=', options.accountId);
  if (options.before !== undefined) query = query.where('id', '<', options.before);
  const rows = await query.execute();
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    action: row.action,
    actor: row.actor,
    reason: row.reason,
    transferId: row.transfer_id,
    details: JSON.parse(row.details) as Record<string, unknown>,
    at: row.created_at,
  }));
}
