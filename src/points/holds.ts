import { PointsError } from '../core/errors.js';
import { definedOnly } from '../core/objects.js';
import type { DbReader } from '../db/index.js';
import type { PointHoldsTable } from '../db/schema.js';
import type { Account } from './account.js';
import { accruedBy } from './allowance.js';
import type { Books } from './books.js';
import { checkBudgets } from './budgets.js';
import { parseParts, refundParts, splitParts, stringifyParts, sumBucket, totalOf } from './parts.js';
import { type Bucket, HOUSE, type Part } from './types.js';
import { formatPoints } from './units.js';

/**
 * The life of a hold, on open books: placed, then captured (in full, in part, or beyond it where an overdraft is allowed)
 * or released, once; refunded after a capture, never beyond it.
 */
export interface NewHold {
  readonly id: string;
  readonly spenderId: string;
  /** Who may pay, in this order; the first who can pay it all does. All of them are open in the books. */
  readonly payerIds: readonly string[];
  readonly amount: number;
  readonly context: string;
  readonly order: readonly Bucket[];
  readonly budgetKey: string | null;
  readonly runId: string | null;
  readonly generationId: string | null;
  readonly workflowName: string | null;
  readonly quote: string | null;
  readonly expiresAt: number | null;
  readonly topUpHint: string;
  readonly requestHash?: string;
}

export interface Placed {
  readonly transferId: string;
  readonly payerId: string;
}

/** Throws `points_insufficient`, `points_budget_exceeded`. */
export async function placeHold(books: Books, hold: NewHold): Promise<Placed> {
  const spender = books.account(hold.spenderId);
  await checkBudgets(books.tx, spender, hold, books.nowMs);
  const payers = hold.payerIds.map((id) => books.account(id));
  const payer = payers.find((account) => spendableIn(account, hold.order, books.nowMs) >= hold.amount);
  if (payer === undefined) throw insufficient(payers, hold, books.nowMs);
  const parts = takeParts(books, payer, hold.order, hold.amount);
  const allowance = sumBucket(parts, 'allowance');
  payer.row.allowance_held += allowance;
  const transferId = books.record(
    {
      kind: 'hold',
      accountId: payer.id,
      amount: hold.amount,
      holdId: hold.id,
      ...definedOnly({
        generationId: hold.generationId ?? undefined,
        requestHash: hold.requestHash,
        note: payer.id === hold.spenderId ? undefined : { spenderId: hold.spenderId },
      }),
    },
    [[payer, { allowance: -allowance, credit: allowance - hold.amount, held: hold.amount }]],
  );
  await books.tx
    .insertInto('point_holds')
    .values({
      id: hold.id,
      account_id: payer.id,
      spender_id: hold.spenderId,
      status: 'open',
      amount: hold.amount,
      captured: 0,
      refunded: 0,
      charge: hold.amount,
      parts: stringifyParts(parts),
      captured_parts: null,
      generation_id: hold.generationId,
      context: hold.context,
      budget_key: hold.budgetKey,
      run_id: hold.runId,
      workflow_name: hold.workflowName,
      backend_class: null,
      run_ms: null,
      quote: hold.quote,
      expires_at: hold.expiresAt,
      created_at: books.nowMs,
      ended_at: null,
    })
    .execute();
  return { transferId, payerId: payer.id };
}

export interface Ending {
  /** What the work cost; 0 releases the hold. */
  readonly amount: number;
  /** May the part beyond the hold be taken from the account, down to its floor? */
  readonly overdraft: boolean;
  /** The buckets that an overdraft may take. */
  readonly order: readonly Bucket[];
  readonly backendClass?: string;
  readonly runMs?: number;
  readonly note?: Readonly<Record<string, unknown>>;
  readonly idempotencyKey?: string;
  readonly requestHash?: string;
}

/**
 * Ends an open hold. The payer is open in the books. Null when somebody else ended it meanwhile: then nothing is changed in
 * the database, and the books must be dropped.
 */
export async function endHold(
  books: Books,
  hold: PointHoldsTable,
  ending: Ending,
): Promise<{ readonly transferId: string; readonly captured: number } | null> {
  const account = books.account(hold.account_id);
  const { head, tail } = splitParts(parseParts(hold.parts), ending.amount);
  const beyond = Math.max(0, ending.amount - hold.amount);

  // Capturing allowance makes room under the cap: what the cap has cut off until now must stay cut off.
  const heldAllowance = sumBucket(head, 'allowance') + sumBucket(tail, 'allowance');
  if (heldAllowance > 0 && account.accrual(books.nowMs).capped) books.accrue(account);
  const extra =
    ending.overdraft && beyond > 0
      ? takeParts(books, account, ending.order, Math.min(beyond, spendableIn(account, ending.order, books.nowMs)))
      : [];
  const capturedParts = [...head, ...extra];
  const captured = totalOf(capturedParts);
  const claimed = await books.tx
    .updateTable('point_holds')
    .set({
      status: captured === 0 ? 'released' : 'captured',
      captured,
      charge: captured,
      captured_parts: captured === 0 ? null : stringifyParts(capturedParts),
      backend_class: ending.backendClass ?? null,
      run_ms: ending.runMs ?? null,
      ended_at: books.nowMs,
    })
    .where('id', '=', hold.id)
    .where('status', '=', 'open')
    .executeTakeFirst();
  if (claimed.numUpdatedRows === 0n) return null;

  // What lapsed in the meantime could not be used: it gets the time back for which it was held, and not a moment more, or
  // holding and releasing would keep credit alive for ever.
  account.putLots(tail, books.nowMs, (expiresAt) => books.nowMs + Math.max(1, expiresAt - hold.created_at));
  account.row.allowance_held -= heldAllowance;
  const transferId = books.record(
    {
      kind: captured === 0 ? 'release' : 'capture',
      accountId: account.id,
      amount: captured === 0 ? hold.amount : captured,
      experience: captured,
      holdId: hold.id,
      terminal: 'ended',
      ...definedOnly({
        generationId: hold.generation_id ?? undefined,
        note: ending.note,
        idempotencyKey: ending.idempotencyKey,
        requestHash: ending.requestHash,
      }),
    },
    [
      [
        account,
        {
          held: -hold.amount,
          allowance: sumBucket(tail, 'allowance') - sumBucket(extra, 'allowance'),
          credit: sumBucket(tail, 'credit') - sumBucket(extra, 'credit'),
        },
      ],
      ...(captured === 0 ? [] : [[HOUSE.revenue, { credit: captured }] as const]),
    ],
  );
  return { transferId, captured };
}

