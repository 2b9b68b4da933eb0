import type { Bucket, Part } from '../../src/points/types.js';

/**
 * What the ledger should do, told as simply as possible: allowance grows at every tick of the clock, a hold is a list of
 * pieces, and nothing is stored. For one client after the other, without credit that expires.
 */
const DAY_MS = 86_400_000n;

interface ModelHold {
  readonly account: ModelAccount;
  readonly parts: Part[];
  state: 'open' | 'captured' | 'released';
  captured: Part[];
  refunded: number;
}

export class ModelAccount {
  /** In micro-points times milliseconds of a day, so that a moment's growth is a whole number. */
  allowanceUnits: bigint;
  credit = 0;
  held = 0;
  heldAllowance = 0;
  experience = 0;
  readonly floor: number;
  readonly cap: number;
  readonly perDay: number;

  constructor(options: { readonly floor: number; readonly cap: number; readonly perDay: number }) {
    this.floor = options.floor;
    this.cap = options.cap;
    this.perDay = options.perDay;
    this.allowanceUnits = BigInt(options.cap) * DAY_MS;
  }

  get allowance(): number {
    return Number(this.allowanceUnits / DAY_MS);
  }

  tick(elapsedMs: number): void {
    const room = BigInt(this.cap - this.heldAllowance) * DAY_MS;
    const grown = this.allowanceUnits + BigInt(elapsedMs) * BigInt(this.perDay);
    // Above the cap (after a refund) nothing grows, and no fraction is carried.
    if (this.allowanceUnits >= room) this.allowanceUnits = BigInt(this.allowance) * DAY_MS;
    else this.allowanceUnits = grown < room ? grown : room;
  }

  add(bucket: Bucket, amount: number): void {
    if (bucket === 'allowance') this.allowanceUnits += BigInt(amount) * DAY_MS;
    else this.credit += amount;
  }
}

export class Model {
  readonly accounts: readonly ModelAccount[];
  readonly holds: ModelHold[] = [];
  #nowMs = 0;
  #highest = 0;

  constructor(accounts: readonly ModelAccount[]) {
    this.accounts = accounts;
  }

  /** Time that was there before does not count again. */
  moveClock(byMs: number): void {
    this.#nowMs += byMs;
    if (this.#nowMs <= this.#highest) return;
    for (const account of this.accounts) account.tick(this.#nowMs - this.#highest);
    this.#highest = this.#nowMs;
  }

  grant(account: ModelAccount, amount: number): void {
    account.credit += amount;
  }

  transfer(from: ModelAccount, to: ModelAccount, amount: number): boolean {
    if (from === to || from.credit < amount) return false;
    from.credit -= amount;
    to.credit += amount;
    return true;
  }

  /** The number of the hold, or null when it is refused. */
  hold(account: ModelAccount, amount: number, order: readonly Bucket[]): number | null {
    const parts: Part[] = [];
    let left = amount;
    for (const bucket of order) {
      const have = bucket === 'allowance' ? account.allowance : Math.max(0, account.credit - account.floor);
      const taken = Math.min(have, left);
      if (taken > 0) parts.push({ bucket, amount: taken, expiresAt: null });
      left -= taken;
    }
    if (left > 0) return null;
    for (const part of parts) {
      account.add(part.bucket, -part.amount);
      if (part.bucket === 'allowance') account.heldAllowance += part.amount;
    }
    account.held += amount;
    return this.holds.push({ account, parts, state: 'open', captured: [], refunded: 0 }) - 1;
  }

  /** False when the hold has ended before. 0 releases. */
  end(index: number, amount: number): boolean {
    const hold = this.holds[index];
    if (hold === undefined || hold.state !== 'open') return false;
    let left = amount;
    for (const part of hold.parts) {
      const taken = Math.min(part.amount, left);
      left -= taken;
      hold.account.held -= part.amount;
      if (part.bucket === 'allowance') hold.account.heldAllowance -= part.amount;
      hold.account.add(part.bucket, part.amount - taken);
      if (taken > 0) hold.captured.push({ ...part, amount: taken });
      hold.account.experience += taken;
    }
    hold.state = hold.captured.length > 0 ? 'captured' : 'released';
    return true;
  }

  refund(index: number, amount: number): boolean {
    const hold = this.holds[index];
    const captured = hold?.captured.reduce((sum, part) => sum + part.amount, 0) ?? 0;
    if (hold === undefined || captured - hold.refunded < amount) return false;
    // From the last that was spent, after what was given back before.
    let skip = hold.refunded;
    let left = amount;
    for (const part of [...hold.captured].reverse()) {
      const skipped = Math.min(part.amount, skip);
      skip -= skipped;
      const given = Math.min(part.amount - skipped, left);
      left -= given;
      hold.account.add(part.bucket, given);
    }
    hold.refunded += amount;
    hold.account.experience -= amount;
    return true;
  }
}
