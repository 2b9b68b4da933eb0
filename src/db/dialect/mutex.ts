/** One holder at a time, first come first served. */
export class Mutex {
  #locked = false;
  readonly #waiters: (() => void)[] = [];

  get locked(): boolean {
    return this.#locked;
  }

  lock(): Promise<void> {
    if (!this.#locked) {
      this.#locked = true;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /**
   * Hands over by way of the event loop: SQLite answers without ever waiting, so a queue of transactions that hands over
   * by promise alone would keep timers and sockets from running until the queue is empty.
   */
  unlock(): void {
    const next = this.#waiters.shift();
    if (next) setImmediate(next);
    else this.#locked = false;
  }
}
