import { type Clock, sleep } from '../core/clock.js';
import { toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';

/**
 * Repeats a write while the database is away. Giving up would strand the attempt until the next restart; the fence makes a
 * late repeat harmless, and losing the lease ends the loop through the signal.
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
      if (!error.retryable || error.code === 'internal') throw error;
      context.logger.warn({ err: error, tries }, 'a write has to be repeated');
      await sleep(context.clock, Math.min(5_000, 100 * 2 ** Math.min(tries, 6)), signal);
    }
  }
}
