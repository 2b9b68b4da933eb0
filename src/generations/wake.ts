import type { Clock } from '../core/clock.js';

/** A loop's pause that can be cut short. A poke while nobody waits is kept for the next wait. */
export class Wake {
  readonly #clock: Clock;
  #poked = false;
  #resolve: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  poke(): void {
    this.#poked = true;
    this.#resolve?.();
  }

  /** True when poked, false when the time passed. */
  async wait(delayMs: number): Promise<boolean> {
    if (!this.#poked) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(resolve, delayMs);
        this.#resolve = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#resolve = null;
    }
    const poked = this.#poked;
    this.#poked = false;
    return poked;
  }
}
