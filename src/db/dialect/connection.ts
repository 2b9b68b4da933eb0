import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import { DatabaseError } from '../errors.js';
import type { ConnectionSource, RawConnection } from './engine.js';
import { checkParameters } from './parameters.js';

/**
 * A connection as Kysely sees it. It gives both databases one behaviour where they differ by nature:
 *
 * - values are checked before they reach a driver (`parameters.ts`);
 * - every failure leaves as a DatabaseError;
 * - a failed statement ends its transaction. PostgreSQL does so by itself, and then answers COMMIT with a silent rollback;
 *   SQLite would go on and commit the rest. Here both refuse to go on, and commit throws what the statement threw;
 * - an error of COMMIT that leaves the outcome open is marked `commitUnknown`.
 */
export class PortableConnection implements DatabaseConnection {
  readonly #source: ConnectionSource;
  readonly #raw: RawConnection;
  #transaction: 'none' | 'open' | 'over' = 'none';
  /** When all statements that were sent have their answers, and a failure is known as one. */
  #answered: Promise<void> = Promise.resolve();
  /** Of the first statement that failed. Those that were on their way behind it failed because of it, and say so. */
  #failed: { readonly error: unknown } | undefined;

  private constructor(source: ConnectionSource, raw: RawConnection) {
    this.#source = source;
    this.#raw = raw;
  }

  static async acquire(source: ConnectionSource): Promise<PortableConnection> {
    try {
      return new PortableConnection(source, await source.acquire());
    } catch (error) {
      throw toDatabaseError(source, error);
    }
  }

  release(): void {
    this.#source.release(this.#raw);
  }

  async begin(): Promise<void> {
    try {
      await this.#raw.begin();
      this.#transaction = 'open';
    } catch (error) {
      throw toDatabaseError(this.#source, error);
    }
  }

  async commit(): Promise<void> {
    await this.#allAnswered();
    this.#assertNotFailed();
    this.#transaction = 'over';
    try {
      await this.#raw.commit();
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
    this.#transaction = 'over';
    await this.#raw.rollback();
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#transaction === 'over') throw new TypeError('A statement was sent after the end of its transaction.');
    this.#assertNotFailed();
    const running = this.#execute<R>(query);
    if (this.#transaction === 'none') return running;
    const before = this.#answered;
    const answered = running.then(
      () => before,
      async (error: unknown) => {
        await before;
        this.#failed ??= { error };
      },
    );
    this.#answered = answered;
    try {
      return await running;
    } catch (error) {
      await answered;
      this.#assertNotFailed();
      throw error;
    }
  }

  /** Also to what is sent meanwhile. */
  async #allAnswered(): Promise<void> {
    for (let awaited: Promise<void> | null = null; awaited !== this.#answered; ) {
      awaited = this.#answered;
      await awaited;
    }
  }

  #assertNotFailed(): void {
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const parameters = checkParameters(query.parameters);
    try {
      return (await this.#raw.execute(query.sql, parameters)) as QueryResult<R>;
    } catch (error) {
      throw toDatabaseError(this.#source, error);
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
