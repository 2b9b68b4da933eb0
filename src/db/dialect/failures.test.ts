import { describe, expect, test } from 'vitest';
import { DatabaseError } from '../errors.js';
import { classifyPostgresError } from './postgres-failures.js';
import { classifySqliteError } from './sqlite-failures.js';

const sqlite = (rawCode: number, message = 'x') =>
  classifySqliteError(Object.assign(new Error(message), { rawCode, code: `C${rawCode}` }));
const postgres = (code: string | undefined, message = 'x') =>
  classifyPostgresError(Object.assign(new Error(message), code === undefined ? {} : { code }));

describe('what SQLite says', () => {
  test.each([
    [5, 'conflict'],
    [261, 'conflict'], // BUSY_RECOVERY
    [517, 'conflict'], // BUSY_SNAPSHOT
    [262, 'conflict'], // LOCKED_SHAREDCACHE
    [8, 'unavailable'],
    [1032, 'unavailable'], // READONLY_DBMOVED
    [1034, 'unavailable'], // IOERR_FSYNC
    [13, 'unavailable'],
    [11, 'unavailable'],
    [26, 'unavailable'],
    [787, 'foreign_key'],
    [1299, 'not_null'],
    [275, 'check'],
    [3091, 'data'],
    [1, 'statement'],
    [21, 'statement'], // MISUSE
  ])('result code %s means %s', (code, kind) => {
    expect(sqlite(code).kind).toBe(kind);
  });

  test('unique violations name our constraint', () => {
    expect(sqlite(1555, 'UNIQUE constraint failed: media.id')).toMatchObject({
      kind: 'unique',
      constraint: 'media_pkey',
    });
    expect(sqlite(2067, 'UNIQUE constraint failed: generations.account_id, generations.idempotency_key')).toMatchObject(
      {
        constraint: 'generations_idempotency_key',
      },
    );
    expect(sqlite(2067, 'UNIQUE constraint failed: other.id')).not.toHaveProperty('constraint');
  });

  test('a missing table is the schema’s fault, and what is no error of SQLite is ours', () => {
    expect(sqlite(1, 'no such table: media').kind).toBe('schema');
    expect(classifySqliteError(new TypeError('x')).kind).toBe('statement');
    expect(classifySqliteError('x').kind).toBe('statement');
  });
});

describe('what PostgreSQL says', () => {
  test.each([
    ['40001', 'conflict'],
    ['40P01', 'conflict'],
    ['55P03', 'conflict'],
    ['08006', 'connection'],
    ['57P01', 'connection'],
    ['57P03', 'connection'],
    ['53300', 'connection'],
    ['40003', 'connection'],
    ['ECONNRESET', 'connection'],
    ['ENOTFOUND', 'connection'],
    ['53100', 'unavailable'],
    ['57014', 'unavailable'],
    ['25006', 'unavailable'],
    ['28P01', 'unavailable'],
    ['3D000', 'unavailable'],
    ['42501', 'unavailable'],
    ['23505', 'unique'],
    ['23503', 'foreign_key'],
    ['23502', 'not_null'],
    ['23514', 'check'],
    ['22021', 'data'],
    ['42P01', 'schema'],
    ['42601', 'statement'],
    ['25P02', 'statement'],
  ])('%s means %s', (code, kind) => {
    expect(postgres(code).kind).toBe(kind);
  });

  test.each([
    ['Connection terminated unexpectedly', 'connection'],
    ['Client has encountered a connection error and is not queryable', 'connection'],
    ['Query read timeout', 'connection'],
    ['timeout exceeded when trying to connect', 'unavailable'],
    ['Connection terminated due to connection timeout', 'unavailable'],
    ['Connection string is empty', 'statement'],
  ])('the driver’s "%s" means %s', (message, kind) => {
    expect(postgres(undefined, message).kind).toBe(kind);
  });
});

describe('which failures run again by themselves', () => {
  test('conflicts and lost connections, as long as the outcome of COMMIT is known', () => {
    const kinds = ['conflict', 'connection', 'unavailable', 'unique', 'data', 'schema', 'closed', 'statement'] as const;
    expect(kinds.filter((kind) => new DatabaseError({ kind }, 'x').canRerun)).toEqual(['conflict', 'connection']);
    expect(new DatabaseError({ kind: 'connection' }, 'x', { commitUnknown: true }).canRerun).toBe(false);
  });
});
