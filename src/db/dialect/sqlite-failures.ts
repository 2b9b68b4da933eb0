import { constraintByColumns, type Failure, type FailureKind } from '../errors.js';

/** By primary result code; extended codes (`SQLITE_BUSY_SNAPSHOT`, `SQLITE_IOERR_FSYNC`) fall under their prefix. */
const KINDS: readonly (readonly [prefix: string, kind: FailureKind, hint?: string])[] = [
  ['SQLITE_BUSY', 'conflict'],
  ['SQLITE_LOCKED', 'conflict'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'unique'],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'unique'],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', 'foreign_key'],
  ['SQLITE_CONSTRAINT_NOTNULL', 'not_null'],
  ['SQLITE_CONSTRAINT_CHECK', 'check'],
  ['SQLITE_CONSTRAINT_DATATYPE', 'data'],
  ['SQLITE_MISMATCH', 'data'],
  ['SQLITE_TOOBIG', 'data'],
  ['SQLITE_FULL', 'unavailable', 'The disk is full: make room.'],
  ['SQLITE_READONLY', 'unavailable', 'Give this user write permission for the database file and its folder.'],
  ['SQLITE_NOTADB', 'unavailable', 'The file is not a SQLite database: choose another path.'],
  ['SQLITE_CORRUPT', 'unavailable', 'The database file is damaged: restore a backup.'],
  ['SQLITE_CANTOPEN', 'unavailable'],
  ['SQLITE_IOERR', 'unavailable', 'The disk reported an error: look at the system log.'],
  ['SQLITE_NOMEM', 'unavailable'],
  ['SQLITE_PERM', 'unavailable'],
];

export function classifySqliteError(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'statement' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^no such (table|column)/.test(error.message)) return { kind: 'schema', nativeCode: code };
  const [, kind, hint] = KINDS.find(([prefix]) => code.startsWith(prefix)) ?? ['', 'statement' as const];
  const columns = kind === 'unique' ? /^UNIQUE constraint failed: (.+)$/.exec(error.message)?.[1] : undefined;
  const constraint = columns === undefined ? undefined : constraintByColumns(columns);
  return {
    kind,
    ...(code === '' ? {} : { nativeCode: code }),
    ...(hint === undefined ? {} : { hint }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}
