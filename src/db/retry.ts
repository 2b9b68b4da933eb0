import { type Clock, sleep } from '../core/clock.js';
import { DatabaseError } from './errors.js';

const FIRST_CEILING_MS = 20;
const LONGEST_CEILING_MS = 1000;

/** Full jitter: anywhere between 0 and a ceiling that doubles. Two transactions that met once should not meet again. */
export function backoffMs(retry: number, random: () => number): number {
  return random() * Math.min(LONGEST_CEILING_MS, FIRST_CEILING_MS * 2 ** retry);
}

export interface RetryOptions {
  /** How many times it may run again after the first. */
  readonly retries: number;
  /** A COMMIT whose answer was lost is no reason to stop: what may have happened already is found and not done twice. */
  readonly repeatable?: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onRetry?: (error: DatabaseError, retry: number) => void;
}

/** Runs `attempt` until it succeeds, throws something that running again cannot cure, or the retries are used up. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const isOpen = options.repeatable === true && error.commitUnknown;
      if (!error.canRerun && !isOpen) throw error;
      if (retry >= options.retries) throw isOpen ? error.ofRepeatable() : error;
      options.onRetry?.(error, retry + 1);
      await sleep(options.clock, backoffMs(retry, options.random));
    }
  }
}
