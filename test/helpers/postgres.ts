import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { endingWithUs, endProcess, freePort, isExecutable, isOnPath } from './programs.js';

/**
 * A private PostgreSQL server for tests, in a temporary folder, on a free port of 127.0.0.1. It trusts whoever reaches
 * that port, holds nothing of value, and is removed at the end.
 *
 * Tests that only need a database get one from the server that all test files share (`databases.ts`); tests that stop or
 * crash the server start their own here.
 */
export interface PostgresServer {
  readonly port: number;
  /** The URL of a database on this server. */
  url(database: string): string;
  /** Ends every process of the server at once, without a checkpoint; connections break. */
  crash(): Promise<void>;
  /** Starts it again after `crash`, on the same port. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

export interface StartPostgresOptions {
  /** Waits for the disk at each commit, as in production. Off for speed unless a test is about durability. */
  readonly durable?: boolean;
}

type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

/** Can this machine start a PostgreSQL server? Looks for programs only. */
export function postgresAvailability(): Availability {
  if (process.env['EASEL_TEST_POSTGRES_URL']) return { available: true };
  if (findBinaries() === null) {
    return { available: false, reason: 'no PostgreSQL programs (initdb, postgres) on this machine' };
  }
  if (isRoot() && (serverUser() === null || asServerUser('true', []) === null)) {
    return { available: false, reason: 'PostgreSQL refuses to run as root, and there is no user "postgres" to run it' };
  }
  return { available: true };
}

export async function startPostgres(options: StartPostgresOptions = {}): Promise<PostgresServer> {
  const binaries = findBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed.');
  const folder = mkdtempSync(join(tmpdir(), 'easel-postgres-'));
  const server = new Server(binaries, folder, options.durable ?? false);
  try {
    server.initialise();
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

class Server implements PostgresServer {
  readonly #binaries: string;
  readonly #folder: string;
  readonly #durable: boolean;
  #port = 0;
  #process: ChildProcess | undefined;

  constructor(binaries: string, folder: string, durable: boolean) {
    this.#binaries = binaries;
    this.#folder = folder;
    this.#durable = durable;
  }

  get port(): number {
    return this.#port;
  }

  url(database: string): string {
    return `postgres://easel@127.0.0.1:${this.#port}/${database}`;
  }

  initialise(): void {
    const user = isRoot() ? serverUser() : null;
    if (user) chownSync(this.#folder, user.uid, user.gid);
    const args = ['-D', this.#data, '-U', 'easel', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    try {
      // A language's own order of text, which differs from the order of bytes, so that tests notice who relies on it.
      this.#run('initdb', [...args, '--locale-provider=icu', '--icu-locale=en']);
    } catch {
      rmSync(this.#data, { recursive: true, force: true });
      this.#run('initdb', args);
    }
  }

  async start(): Promise<void> {
    // Somebody else may take the port between the look and the start; a server that was crashed keeps its port.
    for (let tries = 1; ; tries++) {
      const port = this.#port === 0 ? await freePort() : this.#port;
      try {
        await this.#startOn(port);
        this.#port = port;
        return;
      } catch (error) {
        if (this.#port !== 0 || tries === 3) throw error;
      }
    }
  }

  async crash(): Promise<void> {
    // The server calls it an immediate shutdown.
    await this.#end('SIGQUIT');
  }

  async remove(): Promise<void> {
    await this.#end('SIGQUIT');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #run(program: string, args: string[]): void {
    const [command, all] = asServerUser(join(this.#binaries, program), args) ?? [program, args];
    execFileSync(command, all, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder, env: cleanEnvironment() });
  }

  async #startOn(port: number): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      max_connections: '60',
      fsync: this.#durable ? 'on' : 'off',
      synchronous_commit: this.#durable ? 'on' : 'off',
      full_page_writes: this.#durable ? 'on' : 'off',
      max_wal_size: '4GB',
    };
    const args = ['-D', this.#data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const [command, all] = asServerUser(join(this.#binaries, 'postgres'), args) ?? ['postgres', args];
    const server = spawn(command, all, {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: this.#folder,
      env: cleanEnvironment(),
    });
    let log = '';
    await new Promise<void>((resolve, reject) => {
      server.stderr.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-4000);
        if (log.includes('ready to accept connections')) resolve();
      });
      server.once('error', reject);
      server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code} at its start:\n${log}`)));
    });
    // The test process must be able to end although the server runs.
    server.unref();
    (server.stderr as unknown as { unref(): void }).unref();
    this.#process = server;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server !== undefined) await endProcess(server, signal);
  }
}

function findBinaries(): string | null {
  const versions = '/usr/lib/postgresql';
  const installed = existsSync(versions)
    ? readdirSync(versions)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(versions, version, 'bin'))
    : [];
  const folders = [...installed, ...(process.env['PATH'] ?? '').split(delimiter)];
  return (
    folders.find((folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres'))) ?? null
  );
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function serverUser(): { readonly uid: number; readonly gid: number } | null {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

/** The command line that runs a program as a user that is not root, or null when there is none. */
function asServerUser(program: string, args: string[]): [command: string, args: string[]] | null {
  if (!isRoot()) return endingWithUs('INT', program, args);
  const user = ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'];
  if (isOnPath('setpriv')) return endingWithUs('INT', program, args, user);
  if (isOnPath('runuser')) return ['runuser', ['-u', 'postgres', '--', program, ...args]];
  return null;
}

/** Without PG* variables of the developer, which the programs would obey. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')));
}
