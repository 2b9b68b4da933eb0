import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AllowanceState, accrue, accruedBy } from './allowance.js';

const DAY = 86_400_000;
const PLAN = { cap: 100_000_000, perDay: 77_777_777 };
const T0 = Date.UTC(2026, 2, 1);

const empty = (accruedAt: number): AllowanceState => ({ allowance: 0, allowanceHeld: 0, accruedAt, rest: 0 });
const apply = (state: AllowanceState, nowMs: number): AllowanceState => {
  const { minted, accruedAt, rest } = accrue(state, PLAN, nowMs);
  return { ...state, allowance: state.allowance + minted, accruedAt, rest };
};

test('looking often or once comes to the same, to the last micro-point', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: DAY }), { maxLength: 50 }), (steps) => {
      let now = T0;
      let often = empty(T0);
      for (const step of steps) {
        now += step;
        often = apply(often, now);
      }
      expect(often.allowance).toBe(apply(empty(T0), now).allowance);
    }),
  );
});

test('a clock that wanders never gives more than the highest time that it showed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -DAY / 2, max: DAY / 2 }), { maxLength: 40 }), (steps) => {
      // Spent at once, so that the cap never hides anything.
      let now = T0;
      let highest = T0;
      let state = empty(T0);
      let minted = 0;
      for (const step of steps) {
        now += step;
        highest = Math.max(highest, now);
        const accrual = accrue(state, PLAN, now);
        minted += accrual.minted;
        state = { ...state, accruedAt: accrual.accruedAt, rest: accrual.rest };
        // The debt of time is at most a filling, beyond which it is forgiven; these steps can exceed it.
        const forgiven = highest - now > (PLAN.cap / PLAN.perDay) * DAY;
        if (forgiven) return;
      }
      expect(minted).toBeLessThanOrEqual(Math.ceil(((highest - T0) * PLAN.perDay) / DAY));
      expect(minted).toBeGreaterThanOrEqual(Math.floor(((highest - T0) * PLAN.perDay) / DAY) - 40);
    }),
  );
});

test('a clock that was years ahead gives one filling, and owes one', () => {
  const wrong = apply(empty(T0), T0 + 30 * 365 * DAY);
  expect(wrong.allowance).toBe(PLAN.cap);
  const spent = { ...wrong, allowance: 0 };
  expect(accrue(spent, PLAN, T0 + 1).minted).toBe(0);
  // Looked at now, the account is owed nothing for one filling, and not for thirty years.
  const corrected = apply(spent, T0 + 1);
  expect(corrected.allowance).toBe(0);
  expect(apply(corrected, T0 + DAY).allowance).toBe(0);
  expect(apply(corrected, T0 + 3 * DAY).allowance).toBe(PLAN.cap);
});

test('a week of downtime is a week, up to the cap', () => {
  expect(apply(empty(T0), T0 + DAY).allowance).toBe(PLAN.perDay);
  expect(apply(empty(T0), T0 + 7 * DAY).allowance).toBe(PLAN.cap);
  expect(apply({ ...empty(T0), allowance: PLAN.cap + 5 }, T0 + 7 * DAY).allowance).toBe(PLAN.cap + 5);
  expect(apply({ ...empty(T0), allowanceHeld: 60_000_000 }, T0 + 7 * DAY).allowance).toBe(40_000_000);
});

test('a change of the clocks in spring and autumn is no change of time', () => {
  // 25 and 23 hours by the wall in Berlin, New York and Lord Howe; a day of 24 hours each by elapsed time.
  for (const day of [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25), Date.UTC(2026, 2, 8), Date.UTC(2026, 3, 5)]) {
    expect(apply(empty(day), day + DAY).allowance).toBe(PLAN.perDay);
  }
});

test('tells when enough will have come back, to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: PLAN.cap }), fc.integer({ min: 0, max: DAY - 1 }), (amount, rest) => {
      const state = { ...empty(T0), rest };
      const at = accruedBy(state, PLAN, T0, amount)!;
      expect(accrue(state, PLAN, at).minted).toBeGreaterThanOrEqual(amount);
      if (at > T0) expect(accrue(state, PLAN, at - 1).minted).toBeLessThan(amount);
    }),
  );
  expect(accruedBy(empty(T0), PLAN, T0, PLAN.cap + 1)).toBeNull();
  expect(accruedBy(empty(T0), { cap: 5, perDay: 0 }, T0, 1)).toBeNull();
});
