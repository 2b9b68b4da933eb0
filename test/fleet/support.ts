import { type Clock, systemClock, type Timer } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { type BackendCatalogue, Backends } from '../../src/generations/index.js';

/**
 * Real time for a process that can be stopped as SIGSTOP stops one: time goes on, but none of its timers fires. When it
 * goes on, those that are due fire at once, in order.
 */
export class StoppableClock implements Clock {
  readonly #due: (() => void)[] = [];
  #stopped = false;

  now(): number {
    return systemClock.now();
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    let cancelled = false;
    const timer = systemClock.setTimer(() => {
      if (this.#stopped) this.#due.push(() => !cancelled && callback());
      else callback();
    }, delayMs);
    return {
      cancel() {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  stop(): void {
    this.#stopped = true;
  }

  goOn(): void {
    this.#stopped = false;
    for (const callback of this.#due.splice(0)) callback();
  }
}

/** Settings are `{ id }`, and nothing is a secret. */
const catalogue: BackendCatalogue = {
  parse(settings) {
    const { id } = settings as { readonly id: string };
    return { id, kind: 'comfyui', displayUrl: `fake:${id}`, settings };
  },
  mask: (settings) => settings,
};

export function backendsOf(db: Db): Backends {
  return new Backends({ db, clock: systemClock, logger: silentLogger, catalogue });
}

/** The owner tag of a process on another machine that does not exist. */
export const ELSEWHERE = `elsewhere:1:${newId()}`;
