import type { Clock } from '../core/clock.js';

/**
 * One time limit and one caller's signal for a piece of work made of several awaits. `signal` aborts when either ends it;
 * `race` rejects at that moment even if the work itself does not listen (undici, for example, reports an abort only after
 * the connection is made).
 */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #ended: Promise<never>;
  readonly #stop: () => void;
  #timedOut = false;

  constructor(clock: Clock, timeoutMs: number, callerSignal?: AbortSignal) {
    const controller = this.#controller;
    this.#ended = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    });
    this.#ended.catch(() => {});
    const timer = clock.setTimer(() => {
      this.#timedOut = true;
      controller.abort(new Error(`Time limit of ${timeoutMs} ms passed.`));
    }, timeoutMs);
    const onAbort = () => controller.abort(callerSignal?.reason);
    callerSignal?.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      timer.cancel();
      callerSignal?.removeEventListener('abort', onAbort);
    };
    if (callerSignal?.aborted) onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get timedOut(): boolean {
    return this.#timedOut;
  }

  get ended(): boolean {
    return this.#controller.signal.aborted;
  }

  /** `discard` receives a result that arrives after the end, so that what it holds open can be released. */
  async race<T>(work: Promise<T>, discard?: (late: T) => void): Promise<T> {
    let lost = false;
    if (discard !== undefined)
      work.then(
        (result) => {
          if (lost) discard(result);
        },
        () => {},
      );
    try {
      return await Promise.race([work, this.#ended]);
    } catch (error) {
      lost = true;
      throw error;
    }
  }

  /** Must be called in the end: cancels the timer and lets go of the caller's signal. The own signal stays as it is. */
  release(): void {
    this.#stop();
  }
}
