import { constraintByName, type Failure, type FailureKind } from '../errors.js';

/** By SQLSTATE, or by its class of two characters. https://www.postgresql.org/docs/15/errcodes-appendix.html */
const KINDS: Readonly<Record<string, readonly [kind: FailureKind, hint?: string]>> = {
  '40': ['conflict'], // serialization failure, deadlock
  '40003': ['connection'], // statement completion unknown
  '55P03': ['conflict'], // lock not available
  '26000': ['connection'], // a prepared statement is gone: something between us and the server changed it
  '08': ['connection'],
  '57P01': ['connection'], // the server is shut down by its administrator
  '57P02': ['connection'], // another process of the server crashed
  '57P03': ['connection'], // the server is starting up
  '57P05': ['connection'], // idle session timeout
  '53300': ['connection'], // too many connections
  '53100': ['unavailable', 'The disk of the database server is full: make room.'],
  '53': ['unavailable'],
  '58': ['unavailable'], // I/O error of the server
  XX: ['unavailable', 'Look into the log of the database server.'],
  '57014': ['unavailable', 'A statement took longer than its limit: look at the load of the database server.'],
  '25006': ['unavailable', 'This is a read-only database server: give the URL of the primary.'],
  '28': ['unavailable', 'Check user and password in the database URL.'],
  '3D000': ['unavailable', 'Create the database, or correct its name in the database URL.'],
  '42501': ['unavailable', 'Give this database user the right to create and change tables in its schema.'],
  '23505': ['unique'],
  '23503': ['foreign_key'],
  '23502': ['not_null'],
  '23514': ['check'],
  '22': ['data'],
  '42P01': ['schema'],
  '42703': ['schema'],
  '3F000': ['schema'],
};

/** What pg and its pool throw without a code. */
const CONNECTION_MESSAGE =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|The server closed)/;
/** The wait for a connection is over. Running again would wait as long once more. */
const ACQUIRE_MESSAGE = /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout)/;

export function classifyPostgresError(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'statement' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) {
    if (ACQUIRE_MESSAGE.test(error.message)) return { kind: 'unavailable' };
    return { kind: CONNECTION_MESSAGE.test(error.message) ? 'connection' : 'statement' };
  }
  // A migration changed a table under a prepared statement. A new connection prepares it anew.
  if (code === '0A000' && error.message.startsWith('cached plan')) return { kind: 'connection', nativeCode: code };
  // Node's own words: ECONNREFUSED, ENOTFOUND, EPIPE, ...
  if (/^(E[A-Z_]+|ERR_[A-Z_]+)$/.test(code)) return { kind: 'connection', nativeCode: code };
  const [kind, hint] = KINDS[code] ?? KINDS[code.slice(0, 2)] ?? ['statement' as const];
  const name = 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : undefined;
  const constraint = kind === 'unique' && name !== undefined ? constraintByName(name) : undefined;
  return {
    kind,
    nativeCode: code,
    ...(hint === undefined ? {} : { hint }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}
