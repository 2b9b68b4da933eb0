import type { Kysely, Transaction } from 'kysely';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Db } from './database.js';
import type { Engine } from './dialect/engine.js';
import { DatabaseError } from './errors.js';
import { MIGRATIONS } from './migrations/index.js';
import { withRetries } from './retry.js';
import type { Database } from './schema.js';

/**
 * Migrations go forward only, and all that are due run in ONE transaction with the rows that record them. Both databases
 * roll back DDL, so a process that dies half way leaves nothing. The transaction begins with a lock (SQLite: the write
 * lock; PostgreSQL: an advisory lock), so a second process waits and then finds nothing to do.
 *
 * Kysely's own Migrator does not fit: on SQLite it neither locks nor runs in a transaction.
 */
export interface Migration {
  /** 1, 2, 3, … without gaps. */
  readonly version: number;
  readonly name: string;
  /** Uses column types `text`, `bigint` and `blob` only, and names every constraint and index. */
  up(transaction: Transaction<Database>): Promise<void>;
}

export interface MigrationReport {
  /** Names of the migrations that ran now. */
  readonly applied: readonly string[];
  readonly version: number;
}

/** Brings the schema up to date. Throws DatabaseError `database_schema` when the database is from a newer Easel. */
export async function migrate(db: Db): Promise<MigrationReport> {
  return db.migrate();
}

interface MigrationRow {
  version: number;
  name: string;
  applied_at: number;
}
type WithMigrations = { easel_migrations: MigrationRow };

export async function migrateEngine(
  engine: Engine,
  options: { readonly clock: Clock; readonly logger: Logger; readonly random: () => number },
  goal: { readonly version?: number } = {},
  known: readonly Migration[] = MIGRATIONS,
): Promise<MigrationReport> {
  const migrations = goal.version === undefined ? known : known.slice(0, goal.version);
  const report = await withRetries(
    () => engine.writeUnlimited((transaction) => run(engine, transaction, migrations, options.clock)),
    { ...options, retries: 5 },
  );
  for (const name of report.applied) options.logger.info({ migration: name }, 'migration applied');
  return report;
}

async function run(
  engine: Engine,
  transaction: Transaction<Database>,
  migrations: readonly Migration[],
  clock: Clock,
): Promise<MigrationReport> {
  await engine.lockMigrations(transaction);
  const table = transaction as unknown as Kysely<WithMigrations>;
  const known = await readApplied(engine, transaction, table);
  checkHistory(known, migrations);
  const due = migrations.slice(known.length);
  for (const migration of due) {
    await migration.up(transaction);
    await table
      .insertInto('easel_migrations')
      .values({ version: migration.version, name: migration.name, applied_at: clock.now() })
      .execute();
  }
  return { applied: due.map(({ name }) => name), version: migrations.length };
}

/** Of the schema that is there; 0 for an empty database. */
export async function readVersion(db: Kysely<Database>): Promise<number> {
  const table = db as unknown as Kysely<WithMigrations>;
  const row = await table
    .selectFrom('easel_migrations')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}

/** The newest version that this Easel knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

async function readApplied(engine: Engine, transaction: Transaction<Database>, table: Kysely<WithMigrations>) {
  const tables = await engine.listTables(transaction);
  if (!tables.includes('easel_migrations')) {
    // A PostgreSQL database is often shared on purpose; a file is not.
    if (engine.dialect === 'sqlite' && tables.length > 0) {
      throw schemaError(`${engine.displayUrl} holds tables of something else.`, 'Choose another database file.');
    }
    await table.schema
      .createTable('easel_migrations')
      .addColumn('version', 'bigint', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('applied_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('easel_migrations_pkey', ['version'])
      .execute();
  }
  return table.selectFrom('easel_migrations').select(['version', 'name']).orderBy('version').execute();
}

function checkHistory(known: readonly { version: number; name: string }[], migrations: readonly Migration[]): void {
  const newest = known.at(-1);
  if (newest && newest.version > migrations.length) {
    throw schemaError(
      `The database has schema version ${newest.version}; this Easel knows versions up to ${migrations.length}.`,
    );
  }
  known.forEach((row, index) => {
    const expected = migrations[index];
    if (row.version !== expected?.version || row.name !== expected.name) {
      throw schemaError(`The database has a migration "${row.name}" where this Easel has "${expected?.name}".`);
    }
  });
}

function schemaError(message: string, hint?: string): DatabaseError {
  return new DatabaseError({ kind: 'schema', ...(hint === undefined ? {} : { hint }) }, message);
}
