import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** What the private servers of tests have in common: whether a program is there, a free port, and an end that is seen. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

/**
 * The command line of a program that ends with the test process, so that a killed test run leaves no server behind; where
 * `setpriv` is missing, of the program alone. `options`: more for `setpriv`.
 */
export function endingWithUs(
  signal: 'KILL' | 'INT',
  program: string,
  args: readonly string[],
  options: readonly string[] = [],
): [command: string, args: string[]] {
  if (!isOnPath('setpriv')) return [program, [...args]];
  return ['setpriv', [...options, '--pdeathsig', signal, program, ...args]];
}

/** Free at this moment; by the time of its use somebody else may have taken it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Sends the signal and waits for the end, unless it has ended before. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // It may have been let go of, and then this process would not wait.
  child.ref();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await exited;
}
