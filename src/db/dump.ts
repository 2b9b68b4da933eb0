import type { Expression, Kysely, SqlBool } from 'kysely';
import { UNIQUE_CONSTRAINTS } from './constraints.js';
import type { DbReader, DbTransaction } from './database.js';
import { DatabaseError } from './errors.js';

/** A row of any table: text, whole numbers, bytes, null. */
export type AnyRow = Readonly<Record<string, string | number | Uint8Array | null>>;

type AnyDb = Kysely<Record<string, Record<string, unknown>>>;

const PAGE_ROWS = 500;
/** Below the most parameters that either database takes in one statement (SQLite 32,766). */
const MAX_PARAMETERS = 16_000;

/** All rows of a table in the order of its primary key, page by page. */
export async function* readTable(db: DbReader, table: string): AsyncGenerator<readonly AnyRow[], void, undefined> {
  const key = primaryKeyOf(table);
  let last: AnyRow | undefined;
  for (;;) {
    let query = (db as unknown as AnyDb).selectFrom(table).selectAll().limit(PAGE_ROWS);
    for (const column of key) query = query.orderBy(column);
    if (last !== undefined) {
      const after = last;
      const [first = ''] = key;
      query = query
        // Says nothing new, but lets an index begin at the right place.
        .where(first, '>=', after[first] ?? null)
        .where((eb) => {
          // (a, b) > (x, y), written out: a > x or (a = x and b > y).
          const branches = key.map((column, index): Expression<SqlBool> => {
            const equal = key.slice(0, index).map((before) => eb(before, '=', after[before] ?? null));
            return eb.and([...equal, eb(column, '>', after[column] ?? null)]);
          });
          return eb.or(branches);
        });
    }
    const rows = (await query.execute()) as AnyRow[];
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE_ROWS) return;
    last = rows.at(-1);
  }
}

/** Inserts rows as they are. */
export async function writeRows(tx: DbTransaction, table: string, rows: readonly AnyRow[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).length;
  if (columns === 0) return;
  const step = Math.max(1, Math.floor(MAX_PARAMETERS / columns));
  for (let start = 0; start < rows.length; start += step) {
    await (tx as unknown as AnyDb)
      .insertInto(table)
      .values(rows.slice(start, start + step))
      .execute();
  }
}

export async function isTableEmpty(db: DbReader, table: string): Promise<boolean> {
  const row = await (db as unknown as AnyDb)
    .selectFrom(table)
    .select(({ lit }) => lit(1).as('one'))
    .limit(1)
    .executeTakeFirst();
  return row === undefined;
}

function primaryKeyOf(table: string): readonly string[] {
  const name = `${table}_pkey`;
  const found = Object.entries(UNIQUE_CONSTRAINTS).find(([constraint]) => constraint === name);
  if (found === undefined) throw new DatabaseError({ kind: 'schema' }, `The table ${table} has no known primary key.`);
  return found[1].columns;
}
