/**
 * When a delivery is tried again: 5 s after the first failure, then three times as long each time, at most an hour, with
 * a fifth of jitter so that what failed together does not come back together; at an age of a day it is given up.
 * `Retry-After` is a lower bound, within that day.
 */
export interface RetrySchedule {
  readonly firstDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  /** Age at which a delivery is dead. */
  readonly giveUpMs: number;
}

export const DEFAULT_SCHEDULE: RetrySchedule = {
  firstDelayMs: 5_000,
  factor: 3,
  maxDelayMs: 3_600_000,
  giveUpMs: 86_400_000,
};

/** Milliseconds until the next try after `tries` failures, or null when there will be none. */
export function nextDelayMs(
  schedule: RetrySchedule,
  failed: { readonly tries: number; readonly ageMs: number; readonly retryAfterMs: number | null },
  random: () => number,
): number | null {
  if (failed.ageMs >= schedule.giveUpMs) return null;
  const exponent = Math.min(failed.tries - 1, 30);
  const plainMs = Math.min(schedule.maxDelayMs, schedule.firstDelayMs * schedule.factor ** exponent);
  const delayMs = Math.max(plainMs * (0.8 + 0.4 * random()), failed.retryAfterMs ?? 0);
  // The last try comes at the end of the day, not some time before it.
  return Math.round(Math.min(delayMs, schedule.giveUpMs - failed.ageMs));
}

/** How long an endpoint that failed `failures` times in a row is left alone before one delivery tries it again. */
export function pauseMs(failures: number): number {
  return Math.min(300_000, 5_000 * 2 ** Math.min(failures - 1, 10));
}
