import type { Insertable } from 'kysely';
import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { DbTransaction } from '../db/index.js';
import type { PointAccountsTable, PointPostingsTable, PointTransfersTable } from '../db/schema.js';
import { Account, type Delta } from './account.js';
import type { AllowancePlan } from './allowance.js';
import { HOUSE, type House, type TransferKind } from './types.js';

/** What the ledger must know of a plan. */
export interface Plans {
  readonly defaultPlan: string;
  allowanceOf(plan: string): AllowancePlan;
}

export interface NewTransfer {
  readonly kind: TransferKind;
  readonly accountId: string;
  readonly amount: number;
  readonly experience?: number;
  readonly idempotencyKey?: string;
  readonly requestHash?: string;
  readonly holdId?: string;
  readonly terminal?: 'ended';
  readonly generationId?: string;
  readonly note?: Readonly<Record<string, unknown>>;
}

type Move = readonly [Account | House, Delta];

/**
 * The books, open for one transaction: accounts are locked and read, changed in memory, and written at the end in few
 * statements. Every movement goes through `record`, which refuses what does not sum to zero.
 *
 * Locking order, so that nobody waits in a circle: all accounts of a transaction at once, ordered by id, and nothing that
 * other transactions lock after them. House accounts are never locked: every capture of every node would queue for the
 * same row; their balance is a sum that nobody needs in a hurry.
 */
export class Books {
  readonly tx: DbTransaction;
  readonly nowMs: number;
  readonly #plans: Plans;
  readonly #accounts = new Map<string, Account>();
  readonly #transfers: Insertable<PointTransfersTable>[] = [];
  readonly #postings: Insertable<PointPostingsTable>[] = [];

  constructor(tx: DbTransaction, nowMs: number, plans: Plans) {
    this.tx = tx;
    this.nowMs = nowMs;
    this.#plans = plans;
  }

  /** Locks accounts, makes those that do not exist, and takes out credit that has lapsed. Once per transaction. */
  async open(ids: readonly string[]): Promise<void> {
    if (this.#accounts.size > 0) throw new TypeError('All accounts of a transaction are locked at once.');
    const wanted = [...new Set(ids)].sort();
    for (const id of wanted) checkAccountId(id);
    let rows = await this.#lock(wanted);
    const missing = wanted.filter((id) => !rows.some((row) => row.id === id));
    if (missing.length > 0) {
      await this.#create(missing);
      rows = await this.#lock(wanted);
    }
    const lots = await this.#readLots(rows.filter((row) => row.expiring > 0).map((row) => row.id));
    for (const row of rows) {
      const account = new Account(row, this.#plans.allowanceOf(row.plan), lots.get(row.id) ?? new Map());
      this.#accounts.set(row.id, account);
      this.#expire(account);
    }
  }

  account(id: string): Account {
    const account = this.#accounts.get(id);
    if (account === undefined) throw new TypeError(`Account ${id} was not opened in this transaction.`);
    return account;
  }

  /** Writes down a movement. Returns the id of the transfer. */
  record(transfer: NewTransfer, moves: readonly Move[]): string {
    const id = newId();
    const createdAt = this.#timeOf(moves);
    let sum = 0;
    const postings = moves.map(([side, delta]) => {
      const { allowance = 0, credit = 0, held = 0 } = delta;
      sum += allowance + credit + held;
      const shared = {
        transfer_id: id,
        kind: transfer.kind,
        allowance,
        credit,
        held,
        created_at: createdAt,
      };
      if (typeof side === 'string') {
        return { ...shared, account_id: side, seq: null, allowance_after: null, credit_after: null, held_after: null };
      }
      side.apply(delta, createdAt);
      side.row.experience += side.id === transfer.accountId ? (transfer.experience ?? 0) : 0;
      const { posting_seq: seq, allowance: a, credit: c, held: h } = side.row;
      return { ...shared, account_id: side.id, seq, allowance_after: a, credit_after: c, held_after: h };
    });
    if (sum !== 0) throw new EaselError('internal', `A ${transfer.kind} of ${transfer.amount} does not sum to zero.`);
    this.#transfers.push({
      id,
      kind: transfer.kind,
      account_id: transfer.accountId,
      amount: transfer.amount,
      experience: transfer.experience ?? 0,
      idempotency_key: transfer.idempotencyKey ?? null,
      request_hash: transfer.requestHash ?? null,
      hold_id: transfer.holdId ?? null,
      terminal: transfer.terminal ?? null,
      generation_id: transfer.generationId ?? null,
      note: transfer.note === undefined ? null : JSON.stringify(transfer.note),
      created_at: createdAt,
    });
    this.#postings.push(...postings);
    return id;
  }

