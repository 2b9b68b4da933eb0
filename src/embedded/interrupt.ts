/** Thrown inside a run that was interrupted. */
export class InterruptedError extends Error {
  constructor() {
    super('Interrupted');
  }
}

/**
 * The interrupt flag of the executor. It belongs to the process and not to a prompt: whatever runs when it is tested
 * stops, and starting a prompt clears it, so that an interrupt while idle does nothing (comfyui.md 1.4).
 */
export class InterruptFlag {
  #isSet = false;
  #run: AbortController | null = null;
  /** Every run ends with it, so it is made once: capturing a stack costs more than a tiny run. */
  readonly #over = new InterruptedError();

  /** Aborts when the run is interrupted or over, so that nothing of it lives on. */
  startRun(): AbortSignal {
    this.#isSet = false;
    this.#run = new AbortController();
    return this.#run.signal;
  }

  endRun(): void {
    this.#run?.abort(this.#over);
    this.#run = null;
  }

  set(): void {
    this.#isSet = true;
    this.#run?.abort(new InterruptedError());
  }

  /** Throws InterruptedError, once per interrupt. */
  check(): void {
    if (!this.#isSet) return;
    this.#isSet = false;
    throw new InterruptedError();
  }

  /** The interrupt was noticed by other means. */
  acknowledge(): void {
    this.#isSet = false;
  }
}
