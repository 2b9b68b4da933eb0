import { EaselError } from '../core/errors.js';
import type { PointAccountsTable } from '../db/schema.js';
import { type Accrual, type AllowancePlan, accrue } from './allowance.js';
import type { Bucket, Part } from './types.js';
import { MAX_AMOUNT } from './units.js';

export interface Delta {
  readonly allowance?: number;
  readonly credit?: number;
  readonly held?: number;
}

/**
 * One account while its row is locked: the balances, and the rules that no change may break. Nothing here is stored;
 * `Books` writes what changed.
 *
 * Credit that expires lies in lots as well, and is spent before the rest; so debt (credit below 0) and lots never exist
 * together: what comes in pays the debt first, and only the remainder becomes a lot.
 */
export class Account {
  readonly row: PointAccountsTable;
  readonly plan: AllowancePlan;
  /** Remaining credit by time of expiry. */
  readonly lots: Map<number, number>;
  readonly changedLots = new Set<number>();
  changed = false;

  constructor(row: PointAccountsTable, plan: AllowancePlan, lots: ReadonlyMap<number, number>) {
    this.row = { ...row };
    this.plan = plan;
    this.lots = new Map(lots);
  }

  get id(): string {
    return this.row.id;
  }

  accrual(nowMs: number): Accrual {
    const { allowance, allowance_held: allowanceHeld, accrued_at: accruedAt, accrual_rest: rest } = this.row;
    return accrue({ allowance, allowanceHeld, accruedAt, rest }, this.plan, nowMs);
  }

  /** What could be spent from a bucket, without going below the floor. */
  spendable(bucket: Bucket, nowMs: number): number {
    if (bucket === 'allowance') return this.row.allowance + this.accrual(nowMs).minted;
    return Math.max(0, this.row.credit - this.row.floor);
  }

  /** Credit that is really there: a credit line is not the account's to give away. */
  get ownCredit(): number {
    return Math.max(0, this.row.credit);
  }

  /** The pieces of credit that would be spent, soonest expiry first. */
  creditParts(amount: number): Part[] {
    const parts: Part[] = [];
    let left = amount;
    for (const expiresAt of [...this.lots.keys()].sort((a, b) => a - b)) {
      const taken = Math.min(this.lots.get(expiresAt) ?? 0, left);
      if (taken > 0) parts.push({ bucket: 'credit', amount: taken, expiresAt });
      left -= taken;
    }
    if (left > 0) parts.push({ bucket: 'credit', amount: left, expiresAt: null });
    return parts;
  }

  /** Takes pieces out of the lots. The balance itself changes by `apply`. */
  takeLots(parts: readonly Part[]): void {
    for (const { bucket, amount, expiresAt } of parts) {
      if (bucket === 'credit' && expiresAt !== null) this.#setLot(expiresAt, (this.lots.get(expiresAt) ?? 0) - amount);
    }
  }

  /**
   * Puts incoming credit into its lots. Call it before `apply`, which changes the balance that debt is judged by.
   * `revive` gives a new time to what has lapsed while it was away.
   */
  putLots(parts: readonly Part[], nowMs: number, revive: (expiresAt: number) => number = (time) => time): void {
    let credit = this.row.credit;
    let expiring = this.row.expiring;
    for (const { bucket, amount, expiresAt } of parts) {
      if (bucket !== 'credit') continue;
      credit += amount;
      if (expiresAt === null) continue;
      const kept = Math.min(amount, Math.max(0, credit - expiring));
      const lot = expiresAt > nowMs ? expiresAt : revive(expiresAt);
      if (kept > 0) this.#setLot(lot, (this.lots.get(lot) ?? 0) + kept);
      expiring += kept;
    }
  }

  /** Changes the balances and takes the next number in the account's ledger. Throws when a rule would be broken. */
  apply(delta: Delta, nowMs: number): void {
    const { row } = this;
    const { allowance = 0, credit = 0, held = 0 } = delta;
    row.allowance += allowance;
    row.credit += credit;
    row.held += held;
    if (row.allowance < 0 || row.held < 0 || row.credit < row.floor) {
      throw new EaselError('internal', `Account ${row.id} would go below its floor.`, {
        details: { accountId: row.id, ...delta },
      });
    }
    if (Math.max(row.allowance, Math.abs(row.credit), row.held) > MAX_AMOUNT) {
      throw new EaselError('request_invalid', `A balance of account ${row.id} would exceed 2^50 micro-points.`);
    }
    row.posting_seq += 1;
    row.posted_at = Math.max(row.posted_at, nowMs);
    this.changed = true;
  }

  #setLot(expiresAt: number, remaining: number): void {
    const before = this.lots.get(expiresAt) ?? 0;
    if (remaining < 0) throw new EaselError('internal', `A lot of account ${this.id} would be overdrawn.`);
    this.lots.set(expiresAt, remaining);
    this.changedLots.add(expiresAt);
    this.row.expiring += remaining - before;
    this.changed = true;
  }
}
