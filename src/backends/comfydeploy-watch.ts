import type { Clock } from '../core/clock.js';
import { toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { KnownRun } from './comfydeploy-runs.js';

/**
 * Reads each run from time to time, since ComfyDeploy has no event stream for programs:
 *
 *   no webhook heard   every `pollMs`, growing with the age of the run to `maxPollMs`
 *   webhooks arrive    at each of them, and every `safetyPollMs`: a timeout or a stopped container sends none
 *   the read fails     later, and not before `Retry-After`
 */
export interface PollTiming {
  /** comfydeploy.md 3.2 asks for 1 s or more. */
  readonly pollMs: number;
  readonly maxPollMs: number;
  readonly safetyPollMs: number;
}

export interface WatcherOptions extends PollTiming {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads the run and tells what is new. True when there is nothing more to come. */
  readonly read: (run: KnownRun) => Promise<boolean>;
}

/** A run of this age, divided by it, is the pause until the next read. */
const AGE_PER_PAUSE = 8;

export class RunWatcher {
  readonly #options: WatcherOptions;
  #isClosed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Does nothing when the run is watched already, or has ended. */
  watch(run: KnownRun): void {
    if (this.#isClosed || run.watch !== null || run.result !== null) return;
    run.watch = { since: this.#options.clock.now(), timer: null, isReading: false, isDue: false };
    this.#schedule(run, 0);
  }

  lookNow(run: KnownRun): void {
    if (this.#isClosed || run.result !== null) return;
    this.watch(run);
    if (run.watch === null) return;
    if (run.watch.isReading) run.watch.isDue = true;
    else void this.#look(run);
  }

  stop(run: KnownRun): void {
    run.watch?.timer?.cancel();
    run.watch = null;
  }

  close(runs: readonly KnownRun[]): void {
    this.#isClosed = true;
    for (const run of runs) this.stop(run);
  }

  #schedule(run: KnownRun, leastMs: number): void {
    const { watch } = run;
    if (watch === null) return;
    const { clock, pollMs, maxPollMs, safetyPollMs } = this.#options;
    const ageMs = clock.now() - watch.since;
    const pauseMs = run.isReported ? safetyPollMs : Math.min(maxPollMs, Math.max(pollMs, ageMs / AGE_PER_PAUSE));
    watch.timer = clock.setTimer(() => void this.#look(run), Math.max(pauseMs, leastMs), { unref: true });
  }

  async #look(run: KnownRun): Promise<void> {
    const { watch } = run;
    if (watch === null || watch.isReading) return;
    watch.timer?.cancel();
    watch.isReading = true;
    watch.isDue = false;
    let leastMs = 0;
    try {
      if (await this.#options.read(run)) this.stop(run);
    } catch (thrown) {
      const error = toEaselError(thrown);
      const told = error.details?.['retryAfterMs'];
      leastMs = Math.max(this.#options.maxPollMs, typeof told === 'number' ? told : 0);
      this.#options.logger.debug({ err: error, attempt: run.attemptId }, 'a run could not be read');
    }
    watch.isReading = false;
    // Stopped, or stopped and watched anew, while we read.
    if (this.#isClosed || run.watch !== watch) return;
    if (watch.isDue) await this.#look(run);
    else this.#schedule(run, leastMs);
  }
}
