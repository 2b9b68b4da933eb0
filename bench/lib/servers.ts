import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The built command line: a bench is bundled into `dist/bench/`, beside which the product lies. */
export const CLI = join(fileURLToPath(new URL('..', import.meta.url)), 'cli', 'main.js');

export interface ServerProcess {
  readonly url: string;
  /** At once, as when it crashes. */
  kill(): Promise<void>;
  /** By SIGTERM. */
  stop(): Promise<void>;
}

/** Runs Node as a process of its own, which prints its address in its first line. */
export async function startServer(args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: withoutEasel() });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return { url: line.trim(), kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
  }
  throw new Error('The server ended before it told its address.');
}

export function startEngine(dataDir: string, stepMs: number): Promise<ServerProcess> {
  return startServer([CLI, 'engine', '--port', '0', '--data', dataDir, '--step-ms', String(stepMs)]);
}

/** What a command prints. */
export async function runCli(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: withoutEasel() });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  return lines.join('\n');
}

/** Settings of this shell are not those of the bench. */
function withoutEasel(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('EASEL_')));
}
