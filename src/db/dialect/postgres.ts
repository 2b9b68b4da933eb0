import { PostgresAdapter, PostgresIntrospector, type QueryResult, sql } from 'kysely';
import pg from 'pg';
import type { Logger } from '../../core/log.js';
import { DatabaseError } from '../errors.js';
import { PortablePostgresCompiler } from './compilers.js';
import { toDatabaseError } from './connection.js';
import type { ConnectionSource, Engine, EngineOptions, RawConnection, TableReference } from './engine.js';
import { type Grammar, kyselyOver, transactionsOver } from './kysely.js';
import { PostgresChangeFeed } from './postgres-changes.js';
import { classifyPostgresError } from './postgres-failures.js';
import { StatementNames } from './postgres-statements.js';
import { withoutCredentials } from './postgres-url.js';

/**
 * PostgreSQL 15 or newer through `pg`.
 *
 * Transactions run at READ COMMITTED, and every write that depends on something read before carries that condition in its
 * own WHERE, or reads with FOR UPDATE first (`docs/decisions/0002-portable-columns.md`).
 */
export async function openPostgres(url: string, options: EngineOptions): Promise<Engine> {
  const { logger } = options;
  const displayUrl = withoutCredentials(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: options.poolSize,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.transactionTimeoutMs,
    keepAlive: true,
    // Statements of one transaction that do not wait for each other's answers share one round trip.
    pipeline: true,
    application_name: 'easel',
    types: portableTypes,
    onConnect: (client) => prepareSession(client, logger),
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle database connection was lost'));
  const limits: StatementLimits = {
    readTimeoutMs: options.statementTimeoutMs + READ_GRACE_MS,
    names: new StatementNames(),
  };
  try {
    await checkServer(pool);
  } catch (error) {
    await pool.end();
    if (error instanceof DatabaseError) throw error;
    const reason = error instanceof Error ? reasonOf(error) : String(error);
    throw new DatabaseError(classifyPostgresError(error), `The database ${displayUrl} cannot be used: ${reason}`, {
      cause: error,
    });
  }
  const changes = new PostgresChangeFeed(url, options);
  let closing: Promise<void> | undefined;
  return {
    dialect: 'postgres',
    displayUrl,
    reader: kyselyOver(new PoolSource(pool, limits), GRAMMAR),
    write: transactionsOver(new PoolSource(pool, limits), GRAMMAR),
    writeUnlimited: transactionsOver(new PoolSource(pool, { readTimeoutMs: null }), GRAMMAR),
    changes,
    async lockMigrations(transaction) {
      await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(transaction);
    },
    async listTables(db) {
      const query = sql<{ name: string }>`select tablename as name from pg_tables where schemaname = current_schema()`;
      const { rows } = await query.execute(db);
      return rows.map(({ name }) => name);
    },
    async listReferences(db) {
      const query = sql<TableReference>`
        select c.relname as "from", r.relname as "to" from pg_constraint f
        join pg_class c on c.oid = f.conrelid join pg_class r on r.oid = f.confrelid
        where f.contype = 'f' and f.connamespace = current_schema()::regnamespace`;
      return (await query.execute(db)).rows;
    },
    async snapshot(work) {
      const source = new PoolSource(pool, { readTimeoutMs: null });
      const failing = (error: unknown) => Promise.reject(toDatabaseError(source, error));
      const connection = await source.acquire().catch(failing);
      let isOver = false;
      try {
        const begin = `start transaction isolation level repeatable read, read only; ${LIFT_LIMITS}`;
        await connection.execute(begin, []).catch(failing);
        const result = await work(kyselyOver(new OneConnection(connection), GRAMMAR));
        await connection.rollback();
        isOver = true;
        return result;
      } finally {
        // After a failure nobody knows what still runs on it, and without time limits.
        connection.release(!isOver);
      }
    },
    close() {
      closing ??= changes.close().then(() => pool.end());
      return closing;
    },
  };
}

/** Any number will do, as long as nobody else in the same database uses it; this one spells "easel" on a telephone. */
const MIGRATION_LOCK = 32_735;

/** The server ends a statement by itself; the client waits this much longer before it takes the server for lost. */
const READ_GRACE_MS = 5000;

/** Of the session, for the transaction that is open. */
const LIFT_LIMITS = 'set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0';

const OID = { bool: 16, int8: 20, numeric: 1700 } as const;

/** Per pool, never through pg's global `types`, which would change the results of the host application's own queries. */
const portableTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary') {
      // count() and sum() are int8 and numeric. Above 2^53 a wrong number would be worse than an error.
      if (oid === OID.int8 || oid === OID.numeric) return toExactNumber;
      if (oid === OID.bool) return (text: string) => (text === 't' ? 1 : 0);
    }
    return pg.types.getTypeParser(oid, format as 'text');
  }) as typeof pg.types.getTypeParser,
};

function toExactNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${text} is above 2^53.`);
  return value;
}

async function prepareSession(client: pg.ClientBase, logger: Logger): Promise<void> {
  // The pool listens only while a client is idle; a connection lost between two statements of a transaction would
  // otherwise end the process. The next statement reports the loss.
  client.on('error', (error) => logger.warn({ err: error }, 'a database connection was lost'));
  await client.query('set session characteristics as transaction read only');
  await client.query('set plan_cache_mode = force_custom_plan');
}

async function checkServer(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ version: string; encoding: string }>(
    "select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding",
  );
  const [server] = rows;
  if (!server || Number(server.version) < 150_000) {
    throw new DatabaseError(
      { kind: 'unavailable', hint: 'Use PostgreSQL 15 or newer.' },
      'This PostgreSQL is too old.',
    );
  }
  if (server.encoding !== 'UTF8') {
    const hint = "Create the database with ENCODING 'UTF8'.";
    throw new DatabaseError({ kind: 'unavailable', hint }, `The database has the encoding ${server.encoding}.`);
  }
}

const GRAMMAR: Grammar = {
  createQueryCompiler: () => new PortablePostgresCompiler(),
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db) => new PostgresIntrospector(db),
};

interface StatementLimits {
  /** Longest wait for an answer, in milliseconds; null waits for good, and so does the server in transactions. */
  readonly readTimeoutMs: number | null;
  readonly names?: StatementNames;
}

class PoolSource implements ConnectionSource {
  readonly #pool: pg.Pool;
  readonly #limits: StatementLimits;

  constructor(pool: pg.Pool, limits: StatementLimits) {
    this.#pool = pool;
    this.#limits = limits;
  }

  async acquire(): Promise<PostgresConnection> {
    if (this.#pool.ending) throw new DatabaseError({ kind: 'closed' }, 'The database is closed.');
    return new PostgresConnection(await this.#pool.connect(), this.#limits);
  }

  release(connection: RawConnection): void {
    (connection as PostgresConnection).release();
  }

  classify = classifyPostgresError;
}

/** For a snapshot: all statements in the transaction that is open already. */
class OneConnection implements ConnectionSource {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async acquire(): Promise<PostgresConnection> {
    return this.#connection;
  }

  release(): void {}

  classify = classifyPostgresError;
}

/** Rows are written by their keys: there a plan made without values serves, and making one per call costs more than it saves. */
const BEGIN = 'start transaction isolation level read committed, read write; set local plan_cache_mode = auto';

const COUNTED_COMMANDS = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

class PostgresConnection implements RawConnection {
  readonly #client: pg.PoolClient;
  readonly #limits: StatementLimits;
  /** Nobody knows what the connection is doing: it must not go back into the pool. */
  #broken = false;
  /** On its way together with the first statement of the transaction. */
  #beginning: Promise<unknown> | undefined;

  constructor(client: pg.PoolClient, limits: StatementLimits) {
    this.#client = client;
    this.#limits = limits;
  }

  async execute(text: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>> {
    const beginning = this.#beginning;
    if (beginning === undefined) return this.#send(text, parameters);
    this.#beginning = undefined;
    const [, result] = await Promise.all([beginning, this.#send(text, parameters)]);
    return result;
  }

  async #send(text: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>> {
    const { readTimeoutMs, names } = this.#limits;
    const name = names?.nameOf(text);
    const query = {
      text,
      ...(name === undefined ? {} : { name }),
      values: [...parameters],
      ...(readTimeoutMs === null ? {} : { query_timeout: readTimeoutMs }),
    };
    try {
      const { command, rowCount, rows } = await this.#client.query(query);
      return { rows, ...(COUNTED_COMMANDS.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) };
    } catch (error) {
      if (classifyPostgresError(error).kind === 'connection') this.#broken = true;
      throw error;
    }
  }

  /** Not waited for. Should it fail, the statements behind it cannot write: the session by itself is read only. */
  async begin(): Promise<void> {
    const { readTimeoutMs } = this.#limits;
    const limit = readTimeoutMs === null ? {} : { query_timeout: readTimeoutMs };
    const text = readTimeoutMs === null ? `${BEGIN}; ${LIFT_LIMITS}` : BEGIN;
    this.#beginning = this.#client.query({ text, ...limit });
    this.#beginning.catch(() => {});
  }

  async commit(): Promise<void> {
    if (this.#broken) throw new DatabaseError({ kind: 'connection' }, 'The connection was lost before COMMIT.');
    await this.execute('commit', []);
  }

  async rollback(): Promise<void> {
    if (this.#broken) return;
    try {
      await this.execute('rollback', []);
    } catch {
      // The server rolls back when the connection closes.
      this.#broken = true;
    }
  }

  release(isLost = false): void {
    this.#client.release(this.#broken || isLost);
  }
}

/** pg reports a host with several addresses as one AggregateError without a message of its own. */
function reasonOf(error: Error): string {
  if (error.message === '' && error instanceof AggregateError) return String(error.errors[0]?.message ?? error.name);
  return error.message;
}
