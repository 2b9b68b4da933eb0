import { type EaselErrorOptions, type ErrorCode, StorageError } from '../core/errors.js';
import { UNIQUE_CONSTRAINTS, type UniqueConstraint } from './constraints.js';

/**
 * What a failed statement means, the same words for both databases. `dialect/*-failures.ts` translate the codes of each
 * into them, and this table says which error the caller sees and whether the transaction may run again by itself.
 *
 * - conflict     somebody else was in the way (deadlock, lock, serialization); rolled back, so running again is safe
 * - connection   the connection broke or could not be made; before COMMIT nothing has happened, so running again is safe
 * - unavailable  the database cannot work now (disk full, damaged file, wrong password); running again changes nothing
 * - unique, foreign_key, not_null, check   a constraint refused the row; the caller decides
 * - schema       a table or column does not exist: not migrated, or not an Easel database
 * - data         a value that the database cannot hold
 * - closed       this node has closed its database
 * - statement    anything else: a fault in Easel
 */
export type FailureKind =
  | 'conflict'
  | 'connection'
  | 'unavailable'
  | 'unique'
  | 'foreign_key'
  | 'not_null'
  | 'check'
  | 'schema'
  | 'data'
  | 'closed'
  | 'statement';

interface FailureFacts {
  readonly code: ErrorCode;
  /** May one whole transaction run again without asking the caller? */
  readonly rerun: boolean;
}

const FAILURE_FACTS: Readonly<Record<FailureKind, FailureFacts>> = {
  conflict: { code: 'database_conflict', rerun: true },
  connection: { code: 'database_unavailable', rerun: true },
  unavailable: { code: 'database_unavailable', rerun: false },
  unique: { code: 'internal', rerun: false },
  foreign_key: { code: 'internal', rerun: false },
  not_null: { code: 'internal', rerun: false },
  check: { code: 'internal', rerun: false },
  schema: { code: 'database_schema', rerun: false },
  data: { code: 'request_invalid', rerun: false },
  closed: { code: 'shutting_down', rerun: false },
  statement: { code: 'internal', rerun: false },
};

/** What a dialect knows of one failure. */
export interface Failure {
  readonly kind: FailureKind;
  /** SQLSTATE, SQLite result code or errno name, for the log. */
  readonly nativeCode?: string;
  /** For unique violations, when the constraint is one of ours. */
  readonly constraint?: UniqueConstraint;
  readonly message?: string;
  readonly hint?: string;
}

export interface DatabaseErrorOptions extends EaselErrorOptions {
  /** True when the connection was lost during COMMIT: the transaction may or may not have happened. */
  readonly commitUnknown?: boolean;
}

/** Every failure of a database, with the driver's own error as `cause`. */
export class DatabaseError extends StorageError {
  readonly kind: FailureKind;
  readonly constraint: UniqueConstraint | undefined;
  /**
   * The answer to COMMIT was lost. Never run the transaction again blindly: read first whether it happened (by its id or
   * idempotency key).
   */
  readonly commitUnknown: boolean;

  constructor(failure: Failure, message: string, options: DatabaseErrorOptions = {}) {
    const { commitUnknown = false, details, ...rest } = options;
    super(FAILURE_FACTS[failure.kind].code, failure.message ?? message, {
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      ...(commitUnknown
        ? { hint: 'The transaction may have happened. Read the state before trying again.', retryable: false }
        : {}),
      ...rest,
      details: {
        ...(failure.nativeCode === undefined ? {} : { databaseCode: failure.nativeCode }),
        ...(failure.constraint === undefined ? {} : { constraint: failure.constraint }),
        ...(commitUnknown ? { commit: 'unknown' } : {}),
        ...details,
      },
    });
    this.kind = failure.kind;
    this.constraint = failure.constraint;
    this.commitUnknown = commitUnknown;
  }

  /** For callers of work that finds what it did before. */
  ofRepeatable(): DatabaseError {
    return new DatabaseError({ kind: this.kind }, this.message, {
      commitUnknown: true,
      hint: 'Nobody knows whether it was done: ask for the same again, under the same key.',
      retryable: true,
      ...(this.details === undefined ? {} : { details: this.details }),
      cause: this,
    });
  }

  /** The whole transaction may be run again: it certainly left no trace. */
  get canRerun(): boolean {
    return FAILURE_FACTS[this.kind].rerun && !this.commitUnknown;
  }
}

/**
 * Did this error come from a unique constraint (of this name, when given)? Looks through `cause`, so a wrapped error is
 * recognised too. On both databases the transaction is over by then: catch it outside, or insert with
 * `onConflict((c) => c.doNothing())` and look at the number of rows.
 */
export function isUniqueViolation(error: unknown, constraint?: UniqueConstraint): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof DatabaseError && current.kind === 'unique') {
      return constraint === undefined || current.constraint === constraint;
    }
  }
  return false;
}

/** Finds our constraint by what SQLite names: the table and the columns, in the order of the index. */
export function constraintByColumns(columns: string): UniqueConstraint | undefined {
  return (Object.keys(UNIQUE_CONSTRAINTS) as UniqueConstraint[]).find((name) => {
    const { table, columns: names } = UNIQUE_CONSTRAINTS[name];
    return names.map((column) => `${table}.${column}`).join(', ') === columns;
  });
}

/** Finds our constraint by its own name, which is what PostgreSQL tells. */
export function constraintByName(name: string): UniqueConstraint | undefined {
  return Object.hasOwn(UNIQUE_CONSTRAINTS, name) ? (name as UniqueConstraint) : undefined;
}
