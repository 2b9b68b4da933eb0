import type { Clock, Timer } from '../core/clock.js';
import { toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { MediaSweepReport } from './types.js';

/** Sweeps from time to time while Easel runs. Several nodes may do it at once. */
export class MediaSweeper {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #everyMs: number;
  readonly #sweep: () => Promise<MediaSweepReport>;
  #timer: Timer | null = null;
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly everyMs: number;
    readonly sweep: () => Promise<MediaSweepReport>;
  }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#everyMs = options.everyMs;
    this.#sweep = options.sweep;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#running = this.#run().then(() => this.#schedule());
      },
      this.#everyMs,
      { unref: true },
    );
  }

  async #run(): Promise<void> {
    try {
      const report = await this.#sweep();
      if (Object.values(report).some((count) => count > 0)) this.#logger.info({ ...report }, 'media swept');
    } catch (error) {
      this.#logger.warn({ err: toEaselError(error) }, 'the sweep of media failed; it is tried again later');
    }
  }
}
