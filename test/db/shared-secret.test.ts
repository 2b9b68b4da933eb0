import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { SharedSecret } from '../../src/db/index.js';
import { describeEachDatabase } from '../helpers/databases.js';

describeEachDatabase('a shared secret', ({ createDatabase }) => {
  test('is the same for all nodes, also when all ask for it first, and another one by another name', async () => {
    const database = await createDatabase();
    const dbs = [await database.open(), await database.open()];
    const secret = (index: number, name: string) => new SharedSecret({ db: dbs[index % 2]!, clock: systemClock, name });
    const read = await Promise.all(Array.from({ length: 8 }, (_, index) => secret(index, 'one').read()));
    const [first] = read;
    expect(first).toHaveLength(32);
    for (const value of read) expect(value.equals(first!)).toBe(true);
    expect((await secret(0, 'two').read()).equals(first!)).toBe(false);
    const rows = await dbs[0]!.kysely.selectFrom('secrets').select('name').orderBy('name').execute();
    expect(rows).toEqual([{ name: 'one' }, { name: 'two' }]);
  });

  test('is asked for again when the database was away', async () => {
    const database = await createDatabase();
    const db = await database.open();
    let isAway = true;
    const flaky = {
      transaction: (work: Parameters<typeof db.transaction>[0]) =>
        isAway ? Promise.reject(new Error('away')) : db.transaction(work),
    } as unknown as typeof db;
    const secret = new SharedSecret({ db: flaky, clock: systemClock, name: 'one' });
    await expect(secret.read()).rejects.toThrow('away');
    isAway = false;
    expect(await secret.read()).toHaveLength(32);
  });
});
