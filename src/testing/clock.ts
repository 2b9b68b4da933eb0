import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../core/clock.js';

interface PendingTimer {
  readonly dueAt: number;
  /** Ties run in the order in which they were set, as Node's do. */
  readonly order: number;
  readonly callback: () => void;
}

/** 2026-01-01T00:00:00Z: a fixed start keeps times in test output the same from run to run. */
const DEFAULT_START_MS = 1_767_225_600_000;

/**
 * A clock that stands still until a test moves it.
 *
 * Between two timers one turn of the event loop passes, so that promise chains and ready I/O run as they would have in
 * real time, and timers they set are seen. Work that takes several turns (files, sockets) is outside the clock: wait for
 * it with `whenPending` or a `Latch`, never by guessing a number of turns.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();
  readonly #watchers = new Set<{ readonly count: number; readonly resolve: () => void }>();

  constructor(startMs: number = DEFAULT_START_MS) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { dueAt: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    for (const watcher of this.#watchers) {
      if (this.#timers.size >= watcher.count) {
        this.#watchers.delete(watcher);
        watcher.resolve();
      }
    }
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers set and neither run nor cancelled. Zero at the end of a test means that nothing leaked. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the earliest pending timer is due, or null. */
  get nextDueAt(): number | null {
    return this.#earliest()?.dueAt ?? null;
  }

  /** Resolves as soon as at least `count` timers are pending: the code under test has gone to sleep. */
  whenPending(count = 1): Promise<void> {
    if (this.#timers.size >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.add({ count, resolve });
    });
  }

  /** Moves time forward by `ms` and runs every timer due on the way, at its own time, in order. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Time moves forward only, not by ${ms} ms.`);
    const endMs = this.#nowMs + ms;
    await nextTurn();
    for (;;) {
      const timer = this.#earliest();
      if (timer === undefined || timer.dueAt > endMs) break;
      await this.#run(timer);
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
    await nextTurn();
  }

  /** Moves to the earliest pending timer and runs it. False when there is none. */
  async advanceToNext(): Promise<boolean> {
    await nextTurn();
    const timer = this.#earliest();
    if (timer === undefined) return false;
    await this.#run(timer);
    return true;
  }

  /** Sets the time without running anything: a clock that was corrected, forward or backward, under a running process. */
  jumpTo(timeMs: number): void {
    this.#nowMs = timeMs;
  }

  async #run(timer: PendingTimer): Promise<void> {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueAt);
    timer.callback();
    await nextTurn();
  }

  #earliest(): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.dueAt < first.dueAt ||
        (timer.dueAt === first.dueAt && timer.order < first.order)
      )
        first = timer;
    }
    return first;
  }
}
