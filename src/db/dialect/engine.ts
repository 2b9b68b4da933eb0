import type { Kysely, QueryResult, Transaction } from 'kysely';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/log.js';
import type { ChangeFeed } from '../changes.js';
import type { Failure } from '../errors.js';
import type { Database } from '../schema.js';

/** One opened database, as the rest of `src/db` sees it. */
export interface Engine {
  readonly dialect: 'sqlite' | 'postgres';
  /** The URL without credentials. */
  readonly displayUrl: string;
  /** Refuses to write. */
  readonly reader: Kysely<Database>;
  readonly write: RunTransaction;
  /** For migrations and loads: without time limits. */
  readonly writeUnlimited: RunTransaction;
  readonly changes: ChangeFeed;
  /** Called first in the migration transaction: when it returns, no other process is migrating. */
  lockMigrations(transaction: Transaction<Database>): Promise<void>;
  /** The names of the tables in the place where Easel puts its own. */
  listTables(db: Kysely<Database>): Promise<string[]>;
  /** Which table refers to which, of those. */
  listReferences(db: Kysely<Database>): Promise<TableReference[]>;
  /** Gives `work` the database as it is now, whatever is written meanwhile, and without time limits. */
  snapshot<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Runs `work` in one write transaction. What it throws rolls back. */
export type RunTransaction = <T>(work: (transaction: Transaction<Database>) => Promise<T>) => Promise<T>;

export interface TableReference {
  readonly from: string;
  readonly to: string;
}

export interface EngineOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Most connections to PostgreSQL. SQLite has one writer and one reader. */
  readonly poolSize: number;
  /** Longest wait for a connection, or for SQLite's write lock, in milliseconds. */
  readonly acquireTimeoutMs: number;
  /** Longest time of one statement, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Longest time that a transaction may sit between two statements (PostgreSQL) or be open at all (SQLite), in milliseconds. */
  readonly transactionTimeoutMs: number;
}

/** One raw connection, borrowed from a source for a statement or a transaction. Throws the driver's own errors. */
export interface RawConnection {
  execute(sql: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Must not throw; what cannot be rolled back must not be used again. */
  rollback(): Promise<void>;
}

export interface ConnectionSource {
  acquire(): Promise<RawConnection>;
  /** Never throws. */
  release(connection: RawConnection): void;
  classify(error: unknown): Failure;
}
