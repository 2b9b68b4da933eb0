import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_SCHEDULE, nextDelayMs, pauseMs } from './schedule.js';

const HOUR_MS = 3_600_000;

it('triples the pause from 5 s to an hour, and tries for the last time at an age of a day', () => {
  const pauses: number[] = [];
  for (let ageMs = 0, tries = 1; ; tries += 1) {
    const delayMs = nextDelayMs(DEFAULT_SCHEDULE, { tries, ageMs, retryAfterMs: null }, () => 0.5);
    if (delayMs === null) break;
    pauses.push(delayMs);
    ageMs += delayMs;
  }
  expect(pauses.slice(0, 8)).toEqual([5_000, 15_000, 45_000, 135_000, 405_000, 1_215_000, HOUR_MS, HOUR_MS]);
  expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBe(24 * HOUR_MS);
});

it('keeps within a fifth of the plain pause, above Retry-After, and within the day', () => {
  const failure = fc.record({
    tries: fc.integer({ min: 1, max: 10_000 }),
    ageMs: fc.integer({ min: 0, max: 30 * HOUR_MS }),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 48 * HOUR_MS })),
  });
  fc.assert(
    fc.property(failure, fc.double({ min: 0, max: 0.999, noNaN: true }), (failed, random) => {
      const leftMs = 24 * HOUR_MS - failed.ageMs;
      const delayMs = nextDelayMs(DEFAULT_SCHEDULE, failed, () => random);
      if (leftMs <= 0) {
        expect(delayMs).toBeNull();
        return;
      }
      const plainMs = Math.min(HOUR_MS, 5_000 * 3 ** Math.min(failed.tries - 1, 30));
      expect(delayMs).toBeGreaterThanOrEqual(Math.min(leftMs, Math.max(plainMs * 0.8, failed.retryAfterMs ?? 0)) - 1);
      expect(delayMs).toBeLessThanOrEqual(Math.min(leftMs, Math.max(plainMs * 1.2, failed.retryAfterMs ?? 0)) + 1);
    }),
  );
});

it('leaves an endpoint alone for at most five minutes', () => {
  expect([1, 2, 3, 20, 1_000].map(pauseMs)).toEqual([5_000, 10_000, 20_000, 300_000, 300_000]);
});
