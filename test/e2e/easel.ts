import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** Runs the built command (`npm run build`) as users do: a process of its own, in a folder of its own. */
export const root = fileURLToPath(new URL('../../', import.meta.url));
export const main = join(root, process.env['EASEL_TEST_DIST'] ?? 'dist', 'cli', 'main.js');

export interface EaselOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For standard input; nothing by default. */
  readonly input?: string | Uint8Array;
}

export interface EaselExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

/** Processes of this test file that are still there. Hooks of a test that runs already would come too late to be heard. */
const running = new Set<EaselProcess>();
afterAll(async () => {
  await Promise.all([...running].map((started) => started.stop()));
});

/** Rehearsals at the speed of tests. */
export const FAST = { EASEL_EMBEDDED_STEP_MS: '0', EASEL_EMBEDDED_LOAD_MS: '0', EASEL_EMBEDDED_PREVIEW_SIZE: '0' };

export class EaselProcess {
  readonly process: ChildProcess;
  readonly exited: Promise<EaselExit>;
  readonly #output = { stdout: '', stderr: '' };
  readonly #chunks: Buffer[] = [];
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(args: readonly string[], options: EaselOptions = {}) {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: options.cwd ?? root,
      env: cleanEnvironment(options.env ?? {}),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process = child;
    running.add(this);
    // A command that does not read its input may end before all of it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#append('stdout', chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => this.#append('stderr', chunk));
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#ended = true;
        running.delete(this);
        this.#notify();
        resolve({ code, signal, ...this.#output, stdoutBytes: Buffer.concat(this.#chunks) });
      });
    });
  }

  /** Resolves with the first match, past or future. Rejects when the process ends without it. */
  async output(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(this.#output[stream]);
        if (found === null && !this.#ended) return;
        this.#watchers.delete(look);
        if (found !== null) resolve(found);
        else reject(new Error(`The command ended without ${pattern}.\n${this.#output.stdout}\n${this.#output.stderr}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<EaselExit> {
    this.process.kill(signal);
    return this.exited;
  }

  #append(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this.#output[stream] += chunk.toString('utf8');
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

export async function easel(args: readonly string[], options: EaselOptions = {}): Promise<EaselExit> {
  return new EaselProcess(args, options).exited;
}

/** Without the settings and colours of whoever runs the tests. */
export function cleanEnvironment(extra: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(EASEL_|FORCE_COLOR|NO_COLOR|TERM|KITTY|ITERM|TMUX|LC_TERMINAL|VITEST|NODE_OPTIONS)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...extra };
}

/** A folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'easel-e2e-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that speaks as ComfyUI does, stopped after the test file. */
export async function startEngine(
  args: readonly string[] = [],
  env: EaselOptions['env'] = FAST,
): Promise<{ readonly url: string; readonly process: EaselProcess }> {
  const engine = new EaselProcess(['engine', '--port', '0', ...args], { env });
  const [, url = ''] = await engine.output('stdout', /^(http:\S+)\n/);
  return { url, process: engine };
}
