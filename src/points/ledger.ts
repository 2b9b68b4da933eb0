import type { Clock } from '../core/clock.js';
import { EaselError, PointsError } from '../core/errors.js';
import { derivedId } from '../core/ids.js';
import { definedOnly } from '../core/objects.js';
import type { Db, DbTransaction } from '../db/index.js';
import type { PointHoldsTable } from '../db/schema.js';
import { writeAudit } from './audit.js';
import { Books } from './books.js';
import { payersOf } from './groups.js';
import { endHold, placeHold, readHold, refundHold } from './holds.js';
import { checkKey, findEarlier, findHold, hashOf, receiptOf } from './idempotency.js';
import type { PointsPolicy } from './policy.js';
import { type Authority, type Bucket, HOUSE, type HoldReceipt, type Receipt, type TransferKind } from './types.js';
import { checkAmount, formatPoints } from './units.js';

export interface LedgerOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: PointsPolicy;
}

interface Keyed {
  /** The same key with the same request changes nothing and returns the first answer. 1 to 255 characters. */
  readonly idempotencyKey: string;
}

export interface GrantRequest extends Keyed {
  readonly accountId: string;
  /** Micro-points. */
  readonly amount: number;
  /** `credit` unless told. `experience` moves no points: it was gathered elsewhere. */
  readonly bucket?: Bucket | 'experience';
  /** For credit. Null or absent: never. */
  readonly expiresAt?: number | null;
  /** When an administrator does it. */
  readonly authority?: Authority;
  /** Kept with the transfer and shown in the history. */
  readonly note?: Readonly<Record<string, unknown>>;
}

export interface RevokeRequest extends Keyed {
  readonly accountId: string;
  readonly amount: number;
  readonly authority: Authority;
}

export interface TransferRequest extends Keyed {
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amount: number;
}

export interface HoldRequest extends Keyed {
  readonly accountId: string;
  readonly amount: number;
  /** Says which buckets may be spent; `interactive` unless told. */
  readonly context?: string;
  /** The group that pays, by its policy. */
  readonly groupId?: string;
  readonly budgetKey?: string;
  readonly runId?: string;
  /** Released by itself after this time; after `points.holdMs` unless told. */
  readonly expiresAt?: number;
}

export interface CaptureRequest extends Keyed {
  readonly holdId: string;
  /** All of the hold unless told. 0 releases it. */
  readonly amount?: number;
}

export interface RefundRequest extends Keyed {
  readonly holdId: string;
  /** All that is left to refund unless told. */
  readonly amount?: number;
  readonly authority?: Authority;
}

