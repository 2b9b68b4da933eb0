import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';

/**
 * Everything that a command touches outside of its arguments. `main.ts` fills it with the process; tests fill it with
 * their own, so that a whole command runs inside of a test.
 */
export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Environment;
  readonly cwd: string;
  readonly clock: Clock;
  /** Calls the listener for SIGINT, SIGTERM and SIGHUP, which then no longer end the process. Returns how to stop that. */
  onSignal(listener: (signal: CliSignal) => void): () => void;
  /** Ends the process at once. */
  exitNow(exitCode: number): void;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type CliSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The part of a terminal or pipe that is used here. */
export interface TextOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(chunk: string | Uint8Array): boolean;
  once?(event: 'drain', listener: () => void): unknown;
}
