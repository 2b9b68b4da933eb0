import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { DatabaseError, type Db, type DbReader, type DbTransaction, openDatabase } from '../../src/db/index.js';
import { Deferred } from '../../src/testing/index.js';
import { commitDetector, behindProxy as openBehindProxy } from '../helpers/behind-proxy.js';
import { makeKit, sharedServer, withClient } from '../helpers/databases.js';
import { postgresAvailability } from '../helpers/postgres.js';
import type { Decision } from '../helpers/tcp-proxy.js';
import { backendRow } from './rows.js';

const availability = postgresAvailability();
if (!availability.available) process.stderr.write(`skipped: faults of PostgreSQL: ${availability.reason}\n`);

const add = (tx: DbTransaction, id: string) => tx.insertInto('backends').values(backendRow(id)).execute();
const touch = (tx: DbTransaction, id: string) =>
  tx.updateTable('backends').set({ updated_at: 1 }).where('id', '=', id).execute();
const ids = async (db: Db) => (await db.kysely.selectFrom('backends').select('id').execute()).map(({ id }) => id);
const is = (bytes: Buffer, statement: string) => bytes.toString('latin1').toLowerCase().includes(statement);
const fast = { random: () => 0, logger: silentLogger };

describe.runIf(availability.available)('faults of PostgreSQL', () => {
  const { createDb, createDatabase } = makeKit('postgres');

  const behindProxy = async (work: Parameters<typeof openBehindProxy>[2]) =>
    openBehindProxy(await createDatabase(), fast, work);

  /** Breaks the first connection that sends this statement. */
  function once(statement: string, decision: Decision): (bytes: Buffer) => Decision {
    let done = false;
    return (bytes) => {
      if (done || !is(bytes, statement)) return 'pass';
      done = true;
      return decision;
    };
  }

  test.each([
    ['BEGIN', 'start transaction'],
    ['a statement', 'insert into'],
  ])('a connection lost at %s: the work runs again on another one', async (_name, statement) => {
    await behindProxy(async (db, direct, proxy) => {
      proxy.onRequest = once(statement, 'drop-answer');
      const work = vi.fn((tx: DbTransaction) => add(tx, 'a'));
      await db.transaction(work);
      expect(work).toHaveBeenCalledTimes(2);
      expect(await ids(direct)).toEqual(['a']);
    });
  });

  test.each([
    ['before the server got it: nothing happened', 'drop', []],
    ['after the server did it: all happened', 'drop-answer', ['a']],
  ] as const)(
    'COMMIT lost %s, and in both cases the caller is told that nobody knows',
    async (_name, decision, left) => {
      await behindProxy(async (db, direct, proxy) => {
        proxy.onRequest = once('commit\0', decision);
        const work = vi.fn((tx: DbTransaction) => add(tx, 'a'));
        const error = await db.transaction(work).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(DatabaseError);
        expect(error).toMatchObject({
          code: 'database_unavailable',
          commitUnknown: true,
          retryable: false,
          details: { commit: 'unknown' },
        });
        expect(work).toHaveBeenCalledTimes(1);
        expect(await ids(direct)).toEqual(left);
        // The broken connection is gone from the pool.
        await db.transaction((tx) => add(tx, 'b'));
        expect(await ids(direct)).toEqual([...left, 'b']);
      });
    },
  );

  test.each([
    ['before', 'drop'],
    ['after', 'drop-answer'],
  ] as const)('COMMIT lost %s the server did it, of work that can be repeated: it is', async (_name, decision) => {
    await behindProxy(async (db, direct, proxy) => {
      const isCommit = commitDetector();
      let isArmed = true;
      proxy.onRequest = (bytes) => {
        if (!isCommit(bytes) || !isArmed) return 'pass';
        isArmed = false;
        return decision;
      };
      const work = vi.fn((tx: DbTransaction) =>
        tx
          .insertInto('backends')
          .values(backendRow('a'))
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      );
      await db.transaction(work, { repeatable: true });
      expect(work).toHaveBeenCalledTimes(2);
      expect(await ids(direct)).toEqual(['a']);
      isArmed = true;
      await expect(db.transaction(work, { repeatable: true, retries: 0 })).rejects.toMatchObject({
        code: 'database_unavailable',
        commitUnknown: true,
        retryable: true,
        details: { commit: 'unknown' },
      });
    });
  });

  test('statements of a transaction that do not wait for each other share a round trip', async () => {
    await behindProxy(async (db, direct, proxy) => {
      await direct.transaction((tx) => add(tx, 'first'));
      const [held, sent, goOn] = [new Deferred(), new Deferred(), new Deferred()];
      const holding = direct.transaction(async (tx) => {
        await touch(tx, 'first');
        held.resolve();
        await goOn.promise;
      });
      await held.promise;
      proxy.onRequest = (bytes) => {
        if (is(bytes, 'second')) sent.resolve();
        return 'pass';
      };
      const together = db.transaction((tx) => Promise.all([touch(tx, 'first'), touch(tx, 'second')]));
      // The first one waits for a lock: nobody has an answer.
      await sent.promise;
      goOn.resolve();
      await Promise.all([holding, together]);
    });
  });

  test('a connection that dies between two statements does not end the process', async () => {
    const database = await createDatabase();
    const db = await database.open(fast);
    let runs = 0;
    await db.transaction(async (tx) => {
      runs += 1;
      await add(tx, 'a');
      if (runs === 1) await terminateAll(database.url);
      await tx.selectFrom('backends').select('id').execute();
    });
    expect(runs).toBe(2);
    // A reader may meet an idle connection that was ended too, once.
    expect(await vi.waitFor(() => ids(db))).toEqual(['a']);
  });

  test('the loss of idle connections is survived by the next reader', async () => {
    const database = await createDatabase();
    const db = await database.open(fast);
    await ids(db);
    await terminateAll(database.url);
    // Whether the pool has noticed by now is a matter of luck; a reader may see the loss once.
    await vi.waitFor(() => ids(db));
  });

  test('two transactions that wait for each other: one runs again, both end', async () => {
    const db = await createDb();
    await db.transaction(async (tx) => {
      await add(tx, 'a');
      await add(tx, 'b');
    });
    let runs = 0;
    let waiting: (() => void)[] = [];
    /** Both hold their first row before either asks for its second. */
    const meet = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < 2 && runs <= 2) return;
        for (const resume of waiting) resume();
        waiting = [];
      });
    const cross = (first: string, second: string) =>
      db.transaction(async (tx) => {
        runs += 1;
        await tx.updateTable('backends').set({ updated_at: 1 }).where('id', '=', first).execute();
        await meet();
        await tx
          .updateTable('backends')
          .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
          .where('id', '=', second)
          .execute();
      });
    await Promise.all([cross('a', 'b'), cross('b', 'a')]);
    expect(runs).toBe(3);
    const rows = await db.kysely.selectFrom('backends').select('epoch').execute();
    expect(rows).toEqual([{ epoch: 1 }, { epoch: 1 }]);
  });

  test('more work than connections waits its turn', async () => {
    const db = await createDb({ poolSize: 2 });
    await Promise.all(Array.from({ length: 50 }, (_, index) => db.transaction((tx) => add(tx, `b${index}`))));
    expect(await ids(db)).toHaveLength(50);
  });

  test('a statement that takes too long is ended and says so', async () => {
    const database = await createDatabase();
    const db = await database.open({ statementTimeoutMs: 100 });
    const blocker = await database.open();
    await blocker.transaction(async (tx) => {
      await add(tx, 'a');
      const work = vi.fn((other: DbTransaction) => add(other, 'a'));
      await expect(db.transaction(work)).rejects.toMatchObject({
        kind: 'unavailable',
        details: { databaseCode: '57014' },
      });
      expect(work).toHaveBeenCalledTimes(1);
    });
  });

  test('a bulk load takes as long as it takes, and the limits of others stay', async () => {
    const database = await createDatabase();
    const db = await database.open({ poolSize: 1, statementTimeoutMs: 100, transactionTimeoutMs: 100 });
    const limit = async (tx: DbTransaction) => {
      const name = 'idle_in_transaction_session_timeout';
      const { rows } = await sql<{ limit: string }>`select current_setting(${name}) as "limit"`.execute(tx);
      return rows[0]?.limit;
    };
    await db.bulk(async (tx) => {
      await sql`select pg_sleep(0.3)`.execute(tx);
      expect(await limit(tx)).toBe('0');
    });
    expect(await db.transaction(limit)).toBe('100ms');
  });

  test('a snapshot without a database says so, wherever its connection is lost', async () => {
    await behindProxy(async (db, direct, proxy) => {
      const read = vi.fn((reader: DbReader) => reader.selectFrom('backends').selectAll().execute());
      for (const lost of [once('repeatable read', 'drop'), once('from "backends"', 'drop'), () => 'drop' as const]) {
        proxy.onRequest = lost;
        const error = await db.snapshot(read).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(DatabaseError);
        expect(error).toMatchObject({ code: 'database_unavailable' });
      }
      expect(read).toHaveBeenCalledTimes(1);
      proxy.onRequest = () => 'pass';
      await direct.transaction((tx) => add(tx, 'a'));
      expect(await db.snapshot(read)).toHaveLength(1);
    });
    const closed = await createDb();
    await closed.close();
    await expect(closed.snapshot(async () => {})).rejects.toMatchObject({ code: 'shutting_down' });
  });

  test.each([
    ['a server that is not there', (url: URL) => (url.port = '1'), /cannot be used: .*ECONNREFUSED/],
    ['a database that is not there', (url: URL) => (url.pathname = '/nope'), /database "nope" does not exist/],
    ['a user that is not there', (url: URL) => (url.username = 'nobody'), /role "nobody" does not exist/],
  ])('%s: one error that names it, without the password', async (_name, change, message) => {
    const url = new URL(await sharedServer());
    url.password = 'hunter2';
    change(url);
    const error = await openDatabase({ url: url.href, ...fast }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database_unavailable' });
    expect((error as Error).message).toMatch(message);
    expect(JSON.stringify((error as DatabaseError).toInfo())).not.toContain('hunter2');
  });
});

/** Ends every other connection to this database, as an administrator would. */
async function terminateAll(url: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    ),
  );
}
