import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { DatabaseError } from '../errors.js';
import type { ConnectionSource, RawConnection } from './engine.js';
import { checkParameters } from './parameters.js';

/**
 * The Kysely driver of both databases. It gives them one behaviour where they differ by nature:
 *
 * - values are checked before they reach a driver (`parameters.ts`);
 * - every failure leaves as a DatabaseError;
 * - a failed statement ends its transaction. PostgreSQL does so by itself, and then answers COMMIT with a silent rollback;
 *   SQLite would go on and commit the rest. Here both refuse to go on, and commit throws what the statement threw;
 * - an error of COMMIT that leaves the outcome open is marked `commitUnknown`.
 */
export class PortableDriver implements Driver {
  readonly #source: ConnectionSource;
  readonly #mode: 'read' | 'write';

  constructor(source: ConnectionSource, mode: 'read' | 'write') {
    this.#source = source;
    this.#mode = mode;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PortableConnection> {
    try {
      return new PortableConnection(this.#source, await this.#source.acquire());
    } catch (error) {
      throw toDatabaseError(this.#source, error);
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#source.release((connection as PortableConnection).raw);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#mode === 'read') throw new TypeError('Transactions run through Db.transaction.');
    await (connection as PortableConnection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PortableConnection).commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PortableConnection).rollback();
  }

  /** The engine owns the connections and closes them. */
  async destroy(): Promise<void> {}
}

class PortableConnection implements DatabaseConnection {
  readonly raw: RawConnection;
  readonly #source: ConnectionSource;
  #inTransaction = false;
  #failed: DatabaseError | undefined;

  constructor(source: ConnectionSource, raw: RawConnection) {
    this.#source = source;
    this.raw = raw;
  }

  async begin(): Promise<void> {
    try {
      await this.raw.begin();
      this.#inTransaction = true;
    } catch (error) {
      throw toDatabaseError(this.#source, error);
    }
  }

  async commit(): Promise<void> {
    if (this.#failed) throw this.#failed;
    try {
      await this.raw.commit();
      this.#inTransaction = false;
    } catch (error) {
      // The source knows that COMMIT was never sent.
      if (error instanceof DatabaseError) throw error;
      const failure = this.#source.classify(error);
      // A conflict is the database's own word that it rolled back. Anything else may have come after the commit record.
      const commitUnknown = failure.kind !== 'conflict';
      throw new DatabaseError(failure, `COMMIT failed: ${messageOf(error)}`, { cause: error, commitUnknown });
    }
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
    await this.raw.rollback();
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#failed) throw this.#failed;
    const parameters = checkParameters(query.parameters);
    try {
      return (await this.raw.execute(query.sql, parameters)) as QueryResult<R>;
    } catch (error) {
      const failed = toDatabaseError(this.#source, error);
      if (this.#inTransaction) this.#failed = failed;
      throw failed;
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator.
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new TypeError('Streaming is not portable; page by index.');
  }
}

export function toDatabaseError(source: ConnectionSource, error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  return new DatabaseError(source.classify(error), messageOf(error), { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
