import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type QueryResult, SqliteAdapter, SqliteIntrospector, sql } from 'kysely';
import { sleep, type Timer } from '../../core/clock.js';
import { LocalChangeFeed } from '../changes.js';
import { DatabaseError } from '../errors.js';
import { PortableSqliteCompiler } from './compilers.js';
import type { ConnectionSource, Engine, EngineOptions, RawConnection, TableReference } from './engine.js';
import { type Grammar, kyselyOver, transactionsOver } from './kysely.js';
import { Mutex } from './mutex.js';
import { SqliteConnection } from './sqlite-connection.js';
import { classifySqliteError, isBusy } from './sqlite-failures.js';

/**
 * SQLite inside the process: one connection that writes and one that reads. Statements run synchronously, so two
 * transactions on one connection would interleave at every `await`; a mutex puts them in a row. The reader sees the last
 * commit (WAL) and never waits for the writer.
 */

/** `sqlite:/path`, `sqlite:relative`, `file:` likewise. Returns an absolute path. Throws DatabaseError. */
function sqlitePath(url: string): string {
  const rest = url.replace(/^(sqlite|file):/, '');
  if (rest === '' || rest === ':memory:') {
    // Reader and writer are two connections, which cannot share a database that has no file.
    throw unusable(`"${url}" names no file.`, 'Use sqlite:/path/to/easel.db; a file in a temporary folder will do.');
  }
  try {
    return rest.startsWith('//') ? fileURLToPath(`file:${rest}`) : resolve(rest);
  } catch (error) {
    throw unusable(`"${url}" is not a usable path.`, 'Use sqlite:/absolute/path or sqlite:relative/path.', error);
  }
}

