import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Builds a TypeScript file and what it imports from the project into one file that Node can run. Packages stay outside, so
 * the file lies where Node finds them. Removed after the test file. `entry` is a path from the root of the project.
 */
export async function bundleChild(entry: string): Promise<string> {
  const name = `${basename(entry, '.ts')}-${randomUUID()}.mjs`;
  const outfile = join(root, 'node_modules', '.easel-test', name);
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  afterAll(() => rmSync(outfile, { force: true }));
  return outfile;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node process that speaks by lines on its standard output. */
export class Child {
  readonly process: ChildProcess;
  /** Whole lines so far. A line that was cut off by the end of the process is not among them. */
  readonly lines: string[] = [];
  readonly exited: Promise<ChildExit>;
  stderr = '';
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(script: string, args: readonly string[] = [], options: { readonly env?: NodeJS.ProcessEnv } = {}) {
    const child = spawn(process.execPath, ['--enable-source-maps', script, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    this.process = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-20_000);
    });
    this.#readLines(child);
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      // `close` and not `exit`: by then all of its output has been read.
      child.once('close', (code, signal) => {
        this.#ended = true;
        this.#notify();
        resolve({ code, signal });
      });
    });
  }

  /** Resolves with the first line that fits, past or future. Rejects when the process ends without it. */
  line(fits: string | ((line: string) => boolean)): Promise<string> {
    const matches = typeof fits === 'string' ? (line: string) => line === fits : fits;
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find(matches);
        if (found === undefined && !this.#ended) return;
        this.#watchers.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`The process ended without the line that was waited for.\n${this.stderr}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves when that many lines have come. */
  async count(lines: number): Promise<void> {
    await this.line(() => this.lines.length >= lines);
  }

  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ChildExit> {
    this.process.kill(signal);
    return this.exited;
  }

  #readLines(child: ChildProcess): void {
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#notify();
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