  /**
   * Writes down the allowance that has come back. Needed before it is spent, and where the cap has cut something off
   * before room is made; else it may wait, and comes out the same later.
   */
  accrue(account: Account): void {
    const { minted, accruedAt, rest } = account.accrual(this.nowMs);
    const { row } = account;
    if (row.accrued_at !== accruedAt || row.accrual_rest !== rest) account.changed = true;
    if (minted > 0) {
      const allowance = { allowance: minted };
      this.record({ kind: 'accrue', accountId: account.id, amount: minted }, [
        [account, allowance],
        [HOUSE.allowance, { credit: -minted }],
      ]);
    }
    row.accrued_at = accruedAt;
    row.accrual_rest = rest;
  }

  /** Writes everything. The transaction must end after it. */
  async write(): Promise<void> {
    if (this.#transfers.length > 0) {
      await this.tx.insertInto('point_transfers').values(this.#transfers).execute();
      await this.tx.insertInto('point_postings').values(this.#postings).execute();
    }
    const lots: { account_id: string; expires_at: number; remaining: number }[] = [];
    for (const account of this.#accounts.values()) {
      if (!account.changed) continue;
      const { id, created_at: _, ...columns } = account.row;
      await this.tx.updateTable('point_accounts').set(columns).where('id', '=', id).execute();
      for (const expiresAt of account.changedLots) {
        lots.push({ account_id: id, expires_at: expiresAt, remaining: account.lots.get(expiresAt) ?? 0 });
      }
    }
    if (lots.length === 0) return;
    await this.tx
      .insertInto('point_lots')
      .values(lots)
      .onConflict((conflict) =>
        conflict
          .columns(['account_id', 'expires_at'])
          .doUpdateSet((eb) => ({ remaining: eb.ref('excluded.remaining') })),
      )
      .execute();
  }

  #expire(account: Account): void {
    const lapsed = [...account.lots].filter(([expiresAt, remaining]) => expiresAt <= this.nowMs && remaining > 0);
    const amount = lapsed.reduce((sum, [, remaining]) => sum + remaining, 0);
    if (amount === 0) return;
    account.takeLots(lapsed.map(([expiresAt, remaining]) => ({ bucket: 'credit', amount: remaining, expiresAt })));
    this.record({ kind: 'expire', accountId: account.id, amount }, [
      [account, { credit: -amount }],
      [HOUSE.expired, { credit: amount }],
    ]);
  }

  /** Times within an account's ledger never go back, so that a period is a range of its numbers. */
  #timeOf(moves: readonly Move[]): number {
    return Math.max(this.nowMs, ...moves.map(([side]) => (typeof side === 'string' ? 0 : side.row.posted_at)));
  }

  #lock(ids: readonly string[]): Promise<PointAccountsTable[]> {
    return this.tx.selectFrom('point_accounts').selectAll().where('id', 'in', ids).orderBy('id').forUpdate().execute();
  }

  /** A new account begins with a full allowance. */
  async #create(ids: readonly string[]): Promise<void> {
    const plan = this.#plans.defaultPlan;
    await this.tx
      .insertInto('point_accounts')
      .values(ids.map((id) => newAccountRow(id, plan, this.nowMs)))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  async #readLots(ids: readonly string[]): Promise<Map<string, Map<number, number>>> {
    const byAccount = new Map<string, Map<number, number>>();
    if (ids.length === 0) return byAccount;
    const rows = await this.tx
      .selectFrom('point_lots')
      .selectAll()
      .where('account_id', 'in', ids)
      .where('remaining', '>', 0)
      .execute();
    for (const row of rows) {
      const lots = byAccount.get(row.account_id) ?? new Map<number, number>();
      byAccount.set(row.account_id, lots.set(row.expires_at, row.remaining));
    }
    return byAccount;
  }
}

/** Accounted for since 1970: whoever is new finds the allowance full, unless it takes decades to fill. */
export function newAccountRow(id: string, plan: string, nowMs: number): PointAccountsTable {
  return {
    id,
    plan,
    allowance: 0,
    credit: 0,
    held: 0,
    allowance_held: 0,
    expiring: 0,
    floor: 0,
    experience: 0,
    accrued_at: 0,
    accrual_rest: 0,
    payer: null,
    budgeted: 0,
    posting_seq: 0,
    posted_at: 0,
    created_at: nowMs,
  };
}

/** Throws `request_invalid`. */
export function checkAccountId(id: string): void {
  if (id.length > 0 && id.length <= 255 && !id.startsWith('house:')) return;
  throw new EaselError('request_invalid', 'An account id has 1 to 255 characters and does not begin with "house:".', {
    details: { field: 'accountId' },
  });
}
