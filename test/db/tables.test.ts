import type { Kysely } from 'kysely';
import { describe, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.js';
import { type Database, type Db, isUniqueViolation, UNIQUE_CONSTRAINTS } from '../../src/db/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { NULLABLE, sampleRows, TABLES } from './rows.js';

type Row = Record<string, unknown>;

async function insert(db: Db, table: keyof Database, row: object): Promise<void> {
  await db.transaction((tx) =>
    tx
      .insertInto(table)
      .values(row as never)
      .execute(),
  );
}

async function insertAll(db: Db, rows = sampleRows()): Promise<ReturnType<typeof sampleRows>> {
  await db.transaction(async (tx) => {
    for (const table of TABLES)
      await tx
        .insertInto(table)
        .values(rows[table] as never)
        .execute();
  });
  return rows;
}

async function failureKind(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error) => error.kind,
  );
}

describeEachDatabase('tables', ({ createDb }) => {
  test('every column of every table keeps what was written', async () => {
    const db = await createDb();
    const rows = await insertAll(db);
    for (const table of TABLES) {
      expect(await db.kysely.selectFrom(table).selectAll().execute(), table).toEqual([rows[table]]);
    }
  });

  test('exactly the columns that may be null are null', async () => {
    const db = await createDb();
    const rows: Record<string, Row> = sampleRows();
    for (const table of TABLES) {
      const nullable = Object.fromEntries((NULLABLE[table] ?? []).map((column) => [column, null]));
      await insert(db, table, { ...rows[table], ...nullable });
      for (const column of Object.keys(rows[table]!)) {
        if (column in nullable) continue;
        expect(await failureKind(insert(db, table, { ...rows[table], [column]: null })), `${table}.${column}`).toBe(
          'not_null',
        );
      }
    }
  });

  test('each unique constraint is recognised by its name, and no other name', async () => {
    const db = await createDb();
    const rows: Record<string, Row> = await insertAll(db);
    for (const [name, { table, columns }] of Object.entries(UNIQUE_CONSTRAINTS)) {
      if (table === 'easel_migrations') continue;
      // The same row again, but for columns that belong to the table's other unique constraints.
      const others = Object.values(UNIQUE_CONSTRAINTS).filter(
        (other) => other.table === table && other.columns !== columns,
      );
      const changed = others.flatMap((other) =>
        other.columns.filter((column) => !(columns as readonly string[]).includes(column)),
      );
      const fresh = Object.fromEntries(
        changed.map((column) => [column, typeof rows[table]![column] === 'number' ? 77 : newId()]),
      );
      // A primary key that must change is nobody's foreign key here, so a fresh value is fine.
      const error = await insert(db, table, { ...rows[table], ...fresh }).catch((thrown: unknown) => thrown);
      expect(isUniqueViolation(error), name).toBe(true);
      expect(error, name).toMatchObject({ kind: 'unique', constraint: name, code: 'internal' });
      for (const other of Object.keys(UNIQUE_CONSTRAINTS) as (keyof typeof UNIQUE_CONSTRAINTS)[]) {
        expect(isUniqueViolation(error, other), `${name} as ${other}`).toBe(other === name);
      }
      expect(isUniqueViolation(new Error('wrapped', { cause: error }), name as 'media_pkey')).toBe(true);
    }
    expect(isUniqueViolation(new Error('UNIQUE constraint failed: media.id'))).toBe(false);
  });

  test('without an idempotency key nothing is a repeat', async () => {
    const db = await createDb();
    const { generations } = sampleRows();
    for (let index = 0; index < 3; index++) {
      await insert(db, 'generations', { ...generations, id: newId(), idempotency_key: null });
    }
    await insert(db, 'generations', { ...generations, id: newId() });
    await insert(db, 'generations', { ...generations, id: newId(), account_id: 'another' });
    expect(await failureKind(insert(db, 'generations', { ...generations, id: newId() }))).toBe('unique');
  });

  test('rows without a generation are refused, and go when it goes', async () => {
    const db = await createDb();
    const rows: Record<string, Row> = await insertAll(db);
    const parts = ['generation_payloads', 'generation_inputs', 'events', 'attempts', 'outputs'] as const;
    for (const table of parts) {
      const orphan = { ...rows[table], generation_id: newId(), ...('id' in rows[table]! ? { id: newId() } : {}) };
      expect(await failureKind(insert(db, table, orphan)), table).toBe('foreign_key');
    }
    await db.transaction((tx) => tx.deleteFrom('generations').execute());
    for (const table of parts) expect(await db.kysely.selectFrom(table).selectAll().execute(), table).toEqual([]);
    expect(await db.kysely.selectFrom('media').selectAll().execute()).toHaveLength(1);
  });

  test('a stored file stays while an input or an output names it', async () => {
    const db = await createDb();
    await insertAll(db);
    const removeMedia = () => db.transaction((tx) => tx.deleteFrom('media').execute());
    expect(await failureKind(removeMedia())).toBe('foreign_key');
    await db.transaction((tx) => tx.deleteFrom('generation_inputs').execute());
    expect(await failureKind(removeMedia())).toBe('foreign_key');
    await db.transaction((tx) => tx.updateTable('outputs').set({ media_id: null }).execute());
    await removeMedia();
  });

  test('text is ordered and compared by its bytes, whatever the language of the server', async () => {
    const db = await createDb();
    const names = ['b', 'B', 'a', 'é', 'Z', '_', '1', 'a b', 'ab', '\u{1F3A8}', '\uFF5E', ''];
    for (const name of names) await insert(db, 'locks', { name, taken_at: 1 });
    const ordered = await db.kysely.selectFrom('locks').select('name').orderBy('name').execute();
    const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(ordered.map(({ name }) => name)).toEqual(byBytes);
    const above = await db.kysely.selectFrom('locks').select('name').where('name', '>', 'a').orderBy('name').execute();
    expect(above.map(({ name }) => name)).toEqual(byBytes.slice(byBytes.indexOf('a') + 1));
  });

  test('bytes come back as a Buffer', async () => {
    const db = await createDb();
    const bytes = Buffer.from([0, 255, 1, 128, 10, 0]);
    await db.transaction(async (tx) => {
      await tx.schema.createTable('scratch').addColumn('data', 'blob').execute();
      const scratch = tx as unknown as Kysely<{ scratch: { data: Uint8Array } }>;
      await scratch
        .insertInto('scratch')
        .values([{ data: bytes }, { data: new Uint8Array(0) }])
        .execute();
      const rows = await scratch.selectFrom('scratch').selectAll().execute();
      expect(rows.map(({ data }) => Buffer.isBuffer(data))).toEqual([true, true]);
      expect(rows.map(({ data }) => [...data])).toEqual([[...bytes], []]);
    });
  });

  test('counts, sums and comparisons are numbers', async () => {
    const db = await createDb();
    await insertAll(db);
    const totals = await db.kysely
      .selectFrom('generations')
      .select(({ fn }) => [
        fn.countAll<number>().as('count'),
        fn.count<number>('id').as('ids'),
        fn.sum<number>('max_attempts').as('sum'),
        fn.max('event_seq').as('max'),
      ])
      .executeTakeFirst();
    expect(totals).toEqual({ count: 1, ids: 1, sum: 3, max: Number.MAX_SAFE_INTEGER });
    const row = await db.kysely
      .selectFrom('generations')
      .select(({ fn, eb, exists, selectFrom }) => [
        fn.coalesce('error', eb.val('')).as('error'),
        eb('lane', '=', 0).as('interactive'),
        exists(selectFrom('attempts').select('attempts.id').where('epoch', '<', 0)).as('exists'),
      ])
      .executeTakeFirst();
    expect(row).toEqual({ error: '{"code":"internal"}', interactive: 1, exists: 0 });
  });

  test('numbers of changed rows are told alike', async () => {
    const db = await createDb();
    await insertAll(db);
    await db.transaction(async (tx) => {
      const update = tx.updateTable('generations').set({ lane: 1 });
      expect((await update.executeTakeFirst()).numUpdatedRows).toBe(1n);
      expect((await update.where('lane', '=', 9).executeTakeFirst()).numUpdatedRows).toBe(0n);
      const repeat = tx
        .insertInto('locks')
        .values(sampleRows().locks)
        .onConflict((conflict) => conflict.doNothing());
      expect((await repeat.executeTakeFirst()).numInsertedOrUpdatedRows).toBe(0n);
      expect(await repeat.returning('name').execute()).toEqual([]);
      expect((await tx.deleteFrom('locks').executeTakeFirst()).numDeletedRows).toBe(1n);
    });
  });
});

describe('the list of unique constraints', () => {
  test('names tables of the schema', () => {
    const tables = new Set<string>([...TABLES, 'easel_migrations']);
    expect(Object.values(UNIQUE_CONSTRAINTS).filter(({ table }) => !tables.has(table))).toEqual([]);
  });
});
