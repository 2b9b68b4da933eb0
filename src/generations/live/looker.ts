import type { Clock, Timer } from '../../core/clock.js';

export interface LookerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** `isTick`: a tick is due, hint or not. What it throws is kept quiet: the next look comes in any case. */
  readonly look: (isTick: boolean) => Promise<void>;
}

/** Hints come in bursts, and each look costs a query. */
const HINT_PAUSE_MS = 50;

/** Looks into the database at every tick, and soon after a hint that there is something to see; one look at a time. */
export class Looker {
  readonly #options: LookerOptions;
  #timer: Timer | null = null;
  #dueAt = 0;
  #tickAt = 0;
  #isHinted = false;
  #isLooking = false;
  #isOn = false;

  constructor(options: LookerOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#isOn = true;
    this.#tickAt = this.#options.clock.now();
    this.#lookIn(this.#options.tickMs);
  }

  hint(): void {
    if (!this.#isOn) return;
    this.#isHinted = true;
    this.#lookIn(HINT_PAUSE_MS);
  }

  end(): void {
    this.#isOn = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #lookIn(delayMs: number): void {
    const dueAt = this.#options.clock.now() + delayMs;
    if (!this.#isOn || this.#isLooking || (this.#timer !== null && this.#dueAt <= dueAt)) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = null;
      void this.#look();
    }, delayMs);
  }

  async #look(): Promise<void> {
    const { clock, tickMs } = this.#options;
    const isTick = !this.#isHinted || clock.now() - this.#tickAt >= tickMs;
    if (isTick) this.#tickAt = clock.now();
    this.#isHinted = false;
    this.#isLooking = true;
    try {
      await this.#options.look(isTick);
    } catch {
      // The database is away. Who followed for an hour should not be cut off by a minute's outage.
    } finally {
      this.#isLooking = false;
      this.#lookIn(this.#isHinted ? HINT_PAUSE_MS : tickMs);
    }
  }
}
