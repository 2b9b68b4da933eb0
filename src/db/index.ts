export type { ChangeFeed } from './changes.js';
export { UNIQUE_CONSTRAINTS, type UniqueConstraint } from './constraints.js';
export {
  Db,
  type DbReader,
  type DbTransaction,
  type OpenDatabaseOptions,
  openDatabase,
  type TransactionOptions,
} from './database.js';
export { type AnyRow, isTableEmpty, readTable, writeRows } from './dump.js';
export { DatabaseError, type FailureKind, isUniqueViolation } from './errors.js';
export { type MigrationReport, migrate, SCHEMA_VERSION } from './migrate.js';
export { type MongoCollection, readMongoCollection } from './mongo.js';
export { prepared, preparedFor } from './prepared.js';
export type { Database, GenerationsTable } from './schema.js';
export { SharedSecret } from './shared-secret.js';
