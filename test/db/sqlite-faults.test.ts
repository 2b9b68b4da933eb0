import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { SqliteConnection } from '../../src/db/dialect/sqlite-connection.js';
import { type Db, type DbTransaction, migrate, openDatabase } from '../../src/db/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { makeKit } from '../helpers/databases.js';
import { backendRow } from './rows.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-sqlite-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

const open = (path: string) => openDatabase({ url: `sqlite:${path}`, logger: silentLogger });
const add = (tx: DbTransaction, id: string) => tx.insertInto('backends').values(backendRow(id)).execute();
const ids = async (db: Db) => (await db.kysely.selectFrom('backends').select('id').execute()).map(({ id }) => id);

describe('opening', () => {
  test('makes the folder', async () => {
    const path = join(folder, 'a', 'b', 'easel.db');
    const db = await open(path);
    await db.close();
    expect(existsSync(path)).toBe(true);
  });

  test.each([
    ['sqlite:PATH', (path: string) => `sqlite:${path}`],
    ['sqlite:///PATH', (path: string) => `sqlite://${path}`],
    ['file:PATH', (path: string) => `file:${path}`],
    ['file:///PATH', (path: string) => `file://${path}`],
  ])('understands %s', async (_name, url) => {
    const path = join(folder, 'with space #1?.db');
    const given = url(path).includes('://')
      ? url(path).replace(' ', '%20').replace('#', '%23').replace('?', '%3F')
      : url(path);
    const db = await openDatabase({ url: given, logger: silentLogger });
    expect(db.displayUrl).toBe(`sqlite:${path}`);
    await db.close();
    expect(existsSync(path)).toBe(true);
  });

  test.each([
    ['a folder', () => folder, /is not a file/],
    [
      'no database',
      () => writeAt('a.db', 'this is no database, however one looks at it. '.repeat(50)),
      /file is not a database/,
    ],
    ['below a file', () => join(writeAt('a.db', ''), 'easel.db'), /folder .* cannot be made/],
    ['memory', () => ':memory:', /names no file/],
    ['nothing', () => '', /names no file/],
  ])('%s: refused with a way out', async (_name, path, message) => {
    const error = await open(path()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database_unavailable', hint: expect.stringMatching(/\S/) });
    expect((error as Error).message).toMatch(message);
  });

  test('what is neither SQLite nor PostgreSQL is refused', async () => {
    const opening = openDatabase({ url: 'mysql://user:hunter2@x', logger: silentLogger });
    await expect(opening).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(opening).rejects.not.toThrow('hunter2');
  });

  test.skipIf(process.getuid?.() === 0)(
    'a folder without write permission (not as root, who may write anywhere)',
    async () => {
      chmodSync(folder, 0o500);
      await expect(open(join(folder, 'easel.db'))).rejects.toThrow(/may not be written/);
    },
  );

  test('an empty file becomes a database', async () => {
    const db = await open(writeAt('a.db', ''));
    await migrate(db);
    await db.close();
  });

  test('the file of another program is left alone', async () => {
    const path = join(folder, 'other.db');
    const other = new Libsql(path);
    other.exec('create table theirs (id integer)');
    other.close();
    const db = await open(path);
    await expect(migrate(db)).rejects.toMatchObject({ code: 'database_schema' });
    await db.close();
  });

  function writeAt(name: string, text: string): string {
    const path = join(folder, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
    return path;
  }
});

describe('closing', () => {
  test('leaves everything in the one file, so that a copy of it is complete', async () => {
    const path = join(folder, 'easel.db');
    const db = await open(path);
    await migrate(db);
    await db.transaction((tx) => add(tx, 'a'));
    await db.close();
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    const copied = await open(copy);
    expect(await ids(copied)).toEqual(['a']);
    await copied.close();
  });
});

describe('durability settings', () => {
  test('write-ahead log, fsync at every commit, foreign keys', async () => {
    const path = join(folder, 'easel.db');
    const db = await open(path);
    await db.transaction(async (tx) => {
      const pragma = async (name: string) =>
        Object.values((await tx.executeQuery({ sql: `pragma ${name}`, parameters: [] } as never)).rows[0] as object)[0];
      expect(await pragma('journal_mode')).toBe('wal');
      expect(await pragma('synchronous')).toBe(2);
      expect(await pragma('foreign_keys')).toBe(1);
    });
    await db.close();
  });
});

describe('another process that holds the lock', () => {
  const { createDatabase } = makeKit('sqlite');

  async function locked(work: (db: Db, release: () => void, clock: VirtualClock) => Promise<void>) {
    const clock = new VirtualClock();
    const database = await createDatabase();
    const db = await database.open({ clock, acquireTimeoutMs: 1000 });
    const other = new Libsql(database.url.replace('sqlite:', ''));
    other.exec('begin immediate');
    try {
      await work(db, () => other.exec('rollback'), clock);
    } finally {
      other.close();
    }
    expect(clock.pending).toBe(0);
  }

  test('is waited for without stopping the event loop', async () => {
    await locked(async (db, release, clock) => {
      const work = vi.fn((tx: DbTransaction) => add(tx, 'a'));
      const writing = db.transaction(work);
      await clock.whenPending();
      expect(await ids(db), 'reading goes on').toEqual([]);
      release();
      await clock.advanceToNext();
      await writing;
      expect(work).toHaveBeenCalledTimes(1);
      expect(await ids(db)).toEqual(['a']);
    });
  });

  test('is not waited for longer than the limit', async () => {
    await locked(async (db, _release, clock) => {
      const writing = db.transaction((tx) => add(tx, 'a')).catch((error: unknown) => error);
      await clock.whenPending();
      while (clock.pending > 0) await clock.advanceToNext();
      expect(await writing).toMatchObject({
        code: 'database_unavailable',
        message: expect.stringMatching(/write lock/),
      });
    });
  });
});

describe('a connection that met a lock', () => {
  test('commits what it acknowledges afterwards', () => {
    const path = join(folder, 'busy.db');
    const one = new SqliteConnection(path, ['journal_mode = wal']);
    const two = new SqliteConnection(path, []);
    one.exec('create table t (id text) strict');
    for (const statement of ['insert into t values (?)', 'insert into t values (?) returning id']) {
      one.exec('begin immediate');
      expect(() => two.query(statement, ['refused'])).toThrow(/locked/);
      one.exec('rollback');
      two.query('insert into t values (?)', ['kept']);
      two.exec('begin immediate');
      two.query('insert into t values (?)', ['kept too']);
      two.exec('commit');
    }
    expect(one.query('select count(*) as rows from t', []).rows).toEqual([{ rows: 4 }]);
    one.close();
    two.close();
  });

  test('sees what others write although its statements are kept prepared', () => {
    const path = join(folder, 'cache.db');
    const one = new SqliteConnection(path, ['journal_mode = wal']);
    const two = new SqliteConnection(path, ['query_only = on']);
    one.exec('create table t (id integer) strict');
    for (let round = 0; round < 3; round++) {
      one.query('insert into t values (?)', [round]);
      expect(two.query('select count(*) as rows from t', []).rows).toEqual([{ rows: round + 1 }]);
    }
    one.exec('alter table t add column more text');
    expect(two.query('select * from t where id = ?', [1]).rows).toEqual([{ id: 1, more: null }]);
    // More statements than are kept.
    for (let number = 0; number < 1200; number++) two.query(`select ${number} as n`, []);
    expect(two.query('select count(*) as rows from t', []).rows).toEqual([{ rows: 3 }]);
    one.close();
    two.close();
  });
});
