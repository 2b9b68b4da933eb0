#!/usr/bin/env node
/** The `easel` command: the process on one side, `program.ts` on the other. */
import { processEnvironment } from '../config/process-environment.js';
import { systemClock } from '../core/clock.js';
import type { CliIo, CliSignal } from './io.js';
import { runCli } from './program.js';

const SIGNALS: readonly CliSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const io: CliIo = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: processEnvironment(),
  cwd: process.cwd(),
  clock: systemClock,
  onSignal(listener) {
    for (const signal of SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    };
  },
  exitNow: (exitCode) => process.exit(exitCode),
};

// `easel inspect … | head`: whoever reads has seen enough, which is no fault of ours. A terminal that went away must not
// keep a run from being cancelled properly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
});
process.stderr.on('error', () => {});

// Set, not exited with: what is still being written to a pipe must arrive.
process.exitCode = await runCli(process.argv.slice(2), io);
