/** Time as a constructor parameter, so that tests decide when it passes. All times are integer milliseconds since 1970. */
export interface Clock {
  now(): number;
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive when `unref` is true. */
  setTimer(callback: () => void, delayMs: number, options?: { readonly unref?: boolean }): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Node clamps longer delays to 1 ms, which would turn "in a month" into "now". */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs, options) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS));
    if (options?.unref) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`; rejects with the signal's reason as soon as `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