/** The operations that move points. Each is one transaction and takes an idempotency key. */
export class Ledger {
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  async grant(request: GrantRequest): Promise<Receipt> {
    const { accountId, bucket = 'credit', expiresAt = null, authority, note } = request;
    const amount = checkAmount(request.amount);
    const nowMs = this.#options.clock.now();
    if (expiresAt !== null && (bucket !== 'credit' || !Number.isSafeInteger(expiresAt))) {
      throw invalid('expiresAt', 'expiresAt must be a time in milliseconds, and is for credit only.');
    }
    const hash = hashOf([amount, bucket, expiresAt]);
    return this.#once('grant', accountId, request.idempotencyKey, hash, [accountId], async (books, keyed) => {
      if (expiresAt !== null && expiresAt <= nowMs) throw invalid('expiresAt', 'expiresAt must lie in the future.');
      const account = books.account(accountId);
      if (bucket === 'allowance') books.accrue(account);
      if (bucket === 'credit') account.putLots([{ bucket, amount, expiresAt }], nowMs);
      const transferId = books.record(
        {
          kind: 'grant',
          accountId,
          amount,
          ...keyed,
          ...definedOnly({
            experience: bucket === 'experience' ? amount : undefined,
            note: expiresAt === null ? note : { ...note, expiresAt },
          }),
        },
        bucket === 'experience'
          ? [[account, {}]]
          : [
              [account, { [bucket]: amount }],
              [HOUSE.issued, { credit: -amount }],
            ],
      );
      if (authority !== undefined) {
        await writeAudit(books.tx, nowMs, {
          accountId,
          action: 'grant',
          authority,
          transferId,
          details: { amount, bucket },
        });
      }
      return { transferId, amount };
    });
  }

  /** Takes credit away, down to the floor. Throws `points_insufficient`. */
  async revoke(request: RevokeRequest): Promise<Receipt> {
    const { accountId, authority } = request;
    const amount = checkAmount(request.amount);
    return this.#once(
      'revoke',
      accountId,
      request.idempotencyKey,
      hashOf([amount]),
      [accountId],
      async (books, keyed) => {
        const account = books.account(accountId);
        const have = account.spendable('credit', books.nowMs);
        if (have < amount) throw tooFew(have, amount, accountId);
        account.takeLots(account.creditParts(amount));
        const transferId = books.record({ kind: 'revoke', accountId, amount, ...keyed }, [
          [account, { credit: -amount }],
          [HOUSE.issued, { credit: amount }],
        ]);
        await writeAudit(books.tx, books.nowMs, {
          accountId,
          action: 'revoke',
          authority,
          transferId,
          details: { amount },
        });
        return { transferId, amount };
      },
    );
  }

  /** Moves credit from one account to another, with its time of expiry. Throws `points_insufficient`. */
  async transfer(request: TransferRequest): Promise<Receipt> {
    const { fromAccountId: fromId, toAccountId: toId } = request;
    const amount = checkAmount(request.amount);
    if (fromId === toId) throw invalid('toAccountId', 'An account cannot transfer to itself.');
    const hash = hashOf([toId, amount]);
    return this.#once('transfer', fromId, request.idempotencyKey, hash, [fromId, toId], async (books, keyed) => {
      const [from, to] = [books.account(fromId), books.account(toId)];
      if (from.ownCredit < amount) throw tooFew(from.ownCredit, amount, fromId);
      const parts = from.creditParts(amount);
      from.takeLots(parts);
      to.putLots(parts, books.nowMs);
      const transferId = books.record(
        { kind: 'transfer', accountId: fromId, amount, note: { toAccountId: toId }, ...keyed },
        [
          [from, { credit: -amount }],
          [to, { credit: amount }],
        ],
      );
      return { transferId, amount };
    });
  }

  /** Throws `points_insufficient`, `points_budget_exceeded`. */
  async hold(request: HoldRequest): Promise<HoldReceipt> {
    const { policy, clock } = this.#options;
    const { accountId: spenderId, context = 'interactive', groupId = null } = request;
    const { budgetKey = null, runId = null } = request;
    const amount = checkAmount(request.amount);
    checkKey(request.idempotencyKey);
    // Keys are the spender's, whoever pays: the hold's id follows from both, so that a repeated request finds its hold even
    // when it names another group, or its group pays by another policy by now.
    const id = derivedId('hold', spenderId, request.idempotencyKey);
    const hash = hashOf([amount, context, groupId, budgetKey, runId, request.expiresAt ?? null]);
    return this.#write(async (tx) => {
      const known = await findHold(tx, id, hash);
      if (known !== null) return known;
      const payerIds = await payersOf(tx, spenderId, groupId);
      const books = await this.#open(tx, [spenderId, ...payerIds]);
      const earlier = await findHold(tx, id, hash);
      if (earlier !== null) return earlier;
      const { transferId, payerId } = await placeHold(books, {
        id,
        spenderId,
        payerIds,
        amount,
        context,
        order: policy.spendingOrder(context),
        budgetKey,
        runId,
        generationId: null,
        workflowName: null,
        quote: null,
        expiresAt: request.expiresAt ?? clock.now() + policy.settings.holdMs,
        topUpHint: policy.settings.topUpHint,
        requestHash: hash,
      });
      await books.write();
      return { transferId, amount, repeated: false, holdId: id, accountId: payerId };
    });
  }

  /** Throws `not_found`, `points_hold_ended`. Never takes more than the hold unless the policy allows an overdraft. */
  capture(request: CaptureRequest): Promise<Receipt> {
    return this.#end('capture', request, (hold) => {
      if (request.amount === undefined) return hold.amount;
      if (!Number.isSafeInteger(request.amount) || request.amount < 0) {
        throw invalid('amount', 'amount must be a whole number of micro-points, 0 or more.');
      }
      return request.amount;
    });
  }

  /** Throws `not_found`, `points_hold_ended`. */
  release(request: Keyed & { readonly holdId: string }): Promise<Receipt> {
    return this.#end('release', request, () => 0);
  }

  /** Throws `not_found`, `points_refund_excessive`. */
  async refund(request: RefundRequest): Promise<Receipt> {
    const { policy } = this.#options;
    const { holdId, authority } = request;
    checkKey(request.idempotencyKey);
    const key = JSON.stringify([holdId, request.idempotencyKey]);
    const hash = hashOf([request.amount ?? null]);
    return this.#write(async (tx) => {
      const { account_id: accountId } = await expectHold(tx, holdId);
      const books = await this.#open(tx, [accountId]);
      const earlier = await findEarlier(tx, 'refund', [accountId], key, hash);
      if (earlier !== null) return receiptOf(earlier);
      // Read again under the lock: another refund may have come in between.
      const hold = await expectHold(tx, holdId);
      const left = hold.captured - hold.refunded;
      const amount = checkAmount(request.amount ?? (left === 0 ? 1 : left));
      const transferId = await refundHold(books, hold, {
        amount,
        graceMs: policy.settings.expiryGraceMs,
        idempotencyKey: key,
        requestHash: hash,
      });
      if (authority !== undefined) {
        const details = { amount, holdId };
        await writeAudit(tx, books.nowMs, { accountId, action: 'refund', authority, transferId, details });
      }
      await books.write();
      return { transferId, amount, repeated: false };
    });
  }

  /** Takes out the lapsed credit of these accounts. Opening the books does it. */
  async expire(accountIds: readonly string[]): Promise<void> {
    await this.#write(async (tx) => (await this.#open(tx, accountIds)).write());
  }

  async #end(
    kind: 'capture' | 'release',
    request: Keyed & { readonly holdId: string; readonly amount?: number },
    amountOf: (hold: PointHoldsTable) => number,
  ): Promise<Receipt> {
    const { policy } = this.#options;
    checkKey(request.idempotencyKey);
    const key = JSON.stringify([request.holdId, request.idempotencyKey]);
    const hash = hashOf([kind, request.amount ?? null]);
    return this.#write(async (tx) => {
      const found = await expectHold(tx, request.holdId);
      const books = await this.#open(tx, [found.account_id]);
      const earlier =
        (await findEarlier(tx, 'capture', [found.account_id], key, hash)) ??
        (await findEarlier(tx, 'release', [found.account_id], key, hash));
      if (earlier !== null) return receiptOf(earlier);
      const ended = await endHold(books, found, {
        amount: amountOf(found),
        overdraft: policy.settings.overdraft,
        order: policy.spendingOrder(found.context),
        idempotencyKey: key,
        requestHash: hash,
      });
      if (ended === null) {
        const { status } = await expectHold(tx, request.holdId);
        throw new PointsError('points_hold_ended', `Hold ${request.holdId} has been ${status}.`, {
          details: { holdId: request.holdId, status },
        });
      }
      await books.write();
      return { transferId: ended.transferId, amount: ended.captured || found.amount, repeated: false };
    });
  }

  /** Every change stands under a key that is looked up first, so a COMMIT whose answer was lost is simply made again. */
  #write<T>(work: (tx: DbTransaction) => Promise<T>): Promise<T> {
    return this.#options.db.transaction(work, { repeatable: true });
  }

  async #open(tx: DbTransaction, accountIds: readonly string[]): Promise<Books> {
    const books = new Books(tx, this.#options.clock.now(), this.#options.policy);
    await books.open(accountIds);
    return books;
  }

  async #once(
    kind: TransferKind,
    accountId: string,
    idempotencyKey: string,
    requestHash: string,
    accountIds: readonly string[],
    work: (
      books: Books,
      keyed: { readonly idempotencyKey: string; readonly requestHash: string },
    ) => Promise<{ readonly transferId: string; readonly amount: number }>,
  ): Promise<Receipt> {
    checkKey(idempotencyKey);
    return this.#write(async (tx) => {
      // The lock comes first: two requests with one key stand in line for it, and the second finds what the first did.
      const books = await this.#open(tx, accountIds);
      const earlier = await findEarlier(tx, kind, [accountId], idempotencyKey, requestHash);
      if (earlier !== null) return receiptOf(earlier);
      const done = await work(books, { idempotencyKey, requestHash });
      await books.write();
      return { ...done, repeated: false };
    });
  }
}

async function expectHold(tx: DbTransaction, id: string): Promise<PointHoldsTable> {
  const hold = await readHold(tx, id);
  if (hold === undefined) throw new EaselError('not_found', `There is no hold ${id}.`);
  return hold;
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}

function tooFew(have: number, need: number, accountId: string): PointsError {
  return new PointsError(
    'points_insufficient',
    `${formatPoints(need)} points are needed and ${formatPoints(have)} are there.`,
    { details: { have, need, missing: need - have, accountId } },
  );
}
