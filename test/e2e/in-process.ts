import { Readable } from 'node:stream';
import type { CliIo, CliSignal } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/program.js';
import { systemClock } from '../../src/core/clock.js';

export interface InProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InProcessOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** The command as `main.ts` runs it, but for the process: several times faster than starting Node anew. */
export async function runInProcess(args: readonly string[], options: InProcessOptions): Promise<InProcessResult> {
  const output = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    write(chunk: string | Uint8Array): boolean {
      output[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
      return true;
    },
  });
  const listeners = new Set<(signal: CliSignal) => void>();
  const io: CliIo = {
    stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    environment: options.env ?? {},
    cwd: options.cwd,
    clock: systemClock,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exitNow(exitCode) {
      throw new Error(`The command wanted to leave at once with ${exitCode}.`);
    },
  };
  const code = await runCli(args, io);
  if (listeners.size > 0) throw new Error('The command still listens for signals.');
  return { code, ...output };
}
