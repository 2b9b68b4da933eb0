import { expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { DatabaseError, type Db, type DbTransaction } from '../../src/db/index.js';
import { Deferred, VirtualClock } from '../../src/testing/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { backendRow } from './rows.js';

const add = (tx: DbTransaction, id: string) => tx.insertInto('backends').values(backendRow(id)).execute();
const increment = (tx: DbTransaction, id: string) =>
  tx
    .updateTable('backends')
    .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
    .where('id', '=', id)
    .execute();

async function ids(db: Db): Promise<string[]> {
  const rows = await db.kysely.selectFrom('backends').select('id').orderBy('id').execute();
  return rows.map(({ id }) => id);
}

describeEachDatabase('transactions', ({ dialect, createDb, createDatabase }) => {
  test('commit returns what the work returned, and is seen by everybody', async () => {
    const database = await createDatabase();
    const [one, two] = [await database.open(), await database.open()];
    const work = async (tx: Parameters<typeof add>[0]) => {
      await add(tx, 'a');
      return 42;
    };
    expect(await one.transaction(work)).toBe(42);
    expect(await ids(one)).toEqual(['a']);
    expect(await ids(two)).toEqual(['a']);
  });

  test('whatever the work throws rolls back and comes out as it is', async () => {
    const db = await createDb();
    const fault = new Error('mine');
    const work = db.transaction(async (tx) => {
      await add(tx, 'a');
      throw fault;
    });
    await expect(work).rejects.toBe(fault);
    expect(await ids(db)).toEqual([]);
  });

  test('reads outside see the last commit, also while a transaction is open', async () => {
    const db = await createDb();
    await db.transaction(async (tx) => {
      await add(tx, 'a');
      expect(await ids(db)).toEqual([]);
      expect(await tx.selectFrom('backends').select('id').execute()).toEqual([{ id: 'a' }]);
    });
    expect(await ids(db)).toEqual(['a']);
  });

  test('the reading side refuses to write', async () => {
    const db = await createDb();
    await expect(db.kysely.insertInto('backends').values(backendRow('a')).execute()).rejects.toThrow(DatabaseError);
    await expect(db.kysely.transaction().execute(async () => {})).rejects.toThrow('Db.transaction');
    expect(await ids(db)).toEqual([]);
  });

  test('after a failed statement nothing of the transaction is kept, even when the failure was swallowed', async () => {
    const db = await createDb();
    await db.transaction((tx) => add(tx, 'a'));
    const work = db.transaction(async (tx) => {
      await add(tx, 'b');
      await add(tx, 'a').catch(() => {});
    });
    await expect(work).rejects.toMatchObject({ kind: 'unique' });
    const goingOn = db.transaction(async (tx) => {
      await add(tx, 'a').catch(() => {});
      await add(tx, 'c');
    });
    await expect(goingOn).rejects.toMatchObject({ kind: 'unique' });
    expect(await ids(db)).toEqual(['a']);
  });

  test('a transaction within a transaction is refused instead of waiting for itself', async () => {
    const db = await createDb();
    await db.transaction(async (tx) => {
      await expect(db.transaction(async () => {})).rejects.toThrow('must not begin another');
      await expect(db.bulk(async () => {})).rejects.toThrow('must not begin another');
      await add(tx, 'a');
    });
    await db.bulk(async (tx) => {
      await expect(db.transaction(async () => {})).rejects.toThrow('must not begin another');
      await add(tx, 'b');
    });
    expect(await ids(db)).toEqual(['a', 'b']);
  });

  test('work that was started inside a transaction may begin its own when that is over', async () => {
    const db = await createDb();
    const over = new Deferred();
    let later: Promise<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      await add(tx, 'a');
      later = over.promise.then(() => db.transaction((other) => add(other, 'b')));
    });
    over.resolve();
    await later;
    expect(await ids(db)).toEqual(['a', 'b']);
  });

  test('200 parallel increments lose none', async () => {
    const database = await createDatabase();
    const [one, two] = [await database.open(), await database.open()];
    await one.transaction((tx) => add(tx, 'a'));
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 ? one : two).transaction((tx) => increment(tx, 'a'), { retries: 20 }),
      ),
    );
    expect(await one.kysely.selectFrom('backends').select('epoch').execute()).toEqual([{ epoch: 200 }]);
  });

  test('200 parallel read-then-write transactions lose none when the read locks its row', async () => {
    const database = await createDatabase();
    const [one, two] = [await database.open(), await database.open()];
    await one.transaction((tx) => add(tx, 'a'));
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 ? one : two).transaction(
          async (tx) => {
            const { epoch } = await tx.selectFrom('backends').select('epoch').forUpdate().executeTakeFirstOrThrow();
            await new Promise((resolve) => setImmediate(resolve));
            await tx
              .updateTable('backends')
              .set({ epoch: epoch + 1 })
              .execute();
          },
          { retries: 20 },
        ),
      ),
    );
    expect(await one.kysely.selectFrom('backends').select('epoch').execute()).toEqual([{ epoch: 200 }]);
  });

  test('of many guarded updates exactly one wins', async () => {
    const database = await createDatabase();
    const nodes = await Promise.all(Array.from({ length: 4 }, () => database.open()));
    await nodes[0]!.transaction((tx) => add(tx, 'a'));
    const claims = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        nodes[index % 4]!.transaction(async (tx) => {
          const claim = tx
            .updateTable('backends')
            .set({ owner_node: `n${index}`, epoch: 1 })
            .where('id', '=', 'a')
            .where('epoch', '=', 0);
          return (await claim.executeTakeFirst()).numUpdatedRows;
        }),
      ),
    );
    expect(claims.filter((rows) => rows === 1n)).toHaveLength(1);
  });

  test('a long row of transactions lets the event loop turn in between', async () => {
    const db = await createDb();
    let turns = 0;
    let counting = setImmediate(function count() {
      turns += 1;
      counting = setImmediate(count);
    });
    for (let index = 0; index < 20; index++) await db.transaction((tx) => add(tx, `b${index}`));
    clearImmediate(counting);
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  test('statements of one transaction that are started together run one after the other', async () => {
    const db = await createDb();
    await db.transaction(async (tx) => {
      await Promise.all(['a', 'b', 'c'].map((id) => add(tx, id)));
      await Promise.all([increment(tx, 'a'), increment(tx, 'a')]);
    });
    expect(await ids(db)).toEqual(['a', 'b', 'c']);
  });

  test('of statements that are started together all fail for the reason of the first that fails', async () => {
    const db = await createDb();
    const starting = async (tx: DbTransaction) => {
      const outcomes = await Promise.allSettled([add(tx, 'a'), add(tx, 'a'), add(tx, 'b')]);
      expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: { kind: 'unique' } });
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(new Set(failures).size).toBe(1);
    };
    await expect(db.transaction(starting)).rejects.toMatchObject({ kind: 'unique' });
    await expect(db.transaction((tx) => Promise.all([add(tx, 'a'), add(tx, 'a'), add(tx, 'b')]))).rejects.toMatchObject(
      {
        kind: 'unique',
      },
    );
    expect(await ids(db)).toEqual([]);
  });

  test('what was started and not waited for is part of the transaction all the same', async () => {
    const db = await createDb();
    await db.transaction(async (tx) => {
      void add(tx, 'a');
    });
    expect(await ids(db)).toEqual(['a']);
    const failing = db.transaction(async (tx) => {
      add(tx, 'b').catch(() => {});
      add(tx, 'a').catch(() => {});
    });
    await expect(failing).rejects.toMatchObject({ kind: 'unique' });
    expect(await ids(db)).toEqual(['a']);
  });

  test('a transaction cannot be used after its end', async () => {
    const db = await createDb();
    let kept: DbTransaction | undefined;
    await db.transaction(async (tx) => {
      kept = tx;
    });
    await expect(add(kept!, 'a')).rejects.toThrow('after the end of its transaction');
    const fault = new Error('mine');
    const failing = db.transaction(async (tx) => {
      kept = tx;
      throw fault;
    });
    await expect(failing).rejects.toBe(fault);
    await expect(add(kept!, 'a')).rejects.toThrow('after the end of its transaction');
    expect(await ids(db)).toEqual([]);
  });

  test.each([
    ['a boolean', true, 'use 0 or 1'],
    ['a fraction', 1.5, 'only integers'],
    ['a number above 2^53', 2 ** 53, 'only integers'],
    ['a bigint', 1n, 'not portable'],
    ['a Date', new Date(0), 'milliseconds'],
    ['an object', {}, 'not portable'],
  ])('%s is refused before it reaches the driver', async (_name, value, message) => {
    const db = await createDb();
    const work = db.transaction((tx) =>
      tx
        .insertInto('backends')
        .values({ ...backendRow('a'), epoch: value as never })
        .execute(),
    );
    await expect(work).rejects.toThrow(message);
    expect(await ids(db)).toEqual([]);
  });

  test('text with a NUL is the caller’s mistake', async () => {
    const db = await createDb();
    await expect(db.transaction((tx) => add(tx, 'a\0b'))).rejects.toMatchObject({ code: 'request_invalid' });
    const search = db.kysely.selectFrom('backends').select('id').where('id', '=', '\0');
    await expect(search.execute()).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('text in a column of integers is refused', async () => {
    const db = await createDb();
    const work = db.transaction((tx) =>
      tx
        .insertInto('backends')
        .values({ ...backendRow('a'), epoch: 'many' as never })
        .execute(),
    );
    await expect(work).rejects.toMatchObject({ kind: 'data' });
  });

  test('a database without tables is told apart from one that cannot be reached', async () => {
    const db = await (await createDatabase({ migrated: false })).open();
    await expect(ids(db)).rejects.toMatchObject({ code: 'database_schema' });
  });

  test('close waits for what is under way; later calls are told that this node is stopping', async () => {
    const db = await createDb();
    const begun = new Deferred();
    const goOn = new Deferred();
    const work = db.transaction(async (tx) => {
      begun.resolve();
      await goOn.promise;
      await add(tx, 'a');
    });
    await begun.promise;
    const closing = db.close();
    goOn.resolve();
    await Promise.all([work, closing]);
    await expect(ids(db)).rejects.toMatchObject({ code: 'shutting_down' });
    await expect(db.transaction(async () => {})).rejects.toMatchObject({ code: 'shutting_down' });
    await db.close();
  });

  test('a conflict runs the whole transaction again, after a growing random pause', async () => {
    const clock = new VirtualClock();
    const db = await createDb({ clock, random: () => 0.5 });
    const conflict = new DatabaseError({ kind: 'conflict' }, 'in the way');
    const runs: number[] = [];
    const work = db.transaction(async (tx) => {
      runs.push(clock.now());
      await add(tx, `run${runs.length}`);
      if (runs.length < 4) throw conflict;
    });
    for (let pause = 0; pause < 3; pause++) {
      await clock.whenPending();
      await clock.advanceToNext();
    }
    await work;
    expect(runs.slice(1).map((at, index) => at - runs[index]!)).toEqual([10, 20, 40]);
    expect(await ids(db)).toEqual(['run4']);
  });

  test('retries have an end, and zero retries means one run', async () => {
    const db = await createDb({ random: () => 0 });
    const conflict = new DatabaseError({ kind: 'conflict' }, 'in the way');
    let runs = 0;
    const alwaysInTheWay = async () => {
      runs += 1;
      throw conflict;
    };
    await expect(db.transaction(alwaysInTheWay)).rejects.toBe(conflict);
    expect(runs).toBe(6);
    await expect(db.transaction(alwaysInTheWay, { retries: 0 })).rejects.toBe(conflict);
    expect(runs).toBe(7);
  });

  test.each([
    new DatabaseError({ kind: 'connection' }, 'lost', { commitUnknown: true }),
    new DatabaseError({ kind: 'unavailable' }, 'disk full'),
    new DatabaseError({ kind: 'unique' }, 'twice'),
    new Error('a fault'),
  ])('what running again cannot cure is not run again: %s', async (fault) => {
    const db = await createDb();
    const work = vi.fn(() => Promise.reject(fault));
    await expect(db.transaction(work)).rejects.toBe(fault);
    expect(work).toHaveBeenCalledTimes(1);
  });

  // PostgreSQL does it by itself (idle_in_transaction_session_timeout).
  if (dialect === 'sqlite') {
    test('a transaction that waits for something else is rolled back in time', async () => {
      const clock = new VirtualClock();
      const error = vi.fn();
      const db = await createDb({ clock, transactionTimeoutMs: 1000, logger: { ...silentLogger, error } });
      const stuck = new Deferred();
      const begun = new Deferred();
      const slow = db.transaction(async (tx) => {
        await add(tx, 'slow');
        begun.resolve();
        await stuck.promise;
        await add(tx, 'slower');
      });
      await begun.promise;
      const next = db.transaction((tx) => add(tx, 'next'));
      await clock.advance(1000);
      await next;
      stuck.resolve();
      await expect(slow).rejects.toThrow('open for too long');
      expect(await ids(db)).toEqual(['next']);
      expect(error).toHaveBeenCalledTimes(1);
      expect(clock.pending).toBe(0);
    });
  }
});
