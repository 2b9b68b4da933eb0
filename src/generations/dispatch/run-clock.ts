import type { BackendEvent } from '../../backends/spec.js';

/** When a run began, took its first sampler step and ended, as its events tell; milliseconds since 1970. */
export interface RunTimes {
  readonly startedAt: number;
  readonly sampledAt: number | null;
  readonly endedAt: number | null;
}

/** Listens to one backend. A run whose events are lost is simply not measured. */
export class RunClock {
  readonly #runs = new Map<string, { -readonly [Key in keyof RunTimes]: RunTimes[Key] }>();

  hear(event: BackendEvent, nowMs: number): void {
    if (!('attemptId' in event)) {
      // Events of runs that go on may have been missed, and half a measurement is a wrong one.
      if (event.type === 'disconnected') this.#runs.clear();
      return;
    }
    if (event.type === 'started') {
      if (this.#runs.size >= MAX_RUNS) this.#runs.delete(this.#runs.keys().next().value!);
      this.#runs.set(event.attemptId, { startedAt: nowMs, sampledAt: null, endedAt: null });
      return;
    }
    const run = this.#runs.get(event.attemptId);
    if (run === undefined) return;
    if (event.type === 'progress') run.sampledAt ??= nowMs;
    if (event.type === 'ended') run.endedAt ??= nowMs;
  }

  /** Null when the start was not heard. */
  times(attemptId: string): RunTimes | null {
    return this.#runs.get(attemptId) ?? null;
  }
}

const MAX_RUNS = 256;
