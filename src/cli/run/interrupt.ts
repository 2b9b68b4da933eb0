import type { CliIo, CliSignal } from '../io.js';

/** Cancelled by the user; `docs/errors.md`. */
export const EXIT_CANCELLED = 130;

/**
 * Ctrl-C. The first one asks the work to end properly: what runs on a backend is stopped there, and that is verified. The
 * second one leaves at once. SIGTERM and SIGHUP count the same.
 */
export class Interrupts {
  readonly #controller = new AbortController();
  readonly #unsubscribe: () => void;
  readonly #leave: () => void;

  /** `leave` runs before the process ends at once; it must not wait for anything. */
  constructor(io: CliIo, leave: () => void) {
    this.#leave = leave;
    this.#unsubscribe = io.onSignal((signal: CliSignal) => {
      if (!this.#controller.signal.aborted) {
        this.#controller.abort(new InterruptedError(signal));
        return;
      }
      try {
        this.#leave();
      } finally {
        io.exitNow(EXIT_CANCELLED);
      }
    });
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    this.#unsubscribe();
  }
}

class InterruptedError extends Error {
  constructor(readonly signalName: CliSignal) {
    super(`Interrupted by ${signalName}.`);
  }
}
