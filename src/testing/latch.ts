/** A promise with its handles outside: a test decides when, and how, something that is awaited ends. */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  #resolve!: (value: T | PromiseLike<T>) => void;
  #reject!: (reason: unknown) => void;
  #settled = false;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A test may reject before anybody awaits; that is no unhandled rejection. Whoever awaits `promise` still sees it.
    this.promise.catch(() => {});
  }

  get settled(): boolean {
    return this.#settled;
  }

  resolve(value: T): void {
    this.#settled = true;
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#settled = true;
    this.#reject(reason);
  }
}

/**
 * A gate in the path of the code under test. The code calls `pass()`; the test awaits `reached`, acts at exactly that
 * point, then calls `open()`. Once open it stays open.
 */
export class Latch {
  readonly #reached = new Deferred();
  readonly #opened = new Deferred();
  #waiting = 0;

  /** Resolves when somebody has called `pass()` for the first time. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  get isOpen(): boolean {
    return this.#opened.settled;
  }

  /** Callers held at the gate right now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Waits until the latch opens; rejects with the signal's reason when `signal` aborts first, or the latch is failed. */
  async pass(signal?: AbortSignal): Promise<void> {
    this.#waiting += 1;
    this.#reached.resolve();
    const aborted = new Deferred<never>();
    const onAbort = () => aborted.reject(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#opened.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#waiting -= 1;
    }
  }

  open(): void {
    this.#opened.resolve();
  }

  /** Makes every present and future `pass()` reject: the fault happens exactly here. */
  fail(reason: unknown): void {
    this.#opened.reject(reason);
  }
}
