import { EaselError, StorageError } from '../../core/errors.js';
import { type LegacyUser, parseLegacyDocuments } from './documents.js';

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

/**
 * Reads the collection from a live database. The driver is not among Easel's dependencies: whoever wants this installs
 * `mongodb` beside it. Only reads. Throws `usage_invalid` without the driver, `database_unavailable`.
 */
export async function readLegacyFromMongo(
  url: string,
  options: {
    readonly database?: string;
    readonly collection?: string;
    /** For tests: the driver. */
    readonly load?: () => Promise<unknown>;
  } = {},
): Promise<LegacyUser[]> {
  const { MongoClient, BSON } = await loadDriver(options.load ?? importDriver);
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000, readPreference: 'secondaryPreferred' });
  const lines: string[] = [];
  try {
    await client.connect();
    const documents = client
      .db(options.database)
      .collection(options.collection ?? 'users_economy')
      .find();
    // Through the same text as an export, so that there is one reader of numbers.
    for await (const document of documents) lines.push(BSON.EJSON.stringify(document, { relaxed: false }));
  } catch (error) {
    // The driver's message may hold the URL with its password.
    throw new StorageError('database_unavailable', 'The MongoDB database cannot be read.', { cause: error });
  } finally {
    await client.close();
  }
  return parseLegacyDocuments(lines.join('\n'));
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
      hint: 'Install it beside Easel (npm install mongodb), or import a file written by mongoexport.',
      cause: error,
    });
  }
}
