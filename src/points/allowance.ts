/**
 * The allowance by elapsed time: pure arithmetic, no timer that could be missed.
 *
 * An account carries the time up to which it is accounted for (`accruedAt`) and the fraction of a micro-point beyond it
 * (`rest`, in micro-points times milliseconds), so that nothing is lost however often it is looked at. Time is epoch
 * milliseconds: time zones and daylight saving do not exist here, and a week of downtime is a week.
 */
const DAY_MS = 86_400_000;

export interface AllowancePlan {
  /** Regenerates up to this. Micro-points. */
  readonly cap: number;
  /** Micro-points per 24 hours. */
  readonly perDay: number;
}

export interface AllowanceState {
  /** The allowance itself. */
  readonly allowance: number;
  /** Allowance in open holds. It counts against the cap: else a hold would make room, and its release would overfill it. */
  readonly allowanceHeld: number;
  readonly accruedAt: number;
  readonly rest: number;
}

export interface Accrual {
  /** To be added to the allowance. */
  readonly minted: number;
  readonly accruedAt: number;
  readonly rest: number;
  /** The cap cut something off. Only then may it matter when the accrual is written down. */
  readonly capped: boolean;
}

/**
 * What has come back by `nowMs`.
 *
 * A clock that goes back mints nothing, and the time that was counted already is not counted again: `accruedAt` stays. A
 * clock that had been far ahead (a wrong year) would so stop the allowance for years, therefore the debt of time is at
 * most what it takes to fill an empty allowance, which is the most that the wrong clock can have given away.
 */
export function accrue(state: AllowanceState, plan: AllowancePlan, nowMs: number): Accrual {
  const room = plan.cap - state.allowance - state.allowanceHeld;
  if (plan.perDay <= 0) return { minted: 0, accruedAt: Math.max(state.accruedAt, nowMs), rest: 0, capped: false };
  const accruedAt = Math.min(state.accruedAt, nowMs + fillMs(plan));
  if (nowMs <= accruedAt) return { minted: 0, accruedAt, rest: state.rest, capped: room <= 0 };
  const total = BigInt(nowMs - accruedAt) * BigInt(plan.perDay) + BigInt(state.rest);
  const earned = total / BigInt(DAY_MS);
  if (room <= 0 || earned >= BigInt(room))
    return { minted: Math.max(0, room), accruedAt: nowMs, rest: 0, capped: true };
  return { minted: Number(earned), accruedAt: nowMs, rest: Number(total % BigInt(DAY_MS)), capped: false };
}

/** When the allowance will have grown by `amount`, from now on; null when it never will. */
export function accruedBy(state: AllowanceState, plan: AllowancePlan, nowMs: number, amount: number): number | null {
  if (plan.perDay <= 0) return null;
  const { minted, accruedAt, rest } = accrue(state, plan, nowMs);
  if (amount > plan.cap - state.allowance - state.allowanceHeld - minted) return null;
  const missing = BigInt(amount) * BigInt(DAY_MS) - BigInt(rest);
  const perDay = BigInt(plan.perDay);
  return Math.max(nowMs, accruedAt) + Number(missing <= 0n ? 0n : (missing + perDay - 1n) / perDay);
}

/** From empty to full. */
function fillMs(plan: AllowancePlan): number {
  return Number((BigInt(plan.cap) * BigInt(DAY_MS) + BigInt(plan.perDay) - 1n) / BigInt(plan.perDay));
}
