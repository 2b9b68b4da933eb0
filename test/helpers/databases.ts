import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, inject } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { type Db, migrate, type OpenDatabaseOptions, openDatabase } from '../../src/db/index.js';
import { postgresAvailability } from './postgres.js';

export type Dialect = 'sqlite' | 'postgres';

export interface TestDatabase {
  readonly url: string;
  /** Opens it once more, as another process would. Closed after the test. */
  open(options?: Partial<OpenDatabaseOptions>): Promise<Db>;
}

export interface DatabaseKit {
  readonly dialect: Dialect;
  /** A fresh database with all tables, opened. Closed and removed after the test (or after the file, in `beforeAll`). */
  createDb(options?: Partial<OpenDatabaseOptions>): Promise<Db & { readonly url: string }>;
  /** A fresh database without opening it; `migrated: false` leaves it empty. */
  createDatabase(options?: { readonly migrated?: boolean }): Promise<TestDatabase>;
}

/**
 * Declares the same tests for SQLite and PostgreSQL. Where PostgreSQL is missing its half is skipped, and says so.
 *
 *   describeEachDatabase('leases', ({ createDb }) => {
 *     test('…', async () => { const db = await createDb(); … });
 *   });
 */
export function describeEachDatabase(name: string, declare: (kit: DatabaseKit) => void): void {
  describe(`${name} (sqlite)`, () => declare(makeKit('sqlite')));
  const postgres = postgresAvailability();
  if (postgres.available) {
    describe(`${name} (postgres)`, () => declare(makeKit('postgres')));
  } else {
    process.stderr.write(`skipped: ${name} on PostgreSQL: ${postgres.reason}\n`);
    describe.skip(`${name} (postgres): ${postgres.reason}`, () => declare(makeKit('postgres')));
  }
}

/** For one dialect alone. Call it inside a `describe`, because it registers hooks. */
export function makeKit(dialect: Dialect): DatabaseKit {
  const forFile: (() => Promise<void>)[] = [];
  const forTest: (() => Promise<void>)[] = [];
  let cleanups = forFile;
  beforeEach(() => {
    cleanups = forTest;
  });
  afterEach(async () => {
    cleanups = forFile;
    await runAll(forTest);
  });
  afterAll(() => runAll(forFile));

  const kit: DatabaseKit = {
    dialect,
    async createDatabase({ migrated = true } = {}) {
      const { url, remove } = await (dialect === 'sqlite' ? createSqlite(migrated) : createPostgres(migrated));
      cleanups.push(remove);
      return {
        url,
        async open(options = {}) {
          const db = await openDatabase({ url, logger: silentLogger, ...options });
          cleanups.push(() => db.close());
          return db;
        },
      };
    },
    async createDb(options) {
      const database = await kit.createDatabase();
      return Object.assign(await database.open(options), { url: database.url });
    },
  };
  return kit;
}

interface Created {
  readonly url: string;
  readonly remove: () => Promise<void>;
}

async function createSqlite(migrated: boolean): Promise<Created> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-sqlite-'));
  const url = `sqlite:${join(folder, 'easel.db')}`;
  if (migrated) await migrateAt(url);
  return { url, remove: async () => rmSync(folder, { recursive: true, force: true }) };
}

async function createPostgres(migrated: boolean): Promise<Created> {
  const admin = await sharedServer();
  const name = `easel_${process.pid}_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`;
  await withClient(admin, async (client) => {
    if (migrated) await ensureTemplate(client, admin);
    await client.query(`create database ${name}${migrated ? ` template ${TEMPLATE}` : ''}`);
  });
  const remove = () =>
    withClient(admin, async (client) => void (await client.query(`drop database ${name} with (force)`)));
  return { url: withDatabase(admin, name), remove };
}

/** Copied for each test: five times quicker than running the migrations again. */
const TEMPLATE = `easel_template_${process.ppid}`;
const TEMPLATE_LOCK = 4711;

async function ensureTemplate(client: pg.Client, admin: string): Promise<void> {
  // Test files run in parallel; the first builds it, the others wait.
  await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [TEMPLATE]);
    if (rowCount) return;
    const draft = `${TEMPLATE}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft}`);
    await migrateAt(withDatabase(admin, draft));
    await client.query(`alter database ${draft} rename to ${TEMPLATE}`);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function migrateAt(url: string): Promise<void> {
  const db = await openDatabase({ url, logger: silentLogger });
  try {
    await migrate(db);
  } finally {
    await db.close();
  }
}

/** The URL of the server that all test files share. */
export async function sharedServer(): Promise<string> {
  const response = await fetch(inject('postgresBroker'));
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer;
}

/** For what Easel itself never does to a database: creating and dropping it, looking at its catalogue, breaking it. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function runAll(cleanups: (() => Promise<void>)[]): Promise<void> {
  // Newest first: connections close before their database goes.
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}
