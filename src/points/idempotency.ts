import { createHash } from 'node:crypto';
import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import type { HoldReceipt, Receipt, TransferKind } from './types.js';

/**
 * Keys are unique per account and kind of transfer, and kept with a hash of the request. The look-up happens under the lock
 * of the account, so two requests with one key stand in line.
 */
const MAX_KEY_CHARS = 255;

export interface Earlier {
  readonly id: string;
  readonly amount: number;
  readonly request_hash: string | null;
}

export function receiptOf(earlier: Earlier): Receipt {
  return { transferId: earlier.id, amount: earlier.amount, repeated: true };
}

/** Throws `idempotency_conflict`. */
export async function findEarlier(
  tx: DbTransaction,
  kind: TransferKind,
  accountIds: readonly string[],
  key: string,
  requestHash: string,
): Promise<Earlier | null> {
  const earlier = await tx
    .selectFrom('point_transfers')
    .select(['id', 'amount', 'request_hash'])
    .where('account_id', 'in', [...new Set(accountIds)])
    .where('kind', '=', kind)
    .where('idempotency_key', '=', key)
    .executeTakeFirst();
  if (earlier === undefined) return null;
  checkSame(earlier, kind, requestHash);
  return earlier;
}

/** The receipt of a hold that was placed before. Throws `idempotency_conflict`. */
export async function findHold(tx: DbTransaction, holdId: string, requestHash: string): Promise<HoldReceipt | null> {
  const earlier = await tx
    .selectFrom('point_transfers')
    .select(['id', 'amount', 'account_id', 'request_hash'])
    .where('hold_id', '=', holdId)
    .where('kind', '=', 'hold')
    .executeTakeFirst();
  if (earlier === undefined) return null;
  checkSame(earlier, 'hold', requestHash);
  return { transferId: earlier.id, amount: earlier.amount, repeated: true, holdId, accountId: earlier.account_id };
}

function checkSame(
  earlier: { readonly id: string; readonly request_hash: string | null },
  kind: TransferKind,
  requestHash: string,
): void {
  if (earlier.request_hash === requestHash) return;
  throw new EaselError('idempotency_conflict', `The idempotency key was used before for another ${kind}.`, {
    details: { transferId: earlier.id },
  });
}

export function hashOf(request: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}

export function checkKey(key: string): void {
  if (key.length >= 1 && key.length <= MAX_KEY_CHARS) return;
  throw new EaselError('request_invalid', `idempotencyKey must have 1 to ${MAX_KEY_CHARS} characters.`, {
    details: { field: 'idempotencyKey' },
  });
}
