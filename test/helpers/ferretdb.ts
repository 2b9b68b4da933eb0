import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { describe } from 'vitest';
import { endingWithUs, endProcess, freePort, isExecutable } from './programs.js';

/**
 * A private server of MongoDB's protocol for tests: FerretDB over SQLite, on a free port of 127.0.0.1 and in a folder of its
 * own. `npm run setup -- --for-tests` builds it. A real server, since a driver that is made up proves nothing.
 */
export interface FerretDb {
  readonly url: string;
  readonly client: MongoClient;
  /** Stops and continues it: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  remove(): Promise<void>;
}

/** As in scripts/lib/ferretdb.mjs, which builds it. */
const PROGRAM = fileURLToPath(new URL('../../node_modules/.cache/easel/ferretdb-1.24.2/ferretdb', import.meta.url));
const START_MS = 15_000;
const START_TRIES = 3;

/** Declares tests that need one, or skips them and says why. */
export function describeWithFerretDb(name: string, declare: () => void): void {
  if (isExecutable(PROGRAM)) {
    describe(name, declare);
    return;
  }
  const reason = 'FerretDB is not built (npm run setup -- --for-tests, which needs Go)';
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(`${name}: ${reason}`, declare);
}

/** The port that was free a moment ago may be taken by then, and the start is in nobody's hand: then once more, elsewhere. */
export async function startFerretDb(): Promise<FerretDb> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce();
    } catch (error) {
      if (tries >= START_TRIES) throw error;
    }
  }
}

async function startOnce(): Promise<FerretDb> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-ferretdb-'));
  const port = await freePort();
  const [command, args] = endingWithUs('KILL', PROGRAM, [`127.0.0.1:${port}`, `${folder}/`]);
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  const url = `mongodb://127.0.0.1:${port}/`;
  let client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
  const remove = async (): Promise<void> => {
    await client.close();
    await endProcess(child, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  const giveUpAt = Date.now() + START_MS;
  for (;;) {
    const answer = await client
      .db('admin')
      .command({ ping: 1 })
      .catch(() => null);
    if (answer !== null) break;
    if (child.exitCode !== null || Date.now() > giveUpAt) {
      await remove();
      throw new Error(`FerretDB did not start:\n${said}`);
    }
    await wait(50);
    // A client whose first connection failed has closed its topology, and never finds the server again.
    await client.close();
    client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
  }
  return {
    ...{ url, client, remove },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}
