/**
 * Tells whatever holds a connection open on purpose (event streams, long waits) that the server is about to close. An
 * AbortSignal would do, but Node warns of a leak at its eleventh listener, and each open stream is one.
 */
export class Closing {
  readonly #listeners = new Set<() => void>();
  #begun = false;

  get begun(): boolean {
    return this.#begun;
  }

  /** For tests: listeners that were never let go. */
  get listeners(): number {
    return this.#listeners.size;
  }

  begin(): void {
    this.#begun = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  /** Calls `listener` once, at once when closing has begun already. Returns the function that takes it back. */
  onBegin(listener: () => void): () => void {
    if (this.#begun) {
      listener();
      return () => {};
    }
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
