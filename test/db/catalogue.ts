import type { CompiledQuery } from 'kysely';
import Libsql from 'libsql';
import type pg from 'pg';
import type { Dialect } from '../helpers/databases.js';
import { withClient } from '../helpers/databases.js';

/** What a database itself says about its schema. */
export interface Catalogue {
  /** The whole schema as statements, in a fixed order. */
  dump(): Promise<string[]>;
  /** Type by column by table. */
  columns(): Promise<Map<string, Map<string, string>>>;
  /** `name table(column,column)`; SQLite keeps no names. */
  uniqueConstraints(): Promise<string[]>;
  /** Runs statements without results. */
  run(...statements: string[]): Promise<void>;
  explain(query: CompiledQuery): Promise<string>;
}

export function catalogueOf(dialect: Dialect, url: string): Catalogue {
  return dialect === 'sqlite' ? new SqliteCatalogue(url.replace('sqlite:', '')) : new PostgresCatalogue(url);
}

type Row = Record<string, string>;

class SqliteCatalogue implements Catalogue {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async dump() {
    const rows = this.#query("select sql from sqlite_schema where sql is not null order by type = 'index', name");
    return rows.map(({ sql }) => breakLines(sql!));
  }

  async columns() {
    const rows = this.#query(
      `select t.name as "table", c.name as "column", c.type as type
       from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table'`,
    );
    return group(rows);
  }

  async uniqueConstraints() {
    const rows = this.#query(
      `select t.name as "table",
              (select group_concat(name) from (select name from pragma_index_info(i.name) order by seqno)) as columns
       from sqlite_schema t, pragma_index_list(t.name) i where t.type = 'table' and i."unique"
       union all
       select t.name, c.name from sqlite_schema t, pragma_table_info(t.name) c
       where t.type = 'table' and c.pk = 1 and c.type = 'INTEGER' and t.name = 'easel_migrations'`,
    );
    return [...new Set(rows.map(({ table, columns }) => `${table}(${columns})`))];
  }

  async run(...statements: string[]) {
    this.#open((database) => {
      for (const statement of statements) database.exec(statement);
    });
  }

  async explain({ sql, parameters }: CompiledQuery) {
    return JSON.stringify(this.#query(`explain query plan ${sql}`, parameters));
  }

  #query(sql: string, parameters: readonly unknown[] = []): Row[] {
    return this.#open((database) => database.prepare(sql).all([...parameters]) as Row[]);
  }

  #open<T>(work: (database: Libsql.Database) => T): T {
    const database = new Libsql(this.#path);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }
}

class PostgresCatalogue implements Catalogue {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async dump() {
    const tables = await this.#query(
      `select c.relname as "table", string_agg(
         format('  %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
           || case when co.collname <> 'default' then format(' collate %I', co.collname) else '' end
           || case when a.attnotnull then ' not null' else '' end, E',\\n' order by a.attnum) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       left join pg_collation co on co.oid = a.attcollation
       where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by c.relname order by c.relname`,
    );
    const constraints = await this.#query(
      `select format('alter table %I add constraint %I %s', conrelid::regclass::text, conname, pg_get_constraintdef(oid)) as sql
       from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c')
       order by conrelid::regclass::text, contype <> 'p', conname`,
    );
    const indexes = await this.#query(
      `select pg_get_indexdef(i.indexrelid) as sql from pg_index i join pg_class c on c.oid = i.indexrelid
       where c.relnamespace = 'public'::regnamespace
         and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u'))
       order by c.relname`,
    );
    return [
      ...tables.map(({ table, columns }) => `create table ${table} (\n${columns}\n)`),
      ...constraints.map(({ sql }) => sql!),
      ...indexes.map(({ sql }) => sql!),
    ];
  }

  async columns() {
    return group(
      await this.#query(
        `select table_name as "table", column_name as "column", data_type as type
         from information_schema.columns where table_schema = 'public'`,
      ),
    );
  }

  async uniqueConstraints() {
    const rows = await this.#query(
      `select conname as name, conrelid::regclass::text as "table", (
         select string_agg(attname, ',' order by k.position) from unnest(conkey) with ordinality k(number, position)
         join pg_attribute a on a.attrelid = conrelid and a.attnum = k.number) as columns
       from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u')`,
    );
    return rows.map(({ name, table, columns }) => `${name} ${table}(${columns})`);
  }

  async run(...statements: string[]) {
    await withClient(this.#url, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }

  async explain({ sql, parameters }: CompiledQuery) {
    return JSON.stringify(await this.#query(`explain ${sql}`, parameters));
  }

  #query(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return withClient(this.#url, async (client: pg.Client) => (await client.query(text, [...parameters])).rows);
  }
}

function group(rows: readonly Row[]): Map<string, Map<string, string>> {
  const tables = new Map<string, Map<string, string>>();
  for (const { table, column, type } of rows) {
    tables.set(table!, (tables.get(table!) ?? new Map()).set(column!, type!));
  }
  return tables;
}

/** SQLite keeps a statement as it was written, which is one long line. */
function breakLines(sql: string): string {
  return /^create table/i.test(sql)
    ? sql
        .replace(/\((?="|$)/, '(\n  ')
        .replaceAll(/, (?="[a-z_]+" (text|integer|blob)|constraint)/g, ',\n  ')
        .replace(/\) strict$/, '\n) strict')
    : sql;
}