/** Gives back a part of what was captured. Throws `points_refund_excessive`. The payer is open in the books. */
export async function refundHold(
  books: Books,
  hold: PointHoldsTable,
  refund: {
    readonly amount: number;
    /** Credit that has lapsed comes back with this much time. */
    readonly graceMs: number;
    readonly idempotencyKey: string;
    readonly requestHash: string;
    readonly note?: Readonly<Record<string, unknown>>;
  },
): Promise<string> {
  const account = books.account(hold.account_id);
  const left = hold.captured - hold.refunded;
  if (refund.amount > left) {
    throw new PointsError(
      'points_refund_excessive',
      `${formatPoints(left)} points of hold ${hold.id} can be refunded, not ${formatPoints(refund.amount)}.`,
      { details: { holdId: hold.id, captured: hold.captured, refunded: hold.refunded, need: refund.amount } },
    );
  }
  const parts = refundParts(parseParts(hold.captured_parts), hold.refunded, refund.amount);
  const allowance = sumBucket(parts, 'allowance');
  // It takes room under the cap, which belongs first to what has come back until now.
  if (allowance > 0) books.accrue(account);
  account.putLots(parts, books.nowMs, () => books.nowMs + refund.graceMs);
  const transferId = books.record(
    {
      kind: 'refund',
      accountId: account.id,
      amount: refund.amount,
      experience: -refund.amount,
      holdId: hold.id,
      idempotencyKey: refund.idempotencyKey,
      requestHash: refund.requestHash,
      ...definedOnly({ generationId: hold.generation_id ?? undefined, note: refund.note }),
    },
    [
      [account, { allowance, credit: refund.amount - allowance }],
      [HOUSE.revenue, { credit: -refund.amount }],
    ],
  );
  const refunded = hold.refunded + refund.amount;
  await books.tx
    .updateTable('point_holds')
    .set({ refunded, charge: hold.captured - refunded })
    .where('id', '=', hold.id)
    .execute();
  return transferId;
}

export function readHold(db: DbReader, id: string): Promise<PointHoldsTable | undefined> {
  return db.selectFrom('point_holds').selectAll().where('id', '=', id).executeTakeFirst();
}

function spendableIn(account: Account, order: readonly Bucket[], nowMs: number): number {
  return order.reduce((sum, bucket) => sum + account.spendable(bucket, nowMs), 0);
}

/** Takes an amount that is known to be there out of the lots, and says where it came from. */
function takeParts(books: Books, account: Account, order: readonly Bucket[], amount: number): Part[] {
  const parts: Part[] = [];
  let left = amount;
  for (const bucket of order) {
    const taken = Math.min(left, account.spendable(bucket, books.nowMs));
    if (taken === 0) continue;
    left -= taken;
    if (bucket === 'allowance') {
      if (taken > account.row.allowance || account.accrual(books.nowMs).capped) books.accrue(account);
      parts.push({ bucket, amount: taken, expiresAt: null });
    } else {
      const pieces = account.creditParts(taken);
      account.takeLots(pieces);
      parts.push(...pieces);
    }
  }
  return parts;
}

function insufficient(payers: readonly Account[], hold: NewHold, nowMs: number): PointsError {
  const [richest] = payers
    .map((account) => ({ account, have: spendableIn(account, hold.order, nowMs) }))
    .sort((a, b) => b.have - a.have);
  if (richest === undefined) throw new TypeError('A hold needs somebody who pays.');
  const { account, have } = richest;
  const missing = hold.amount - have;
  const { allowance, allowance_held: allowanceHeld, accrued_at: accruedAt, accrual_rest: rest } = account.row;
  const usesAllowance = hold.order.includes('allowance');
  const enoughAt = usesAllowance
    ? accruedBy({ allowance, allowanceHeld, accruedAt, rest }, account.plan, nowMs, missing)
    : null;
  const ways = [
    enoughAt === null ? '' : `The allowance will be enough at ${new Date(enoughAt).toISOString()}.`,
    usesAllowance ? '' : `Only credit counts for "${hold.context}", not the allowance.`,
    hold.topUpHint,
  ];
  return new PointsError(
    'points_insufficient',
    `${formatPoints(hold.amount)} points are needed and ${formatPoints(have)} are there.`,
    {
      hint: ways.filter((way) => way !== '').join(' '),
      details: { have, need: hold.amount, missing, context: hold.context, accountId: account.id, enoughAt },
    },
  );
}
