import type { Clock } from '../../core/clock.js';

export interface RateStanding {
  readonly allowed: boolean;
  readonly limit: number;
  /** Requests left in this minute. */
  readonly remaining: number;
  /** Until the next minute begins. */
  readonly resetSeconds: number;
}

const MINUTE_MS = 60_000;
const MOST_KEYS = 10_000;

/**
 * Counts requests by key in minutes of the clock, and requests and streams that are under way. It is this node's own count:
 * with several nodes behind a balancer a key may do that much on each. Ours, and small, so that tests decide when a minute
 * is over.
 */
export class Limiter {
  readonly #clock: Clock;
  readonly #minutes = new Map<string, { readonly minute: number; count: number }>();
  readonly #underWay = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a request. */
  count(key: string, limit: number): RateStanding {
    const now = this.#clock.now();
    const minute = Math.floor(now / MINUTE_MS);
    let entry = this.#minutes.get(key);
    if (entry === undefined || entry.minute !== minute) {
      this.#forget(minute);
      entry = { minute, count: 0 };
      this.#minutes.set(key, entry);
    }
    entry.count += 1;
    return {
      allowed: entry.count <= limit,
      limit,
      remaining: Math.max(0, limit - entry.count),
      resetSeconds: Math.ceil(((minute + 1) * MINUTE_MS - now) / 1000),
    };
  }

  /** Takes a place, or null when all `limit` are taken. The returned function gives it back, once. */
  enter(key: string, limit: number): (() => void) | null {
    const now = this.#underWay.get(key) ?? 0;
    if (now >= limit) return null;
    this.#underWay.set(key, now + 1);
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      const left = (this.#underWay.get(key) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(key);
      else this.#underWay.set(key, left);
    };
  }

  #forget(minute: number): void {
    if (this.#minutes.size < MOST_KEYS) return;
    for (const [key, entry] of this.#minutes) if (entry.minute !== minute) this.#minutes.delete(key);
  }
}