export async function openSqlite(url: string, options: EngineOptions): Promise<Engine> {
  const path = sqlitePath(url);
  checkPath(path);
  const { writerConnection, readerConnection } = await openConnections(path, options);
  const mutex = new Mutex();
  const state = { closed: false };
  const writeSource = (limits: WriteLimits) => new WriteSource(writerConnection, mutex, state, limits, options);
  const changes = new LocalChangeFeed(options.logger);
  return {
    dialect: 'sqlite',
    displayUrl: `sqlite:${path}`,
    reader: kyselyOver(new ReadSource(readerConnection, state), GRAMMAR),
    write: transactionsOver(writeSource(options), GRAMMAR),
    writeUnlimited: transactionsOver(writeSource(MIGRATION_LIMITS), GRAMMAR),
    changes,
    // BEGIN IMMEDIATE already keeps every other writer out.
    lockMigrations: async () => {},
    async listTables(db) {
      const query = sql<{
        name: string;
      }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`;
      const { rows } = await query.execute(db);
      return rows.map(({ name }) => name);
    },
    async listReferences(db) {
      const query = sql<TableReference>`
        select t.name as "from", f."table" as "to" from sqlite_schema t join pragma_foreign_key_list(t.name) f
        where t.type = 'table'`;
      return (await query.execute(db)).rows;
    },
    async snapshot(work) {
      const connection = new SqliteConnection(path, ['query_only = on']);
      try {
        connection.exec('begin');
        // The snapshot is that of the first read.
        connection.query('select count(*) from sqlite_schema', []);
        return await work(kyselyOver(new ReadSource(connection, state), GRAMMAR));
      } finally {
        connection.close();
      }
    },
    async close() {
      if (state.closed) return;
      state.closed = true;
      changes.close();
      await mutex.lock();
      readerConnection.close();
      try {
        writerConnection.checkpoint();
      } catch (error) {
        options.logger.debug({ err: error }, 'the write-ahead log stays; another process is reading');
      }
      writerConnection.close();
      mutex.unlock();
    },
  };
}

interface WriteLimits {
  readonly acquireTimeoutMs: number;
  readonly transactionTimeoutMs: number | null;
}

/** Another process may be in the middle of a long migration. */
const MIGRATION_LIMITS: WriteLimits = { acquireTimeoutMs: 120_000, transactionTimeoutMs: null };

async function openConnections(path: string, { clock, random, acquireTimeoutMs }: EngineOptions) {
  const giveUpAt = clock.now() + acquireTimeoutMs;
  for (;;) {
    let writerConnection: SqliteConnection | undefined;
    try {
      writerConnection = new SqliteConnection(path, ['journal_mode = wal', 'synchronous = full', 'foreign_keys = on']);
      checkWriter(writerConnection, path);
      return { writerConnection, readerConnection: new SqliteConnection(path, ['query_only = on']) };
    } catch (error) {
      writerConnection?.close();
      if (error instanceof DatabaseError) throw error;
      if (!isBusy(error)) throw openingError(path, error);
      // Another process is turning the new file into WAL mode, or recovers it after a crash.
      if (clock.now() >= giveUpAt) throw lockedError(acquireTimeoutMs, error);
    }
    await sleep(clock, retryDelayMs(random));
  }
}

function retryDelayMs(random: () => number): number {
  return 5 + random() * 45;
}

const GRAMMAR: Grammar = {
  createQueryCompiler: () => new PortableSqliteCompiler(),
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
};

class ReadSource implements ConnectionSource {
  readonly #connection: RawConnection;
  readonly #state: { readonly closed: boolean };

  constructor(connection: SqliteConnection, state: { readonly closed: boolean }) {
    this.#state = state;
    const noTransactions = () => Promise.reject(new TypeError('The reading connection has no transactions.'));
    this.#connection = {
      execute: async (sql, parameters) => connection.query(sql, parameters),
      begin: noTransactions,
      commit: noTransactions,
      rollback: async () => {},
    };
  }

  async acquire(): Promise<RawConnection> {
    if (this.#state.closed) throw closedError();
    return this.#connection;
  }

  release(): void {}

  classify = classifySqliteError;
}

class WriteSource implements ConnectionSource {
  readonly #connection: SqliteConnection;
  readonly #mutex: Mutex;
  readonly #state: { readonly closed: boolean };
  readonly #limits: WriteLimits;
  readonly #options: EngineOptions;

  constructor(
    connection: SqliteConnection,
    mutex: Mutex,
    state: { readonly closed: boolean },
    limits: WriteLimits,
    options: EngineOptions,
  ) {
    this.#connection = connection;
    this.#mutex = mutex;
    this.#state = state;
    this.#limits = limits;
    this.#options = options;
  }

  async acquire(): Promise<WriteTurn> {
    await this.#mutex.lock();
    // SQLite answers without ever waiting, so a row of transactions would run on promises alone, and timers and sockets
    // would stand still until its end.
    await nextTurn();
    if (this.#state.closed) {
      this.#mutex.unlock();
      throw closedError();
    }
    return new WriteTurn(this.#connection, this.#mutex, this.#limits, this.#options);
  }

  release(turn: RawConnection): void {
    (turn as WriteTurn).end();
  }

  classify = classifySqliteError;
}

/**
 * One holder's turn at the writing connection. It ends by itself after the transaction timeout, because a transaction that
 * waits for something outside the database would otherwise stop every other writer for good.
 */
class WriteTurn implements RawConnection {
  readonly #connection: SqliteConnection;
  readonly #mutex: Mutex;
  readonly #limits: WriteLimits;
  readonly #options: EngineOptions;
  #timer: Timer | undefined;
  #state: 'open' | 'expired' | 'ended' = 'open';

  constructor(connection: SqliteConnection, mutex: Mutex, limits: WriteLimits, options: EngineOptions) {
    this.#connection = connection;
    this.#mutex = mutex;
    this.#limits = limits;
    this.#options = options;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>> {
    this.#assertOpen();
    return this.#connection.query(sql, parameters);
  }

  /** Takes the write lock at once; a transaction that reads first and locks later can fail in the middle. */
  async begin(): Promise<void> {
    const { clock, random } = this.#options;
    const { acquireTimeoutMs, transactionTimeoutMs } = this.#limits;
    const giveUpAt = clock.now() + acquireTimeoutMs;
    for (;;) {
      this.#assertOpen();
      try {
        this.#connection.exec('begin immediate');
        break;
      } catch (error) {
        // Only another process can hold the lock now: a backup, a migration, a second Easel.
        if (!isBusy(error)) throw error;
        if (clock.now() >= giveUpAt) throw lockedError(acquireTimeoutMs, error);
      }
      await sleep(clock, retryDelayMs(random));
    }
    if (transactionTimeoutMs !== null) {
      this.#timer = clock.setTimer(() => this.#expire(), transactionTimeoutMs, { unref: true });
    }
  }

  async commit(): Promise<void> {
    this.#assertOpen();
    this.#connection.exec('commit');
  }

  async rollback(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#rollBack();
  }

  end(): void {
    this.#timer?.cancel();
    if (this.#state === 'open') this.#mutex.unlock();
    this.#state = 'ended';
  }

  #expire(): void {
    this.#state = 'expired';
    const { transactionTimeoutMs } = this.#limits;
    this.#options.logger.error({ transactionTimeoutMs }, 'a transaction was open for too long and was rolled back');
    this.#rollBack();
    this.#mutex.unlock();
  }

  #rollBack(): void {
    try {
      // SQLite may have rolled back by itself (disk full, I/O error).
      if (this.#connection.inTransaction) this.#connection.exec('rollback');
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'rollback failed; the connection is opened again');
      this.#connection.close();
    }
  }

  #assertOpen(): void {
    if (this.#state === 'open') return;
    throw new DatabaseError({ kind: 'statement' }, 'The transaction was open for too long and was rolled back.', {
      hint: 'A transaction must not wait for anything outside the database.',
    });
  }
}

function checkPath(path: string): void {
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw unusable(
      `The folder ${folder} cannot be made.`,
      'Choose a path below a folder that you may write to.',
      error,
    );
  }
  if (existsSync(path) && !statSync(path).isFile()) {
    throw unusable(`${path} is not a file.`, 'Name a file, for example easel.db inside that folder.');
  }
  try {
    // The folder as well: SQLite keeps its log beside the file.
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw unusable(
      `${path} may not be written.`,
      'Give this user write permission for the file and its folder.',
      error,
    );
  }
}

function checkWriter(connection: SqliteConnection, path: string): void {
  const [row] = connection.query('pragma journal_mode', []).rows as { journal_mode: string }[];
  if (row?.journal_mode === 'wal') return;
  throw unusable(
    `${path} lies on a file system that cannot share memory, which SQLite's write-ahead log needs.`,
    'Use a local disk, or PostgreSQL.',
  );
}

function unusable(message: string, hint: string, cause?: unknown): DatabaseError {
  return new DatabaseError({ kind: 'unavailable', message, hint }, message, { cause });
}

function lockedError(waitedMs: number, cause: unknown): DatabaseError {
  return new DatabaseError(
    { kind: 'unavailable', hint: 'Look for a backup, a migration or a second Easel that uses the same file.' },
    `Another process has held the write lock for more than ${waitedMs} ms.`,
    { cause },
  );
}

function openingError(path: string, cause: unknown): DatabaseError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const failure = { ...classifySqliteError(cause), kind: 'unavailable' } as const;
  return new DatabaseError(failure, `The database ${path} cannot be opened: ${reason}`, { cause });
}

function closedError(): DatabaseError {
  return new DatabaseError({ kind: 'closed' }, 'The database is closed.');
}
