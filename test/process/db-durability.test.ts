import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { openDatabase } from '../../src/db/index.js';
import { bundleChild, Child } from '../helpers/child.js';
import { type PostgresServer, postgresAvailability, startPostgres } from '../helpers/postgres.js';

/**
 * What was acknowledged is still there after the process was killed, and after the power was cut. A real process writes;
 * "acknowledged" is what it managed to print.
 */
const ROUNDS = 20;
let writer: string;
let folder: string;

beforeAll(async () => {
  writer = await bundleChild('test/process/db-writer.ts');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-durability-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const acknowledgedBy = (child: Child) =>
  child.lines.filter((line) => line.startsWith('ack ')).map((line) => line.slice('ack '.length));

/** What of `acknowledged` is not there, and how many transactions are there by half. */
async function inspect(url: string, acknowledged: readonly string[]): Promise<{ lost: string[]; halves: string[] }> {
  const db = await openDatabase({ url, logger: silentLogger });
  try {
    const rows = await db.kysely.selectFrom('locks').select('name').execute();
    const written = (half: string) =>
      new Set(rows.filter(({ name }) => name.startsWith(`${half} `)).map(({ name }) => name.slice(half.length + 1)));
    const [first, second] = [written('first'), written('second')];
    return {
      lost: acknowledged.filter((name) => !first.has(name) || !second.has(name)),
      halves: [...[...first].filter((name) => !second.has(name)), ...[...second].filter((name) => !first.has(name))],
    };
  } finally {
    await db.close();
  }
}

/** Kills a writer again and again, each time at another moment of its work. */
async function killAgainAndAgain(url: string, afterKill: (round: number) => Promise<void> = async () => {}) {
  const acknowledged: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const child = new Child(writer, [url, `run${round}`]);
    await child.count(1 + round * 7);
    await child.kill('SIGKILL');
    acknowledged.push(...acknowledgedBy(child));
    await afterKill(round);
  }
  return acknowledged;
}

describe('kill -9 of the writing process', () => {
  test(`SQLite, ${ROUNDS} times: nothing acknowledged is lost, nothing is there by half`, {
    timeout: 120_000,
  }, async () => {
    const url = `sqlite:${join(folder, 'easel.db')}`;
    const acknowledged = await killAgainAndAgain(url);
    expect(acknowledged.length).toBeGreaterThan(ROUNDS * 50);
    expect(await inspect(url, acknowledged)).toEqual({ lost: [], halves: [] });
  });

  const postgres = postgresAvailability();
  const reason = postgres.available ? '' : `: skipped, ${postgres.reason}`;
  describe.runIf(postgres.available)(`PostgreSQL${reason}`, () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres({ durable: true });
    });
    afterAll(() => server.remove());

    test(`${ROUNDS} times, the server crashing as well every fifth time: nothing acknowledged is lost, nothing is there by half`, {
      timeout: 120_000,
    }, async () => {
      const url = server.url('postgres');
      const acknowledged = await killAgainAndAgain(url, async (round) => {
        if (round % 5 !== 0) return;
        await server.crash();
        await server.start();
      });
      expect(acknowledged.length).toBeGreaterThan(ROUNDS * 50);
      expect(await inspect(url, acknowledged)).toEqual({ lost: [], halves: [] });
    });

    test('a server that crashes under a writer: what it had acknowledged is there after its recovery', async () => {
      const url = server.url('postgres');
      const child = new Child(writer, [url, 'crash']);
      await child.count(200);
      await server.crash();
      await child.kill('SIGKILL');
      await server.start();
      expect(await inspect(url, acknowledgedBy(child))).toEqual({ lost: [], halves: [] });
    });
  });
  if (!postgres.available) process.stderr.write(`skipped: kill -9 on PostgreSQL: ${postgres.reason}\n`);
});

/**
 * A file system in a file. What its kernel has not yet flushed is not in that file, so a copy of the file is what a disk
 * would hold after the power went; mounting the copy is the reboot.
 */
const mounting = canMount();
describe.runIf(mounting.possible)(
  `a power cut under SQLite${mounting.possible ? '' : `: skipped, ${mounting.reason}`}`,
  () => {
    const mounted: string[] = [];
    afterEach(() => {
      // Lazily: libsql keeps its files open until its statements are garbage collected, at the latest when this process ends.
      for (const path of mounted.splice(0)) execFileSync('umount', ['--lazy', path]);
    });

    function mount(image: string, name: string): string {
      const path = join(folder, name);
      mkdirSync(path);
      execFileSync('mount', ['-o', 'loop', image, path], { stdio: 'pipe' });
      mounted.push(path);
      return path;
    }

    /** Writes, cuts the power, reboots, and tells what is left. */
    async function cutPower(mode: string[]) {
      const disk = join(folder, 'disk.img');
      makeFileSystem(disk);
      const before = mount(disk, 'before');
      const child = new Child(writer, [`sqlite:${join(before, 'easel.db')}`, 'run', ...mode]);
      await child.count(2000);
      child.process.kill('SIGSTOP');
      const afterCut = join(folder, 'after.img');
      copyFileSync(disk, afterCut);
      child.process.kill('SIGCONT');
      // Everything printed before the copy was made counts; what was printed later is not known to be in it.
      const acknowledged = acknowledgedBy(child);
      await child.kill('SIGKILL');
      const after = mount(afterCut, 'after');
      return { acknowledged, left: await inspect(`sqlite:${join(after, 'easel.db')}`, acknowledged) };
    }

    test('loses nothing that was acknowledged', { timeout: 120_000 }, async () => {
      const { acknowledged, left } = await cutPower([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(2000);
      expect(left).toEqual({ lost: [], halves: [] });
    });

    test('would be noticed: a SQLite that does not wait for the disk loses work', { timeout: 120_000 }, async () => {
      const { left } = await cutPower(['no-fsync']);
      expect(left.lost.length).toBeGreaterThan(0);
      expect(left.halves).toEqual([]);
    });
  },
);
if (!mounting.possible) process.stderr.write(`skipped: a power cut under SQLite: ${mounting.reason}\n`);

function makeFileSystem(image: string): void {
  writeFileSync(image, '');
  truncateSync(image, 64 * 1024 ** 2);
  execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'pipe' });
}

function canMount(): { readonly possible: true } | { readonly possible: false; readonly reason: string } {
  if (process.platform !== 'linux') return { possible: false, reason: 'it needs Linux' };
  if (process.getuid?.() !== 0) return { possible: false, reason: 'mounting a file system needs root' };
  if (!existsSync('/dev/loop-control')) return { possible: false, reason: 'there are no loop devices' };
  const place = mkdtempSync(join(tmpdir(), 'easel-mount-'));
  try {
    const image = join(place, 'probe.img');
    makeFileSystem(image);
    mkdirSync(join(place, 'probe'));
    execFileSync('mount', ['-o', 'loop', image, join(place, 'probe')], { stdio: 'pipe' });
    execFileSync('umount', [join(place, 'probe')]);
    return { possible: true };
  } catch (error) {
    return {
      possible: false,
      reason: `a probe failed: ${error instanceof Error ? error.message.trim() : String(error)}`,
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
