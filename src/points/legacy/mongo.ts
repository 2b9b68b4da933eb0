import { type MongoCollection, readMongoCollection } from '../../db/index.js';
import { type LegacyUser, parseLegacyDocuments } from './documents.js';

/**
 * Reads the collection (`users_economy` unless told) from a live database; see `readMongoCollection`. Throws `usage_invalid`
 * without the driver, `database_unavailable`.
 */
export async function readLegacyFromMongo(
  url: string,
  options: Partial<Omit<MongoCollection, 'url'>> = {},
): Promise<LegacyUser[]> {
  const lines: string[] = [];
  // Through the same text as an export, so that there is one reader of numbers.
  for await (const line of readMongoCollection({ collection: 'users_economy', ...options, url })) lines.push(line);
  return parseLegacyDocuments(lines.join('\n'));
}
