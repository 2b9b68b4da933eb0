import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { timedOut } from './faults.js';

/** One time limit and one caller's signal for all hops and the body. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #ended: Promise<never>;
  readonly release: () => void;
  /** What to throw once it has ended, null before. */
  reason: Error | null = null;

  constructor(clock: Clock, timeoutMs: number, host: string, caller: AbortSignal | undefined) {
    this.#ended = new Promise<never>((_, reject) => this.onEnd(reject));
    this.#ended.catch(() => {});
    const end = (reason: Error) => {
      this.reason ??= reason;
      this.#controller.abort(this.reason);
    };
    const timer = clock.setTimer(() => end(timedOut(host, timeoutMs)), timeoutMs);
    const onAbort = () => end(asError(caller?.reason));
    caller?.addEventListener('abort', onAbort, { once: true });
    this.release = () => {
      timer.cancel();
      caller?.removeEventListener('abort', onAbort);
    };
    if (caller?.aborted) onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onEnd(callback: (reason: Error) => void): void {
    const { signal } = this.#controller;
    if (signal.aborted) callback(signal.reason as Error);
    else signal.addEventListener('abort', () => callback(signal.reason as Error), { once: true });
  }

  /** Rejects at the end even if the work does not listen: undici reports an abort only once it is connected. */
  async race<T>(work: Promise<T>, dispose: (late: T) => void): Promise<T> {
    work.then(
      (late) => {
        if (this.reason !== null) dispose(late);
      },
      () => {},
    );
    return Promise.race([work, this.#ended]);
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new EaselError('internal', `given up: ${String(reason)}`);
}
