import { DefaultQueryExecutor, type Dialect, type Driver, Kysely, Transaction } from 'kysely';
import type { Database } from '../schema.js';
import { PortableConnection } from './connection.js';
import type { ConnectionSource, RunTransaction } from './engine.js';

/** What Kysely must know of a database besides how to reach it. */
export type Grammar = Omit<Dialect, 'createDriver'>;

/** For statements outside of transactions, each on a connection of its own. */
export function kyselyOver(source: ConnectionSource, grammar: Grammar): Kysely<Database> {
  return new Kysely<Database>({ dialect: { ...grammar, createDriver: () => new StatementDriver(source) } });
}

/**
 * Runs transactions. Kysely's own send a statement only when the one before it is answered; in these, statements that do not
 * wait for each other's answers are sent together and run in the order in which they were called.
 */
export function transactionsOver(source: ConnectionSource, grammar: Grammar): RunTransaction {
  const driver = new StatementDriver(source);
  const dialect: Dialect = { ...grammar, createDriver: () => driver };
  const compiler = grammar.createQueryCompiler();
  const adapter = grammar.createAdapter();
  return async (work) => {
    const connection = await PortableConnection.acquire(source);
    try {
      await connection.begin();
      try {
        const executor = new DefaultQueryExecutor(compiler, adapter, {
          provideConnection: (consumer) => consumer(connection),
        });
        const result = await work(new Transaction<Database>({ config: { dialect }, dialect, driver, executor }));
        await connection.commit();
        return result;
      } catch (error) {
        await connection.rollback();
        throw error;
      }
    } finally {
      connection.release();
    }
  };
}

class StatementDriver implements Driver {
  readonly #source: ConnectionSource;

  constructor(source: ConnectionSource) {
    this.#source = source;
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<PortableConnection> {
    return PortableConnection.acquire(this.#source);
  }

  async releaseConnection(connection: PortableConnection): Promise<void> {
    connection.release();
  }

  async beginTransaction(): Promise<void> {
    throw new TypeError('Transactions run through Db.transaction.');
  }

  async commitTransaction(): Promise<void> {}

  async rollbackTransaction(): Promise<void> {}

  /** The engine owns the connections and closes them. */
  async destroy(): Promise<void> {}
}
