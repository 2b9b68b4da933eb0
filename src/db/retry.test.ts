import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from './retry.js';

test('the pause lies anywhere between nothing and a ceiling that doubles up to one second', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (retry, chance) => {
      const pauseMs = backoffMs(retry, () => chance);
      const ceilingMs = Math.min(1000, 20 * 2 ** retry);
      expect(pauseMs).toBeGreaterThanOrEqual(0);
      expect(pauseMs).toBeLessThan(ceilingMs);
    }),
  );
  expect(backoffMs(0, () => 0.5)).toBe(10);
  expect(backoffMs(50, () => 0.5)).toBe(500);
});
