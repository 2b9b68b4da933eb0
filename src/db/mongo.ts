import { EaselError, StorageError } from '../core/errors.js';

/**
 * The one way to a MongoDB: what came before Easel kept its data there, and is only read. The driver is not among Easel's
 * dependencies: whoever wants this installs `mongodb` beside it.
 */
export interface MongoCollection {
  /** May hold a password, so it is in no message. */
  readonly url: string;
  /** That of the URL unless given. */
  readonly database?: string;
  readonly collection: string;
  /** Ends the reading; what it throws then is the reason of the signal. */
  readonly signal?: AbortSignal;
  /** For tests: the driver. */
  readonly load?: () => Promise<unknown>;
}

/** The part of the `mongodb` package that is used. */
interface MongoDriver {
  readonly MongoClient: new (
    url: string,
    options: object,
  ) => {
    connect(): Promise<unknown>;
    db(name?: string): { collection(name: string): { find(): AsyncIterable<unknown> } };
    close(): Promise<void>;
  };
  readonly BSON: { readonly EJSON: { stringify(document: unknown, options: { readonly relaxed: boolean }): string } };
}

/** A server that accepts and then says nothing ends the reading, and so does one that is not there. */
const TIMEOUTS = { serverSelectionTimeoutMS: 10_000, connectTimeoutMS: 10_000, socketTimeoutMS: 30_000 };

/**
 * Every document as one line of canonical extended JSON, as `mongoexport` writes it. Throws `usage_invalid` without the
 * driver, `database_unavailable`.
 */
export async function* readMongoCollection(options: MongoCollection): AsyncGenerator<string, void> {
  const { url, database, collection, signal } = options;
  const { MongoClient, BSON } = await loadDriver(options.load ?? importDriver);
  signal?.throwIfAborted();
  let client: InstanceType<MongoDriver['MongoClient']> | null = null;
  const onAbort = () => void client?.close().catch(() => {});
  try {
    client = new MongoClient(url, { ...TIMEOUTS, maxPoolSize: 1, readPreference: 'secondaryPreferred' });
    signal?.addEventListener('abort', onAbort, { once: true });
    await client.connect();
    for await (const document of client.db(database).collection(collection).find()) {
      yield BSON.EJSON.stringify(document, { relaxed: false });
    }
  } catch (error) {
    signal?.throwIfAborted();
    // The driver's message may hold the URL with its password.
    throw new StorageError('database_unavailable', 'The MongoDB database cannot be read.', { cause: error });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await client?.close().catch(() => {});
  }
}

/** The name is not written as a literal, because the package is not there at build time. */
function importDriver(): Promise<unknown> {
  const name = 'mongodb';
  return import(name);
}

async function loadDriver(load: () => Promise<unknown>): Promise<MongoDriver> {
  try {
    return (await load()) as MongoDriver;
  } catch (error) {
    throw new EaselError('usage_invalid', 'The package "mongodb" is not installed.', {
      hint: 'Install it beside Easel (npm install mongodb).',
      cause: error,
    });
  }
}
