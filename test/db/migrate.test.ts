import type { Kysely } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { type Db, migrate } from '../../src/db/index.js';
import { MIGRATIONS } from '../../src/db/migrations/index.js';
import { bundleChild, Child } from '../helpers/child.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { TABLES } from './rows.js';

const NAMES = MIGRATIONS.map(({ name }) => name);
const NEWEST = NAMES.length;

let migrator: string;
beforeAll(async () => {
  migrator = await bundleChild('test/db/migrator.ts');
});

/** The migrations' own table, which is not part of the schema that the rest of Easel sees. */
type Migrations = Kysely<{ easel_migrations: { version: number; name: string; applied_at: number } }>;
const applied = (db: Db) =>
  (db.kysely as unknown as Migrations).selectFrom('easel_migrations').selectAll().orderBy('version').execute();

async function expectComplete(db: Db): Promise<void> {
  for (const table of TABLES) expect(await db.kysely.selectFrom(table).selectAll().execute(), table).toEqual([]);
}

describeEachDatabase('migrations', ({ createDatabase }) => {
  test('make every table, record what they did, and do nothing the second time', async () => {
    const db = await (await createDatabase({ migrated: false })).open();
    expect(await migrate(db)).toEqual({ applied: NAMES, version: NEWEST });
    await expectComplete(db);
    const record = await applied(db);
    expect(record).toMatchObject(NAMES.map((name, index) => ({ version: index + 1, name })));
    expect(await migrate(db)).toEqual({ applied: [], version: NEWEST });
    expect(await applied(db)).toEqual(record);
  });

  test('several processes at once on an empty database: one migrates, the others find it done', async () => {
    const database = await createDatabase({ migrated: false });
    const children = Array.from({ length: 4 }, () => new Child(migrator, [database.url]));
    for (const child of children) await child.line('ready');
    for (const child of children) child.process.stdin?.end('go\n');
    const ends = await Promise.all(children.map((child) => child.exited));
    expect(
      ends.map(({ code }) => code),
      children.map(({ stderr }) => stderr).join(''),
    ).toEqual([0, 0, 0, 0]);
    const reports = children.map(({ lines }) => lines.at(-1));
    expect(reports.sort()).toEqual(['applied ', 'applied ', 'applied ', `applied ${NAMES.join(' ')}`]);
    const db = await database.open();
    await expectComplete(db);
    expect(await applied(db)).toHaveLength(NEWEST);
  });

  test('a process that is killed in the middle leaves nothing, and the next one does it all', async () => {
    const database = await createDatabase({ migrated: false });
    const child = new Child(migrator, [database.url, 'hold']);
    await child.line('ready');
    child.process.stdin?.write('go\n');
    await child.line('tables made');
    await child.kill('SIGKILL');
    const db = await database.open();
    await expect(applied(db)).rejects.toMatchObject({ code: 'database_schema' });
    await expect(db.kysely.selectFrom('generations').select('id').execute()).rejects.toMatchObject({
      code: 'database_schema',
    });
    expect(await migrate(db)).toMatchObject({ applied: NAMES });
    await expectComplete(db);
  });

  test.each([
    [
      'a newer Easel',
      { version: NEWEST + 1, name: 'tomorrow' },
      `schema version ${NEWEST + 1}; this Easel knows versions up to ${NEWEST}`,
    ],
    ['a gap', { version: NEWEST + 7, name: 'far' }, `schema version ${NEWEST + 7}`],
  ])('a database of %s is refused and left alone', async (_name, row, message) => {
    const db = await (await createDatabase()).open();
    await db.transaction((tx) =>
      (tx as unknown as Migrations)
        .insertInto('easel_migrations')
        .values({ ...row, applied_at: 1 })
        .execute(),
    );
    const error = await migrate(db).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database_schema', retryable: false });
    expect((error as Error).message).toContain(message);
    expect(await applied(db)).toHaveLength(NEWEST + 1);
  });

  test('a database whose history is another one is refused', async () => {
    const db = await (await createDatabase()).open();
    await db.transaction((tx) =>
      (tx as unknown as Migrations)
        .updateTable('easel_migrations')
        .set({ name: '0001-other' })
        .where('version', '=', 1)
        .execute(),
    );
    await expect(migrate(db)).rejects.toThrow('a migration "0001-other" where this Easel has "0001-foundation"');
  });
});
