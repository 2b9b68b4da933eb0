import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely, Transaction } from 'kysely';
import { type Clock, systemClock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { ChangeFeed } from './changes.js';
import type { Engine, EngineOptions, RunTransaction, TableReference } from './dialect/engine.js';
import { openPostgres } from './dialect/postgres.js';
import { openSqlite } from './dialect/sqlite.js';
import { DatabaseError } from './errors.js';
import { type MigrationReport, migrateEngine, readVersion } from './migrate.js';
import { withRetries } from './retry.js';
import type { Database } from './schema.js';

export type DbTransaction = Transaction<Database>;
/** For functions that run inside and outside a transaction. A Transaction is one too. */
export type DbReader = Kysely<Database>;

export interface OpenDatabaseOptions {
  /** `sqlite:/path/easel.db`, `file:/path/easel.db` or `postgres://user:password@host:port/name`. */
  readonly url: string;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Uniform in [0, 1); for jitter. */
  readonly random?: () => number;
  /** Most connections to PostgreSQL; 10 unless told. */
  readonly poolSize?: number;
  /** Longest wait for a connection or for SQLite's write lock, in milliseconds; 10 s unless told. */
  readonly acquireTimeoutMs?: number;
  /** Longest time of one statement (PostgreSQL), in milliseconds; 30 s unless told. */
  readonly statementTimeoutMs?: number;
  /** Longest time that a transaction may idle (PostgreSQL) or be open (SQLite), in milliseconds; 30 s unless told. */
  readonly transactionTimeoutMs?: number;
}

export interface SnapshotTables {
  /** Of the schema: the number of the newest migration that it has. */
  readonly version: number;
  readonly tables: readonly string[];
}

export interface TransactionOptions {
  /** How often to run again after a conflict or a connection lost before COMMIT; 5 unless told. */
  readonly retries?: number;
  /**
   * The work finds by itself what it did before (by a key), and then does nothing: it runs again also when the answer to
   * COMMIT was lost. False unless told.
   */
  readonly repeatable?: boolean;
}

/**
 * Opens the database, and checks that it can be used. Throws DatabaseError `database_unavailable`. Tables are made by
 * `migrate`.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Db> {
  const { url } = options;
  const engineOptions: EngineOptions = {
    clock: options.clock ?? systemClock,
    logger: options.logger,
    random: options.random ?? Math.random,
    poolSize: options.poolSize ?? 10,
    acquireTimeoutMs: options.acquireTimeoutMs ?? 10_000,
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    transactionTimeoutMs: options.transactionTimeoutMs ?? 30_000,
  };
  if (/^(sqlite|file):/.test(url)) return new Db(await openSqlite(url, engineOptions), engineOptions);
  if (/^postgres(ql)?:\/\//.test(url)) return new Db(await openPostgres(url, engineOptions), engineOptions);
  const message = 'The database URL begins with neither sqlite: nor postgres://.';
  throw new DatabaseError({ kind: 'unavailable', hint: 'Use sqlite:/path/easel.db or postgres://…' }, message);
}

/** One opened database. Safe to use from many places at once. */
export class Db {
  readonly #engine: Engine;
  readonly #options: EngineOptions;
  readonly #current = new AsyncLocalStorage<{ open: boolean }>();

  constructor(engine: Engine, options: EngineOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  get dialect(): 'sqlite' | 'postgres' {
    return this.#engine.dialect;
  }

  /** The URL without credentials. */
  get displayUrl(): string {
    return this.#engine.displayUrl;
  }

  /** For reads; both databases refuse writes here. Sees what is committed, also inside a transaction. */
  get kysely(): Kysely<Database> {
    return this.#engine.reader;
  }

  /** Hints between processes that something changed. */
  get changes(): ChangeFeed {
    return this.#engine.changes;
  }

  /**
   * Runs `work` in one write transaction and returns what it returned, after COMMIT. What `work` throws rolls back and is
   * thrown on.
   *
   * After a conflict, or a connection lost before COMMIT, `work` runs again: it must change nothing but the database. It
   * must not wait for anything else either (no network, no files), because on SQLite every other writer waits for it.
   * A statement that fails ends the transaction on both databases; use `onConflict` where a duplicate is expected.
   *
   * Isolation is READ COMMITTED at least: a write that depends on an earlier read repeats the condition in its WHERE, or
   * the read uses `.forUpdate()`.
   *
   * Throws DatabaseError: `database_conflict`, `database_unavailable`. When the answer to COMMIT was lost,
   * `commitUnknown` is true and `details.commit` is `unknown`; then read before trying again. (Of work that is `repeatable`
   * only the last try says so, and that it may be asked for again.)
   */
  async transaction<T>(work: (transaction: DbTransaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return withRetries(() => this.#runOnce(this.#engine.write, work), {
      retries: options.retries ?? 5,
      repeatable: options.repeatable ?? false,
      clock: this.#options.clock,
      random: this.#options.random,
      onRetry: (error, retry) => this.#options.logger.debug({ err: error, retry }, 'transaction runs again'),
    });
  }

  /** Brings the schema up to date; see `migrate`. `version` stops at an older one, for a backup of that age. */
  async migrate(options: { readonly version?: number } = {}): Promise<MigrationReport> {
    return migrateEngine(this.#engine, this.#options, options);
  }

  /**
   * Gives `work` the database as it is at this moment, whatever is written meanwhile, for as long as it takes. What it
   * holds back meanwhile (SQLite's log, PostgreSQL's vacuum) grows: for backups, not for requests.
   */
  snapshot<T>(work: (db: DbReader, about: SnapshotTables) => Promise<T>): Promise<T> {
    return this.#engine.snapshot(async (db) => work(db, await this.#tablesOf(db)));
  }

  /** One write transaction without time limits, for loading a backup. Nobody else can write on SQLite meanwhile. */
  bulk<T>(work: (transaction: DbTransaction, about: SnapshotTables) => Promise<T>): Promise<T> {
    return this.#runOnce(this.#engine.writeUnlimited, async (transaction) =>
      work(transaction, await this.#tablesOf(transaction)),
    );
  }

  /** Easel's tables, each after those that it refers to. */
  async #tablesOf(db: DbReader): Promise<SnapshotTables> {
    const names = (await this.#engine.listTables(db)).filter((name) => name !== 'easel_migrations').sort();
    const references = await this.#engine.listReferences(db);
    const version = await readVersion(db);
    return { version, tables: inOrder(names, references) };
  }

  /** Waits for what is under way, then closes. Later calls fail with `shutting_down`. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  async #runOnce<T>(run: RunTransaction, work: (transaction: DbTransaction) => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.open) {
      // On SQLite it would wait for itself for good.
      throw new TypeError('A transaction must not begin another one; pass the transaction on.');
    }
    const state = { open: true };
    try {
      return await run((transaction) => this.#current.run(state, () => work(transaction)));
    } finally {
      state.open = false;
    }
  }
}

function inOrder(names: readonly string[], references: readonly TableReference[]): string[] {
  const done: string[] = [];
  const visit = (name: string): void => {
    if (done.includes(name)) return;
    for (const { from, to } of references) if (from === name && to !== name) visit(to);
    done.push(name);
  };
  for (const name of names) visit(name);
  return done;
}
