import type { Clock, Timer } from './clock.js';
import { toEaselError } from './errors.js';
import type { Logger } from './log.js';

export interface PeriodicSweepOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is swept, for the log: `media`. */
  readonly what: string;
  /** From the end of a sweep to the beginning of the next, in milliseconds. */
  readonly everyMs: number;
  /** From `start` to the first sweep, in milliseconds; at once unless told. */
  readonly firstMs?: number;
  /** 0 to 1: spreads the pauses to a quarter less or more, so that nodes that start together do not sweep together. */
  readonly random?: () => number;
  /** Of the line that says what was done; `info` unless told. */
  readonly level?: 'debug' | 'info';
  /** Returns counts: they are logged when one of them is not zero. The signal aborts at `stop`. */
  readonly sweep: (signal: AbortSignal) => Promise<object>;
}

/**
 * Sweeps from time to time while Easel runs, one sweep at a time. One that fails is logged, and the next comes as if it had
 * not. The timer does not keep the process alive. For one life: after `stop` it does not start again.
 */
export class PeriodicSweep {
  readonly #options: PeriodicSweepOptions;
  readonly #stopping = new AbortController();
  #timer: Timer | null = null;
  #running: Promise<void> = Promise.resolve();
  #isStarted = false;

  constructor(options: PeriodicSweepOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStarted || this.#stopping.signal.aborted) return;
    this.#isStarted = true;
    const { firstMs = 0 } = this.#options;
    if (firstMs === 0) this.#begin();
    else this.#beginIn(firstMs);
  }

  /** Resolves when the sweep that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    await this.#running;
  }

  #begin(): void {
    this.#running = this.#sweep().then(() => this.#beginIn(this.#options.everyMs));
  }

  #beginIn(delayMs: number): void {
    if (this.#stopping.signal.aborted) return;
    const { clock, random } = this.#options;
    const spread = random === undefined ? 1 : 0.75 + random() / 2;
    this.#timer = clock.setTimer(() => this.#begin(), delayMs * spread, { unref: true });
  }

  async #sweep(): Promise<void> {
    const { logger, what, level = 'info', sweep } = this.#options;
    try {
      const counts = await sweep(this.#stopping.signal);
      if (Object.values(counts).some((count) => count !== 0)) logger[level]({ ...counts }, `${what} swept`);
    } catch (error) {
      logger.warn({ err: toEaselError(error) }, `the sweep of ${what} failed; it is tried again later`);
    }
  }
}
