import { constraintByColumns, type Failure, type FailureKind } from '../errors.js';

/**
 * By SQLite's result code: a constraint by its extended code, anything else by the low byte, which all extended codes of
 * one kind share. Not by libsql's names for them: it has none for many (`UNKNOWN_SQLITE_ERROR_3091`).
 * https://www.sqlite.org/rescode.html
 */
const KINDS: Readonly<Record<number, readonly [kind: FailureKind, hint?: string]>> = {
  3: ['unavailable'], // PERM
  5: ['conflict'], // BUSY
  6: ['conflict'], // LOCKED
  7: ['unavailable'], // NOMEM
  8: ['unavailable', 'Give this user write permission for the database file and its folder.'], // READONLY
  10: ['unavailable', 'The disk reported an error: look at the system log.'], // IOERR
  11: ['unavailable', 'The database file is damaged: restore a backup.'], // CORRUPT
  13: ['unavailable', 'The disk is full: make room.'], // FULL
  14: ['unavailable'], // CANTOPEN
  18: ['data'], // TOOBIG
  20: ['data'], // MISMATCH
  26: ['unavailable', 'The file is not a SQLite database: choose another path.'], // NOTADB
  275: ['check'],
  787: ['foreign_key'],
  1299: ['not_null'],
  1555: ['unique'], // primary key
  2067: ['unique'],
  3091: ['data'], // value of another type than the column's
};

export function classifySqliteError(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'statement' };
  if (/^no such (table|column)/.test(error.message)) return { kind: 'schema' };
  const code = resultCodeOf(error);
  if (code === null) return { kind: 'statement' };
  const [kind, hint] = KINDS[code] ?? KINDS[code & 0xff] ?? ['statement' as const];
  const columns = kind === 'unique' ? /^UNIQUE constraint failed: (.+)$/.exec(error.message)?.[1] : undefined;
  const constraint = columns === undefined ? undefined : constraintByColumns(columns);
  return {
    kind,
    nativeCode: String((error as { readonly code?: unknown }).code ?? code),
    ...(hint === undefined ? {} : { hint }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}

/** Somebody else holds a lock that the statement needs. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && classifySqliteError(error).kind === 'conflict';
}

function resultCodeOf(error: Error): number | null {
  return 'rawCode' in error && typeof error.rawCode === 'number' ? error.rawCode : null;
}
