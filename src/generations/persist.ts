import { type Clock, sleep } from '../core/clock.js';
import { toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import { DatabaseError } from '../db/index.js';

/**
 * Repeats a write while the database is away, also when it is not known whether the write happened: each of them is the same
 * when it is done twice, because its fence makes a late repeat harmless. Giving up would fail a generation, or strand the
 * attempt until the next restart. Losing the lease ends the loop through the signal.
 */
export async function persist<T>(
  context: { readonly clock: Clock; readonly logger: Logger },
  write: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await write();
    } catch (thrown) {
      const error = toEaselError(thrown);
      const isUnknown = error instanceof DatabaseError && error.commitUnknown;
      if (!isUnknown && (!error.retryable || error.code === 'internal')) throw error;
      context.logger.warn({ err: error, tries }, 'a write has to be repeated');
      await sleep(context.clock, Math.min(5_000, 100 * 2 ** Math.min(tries, 6)), signal);
    }
  }
}
