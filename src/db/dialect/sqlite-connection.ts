import type { QueryResult } from 'kysely';
import Libsql from 'libsql';
import { isBusy } from './sqlite-failures.js';

/**
 * One SQLite connection through libsql, which has the interface of better-sqlite3 and traps of its own. Each was seen on
 * libsql 0.5.29:
 *
 * - A prepared statement that fails with SQLITE_BUSY stays active until it is garbage collected. Until then every later
 *   write on that connection reports success and is not committed: acknowledged work that is lost at exit. So BEGIN and
 *   COMMIT go through `exec`, which finalises its statement, and a connection that reports BUSY from anything else is
 *   closed and opened again.
 * - `close` lets go of the files only when every prepared statement has been garbage collected; nothing finalises one
 *   sooner. Harmless, but do not rely on the files being free right after it.
 * - Blobs are read as ArrayBuffer; here they become Buffer, as PostgreSQL gives them.
 * - A boolean parameter aborts the process (`parameters.ts`).
 */
export class SqliteConnection {
  readonly #path: string;
  readonly #pragmas: readonly string[];
  readonly #statements = new Map<string, Libsql.Statement<unknown[]>>();
  #handle: Libsql.Database | null;

  constructor(path: string, pragmas: readonly string[]) {
    this.#path = path;
    this.#pragmas = pragmas;
    this.#handle = this.#open();
  }

  query(sql: string, parameters: readonly unknown[]): QueryResult<unknown> {
    const statement = this.#prepare(sql);
    try {
      if (statement.reader) return { rows: statement.all([...parameters]).map(withBuffers) };
      const { changes } = statement.run([...parameters]);
      return { rows: [], numAffectedRows: BigInt(changes) };
    } catch (error) {
      // It may still be active.
      this.#statements.delete(sql);
      if (isBusy(error)) this.close();
      throw error;
    }
  }

  /** Runs a statement without parameters or rows, and leaves nothing active behind, whatever happens. */
  exec(sql: string): void {
    this.#opened().exec(sql);
  }

  get inTransaction(): boolean {
    return this.#handle?.inTransaction ?? false;
  }

  /** Moves the log into the database file, so that a copy of that one file is complete. Not while others read. */
  checkpoint(): void {
    this.exec('pragma wal_checkpoint(truncate)');
  }

  /** Rolls back what is open. The next use opens the connection again. */
  close(): void {
    const handle = this.#handle;
    this.#handle = null;
    this.#statements.clear();
    if (!handle) return;
    try {
      if (handle.inTransaction) handle.exec('rollback');
    } finally {
      handle.close();
    }
  }

  #opened(): Libsql.Database {
    this.#handle ??= this.#open();
    return this.#handle;
  }

  #open(): Libsql.Database {
    // A short wait only: it blocks the event loop. The caller waits longer by trying again.
    const handle = new Libsql(this.#path, { timeout: BUSY_TIMEOUT_MS });
    try {
      for (const pragma of this.#pragmas) handle.exec(`pragma ${pragma}`);
    } catch (error) {
      handle.close();
      throw error;
    }
    return handle;
  }

  #prepare(sql: string): Libsql.Statement<unknown[]> {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#opened().prepare<unknown[]>(sql);
    if (this.#statements.size >= MAX_STATEMENTS) {
      // The oldest goes; which one hardly matters, as long as their number is bounded.
      this.#statements.delete(this.#statements.keys().next().value!);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

const BUSY_TIMEOUT_MS = 20;
const MAX_STATEMENTS = 500;

function withBuffers(row: unknown): unknown {
  const record = row as Record<string, unknown>;
  for (const key in record) {
    const value = record[key];
    if (value instanceof ArrayBuffer) record[key] = Buffer.from(value);
  }
  return record;
}
