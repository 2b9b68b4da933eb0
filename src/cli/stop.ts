import type { CliIo, CliSignal } from './io.js';
import { EXIT_CANCELLED } from './run/interrupt.js';

/** For servers: resolves at the first signal. A second one ends the process at once. */
export function untilStopped(io: CliIo): Promise<CliSignal> {
  return new Promise((resolve) => {
    let asked = false;
    io.onSignal((signal) => {
      if (asked) io.exitNow(EXIT_CANCELLED);
      asked = true;
      resolve(signal);
    });
  });
}
