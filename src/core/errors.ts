import { ERROR_CATALOGUE } from './error-catalogue.js';

export { ERROR_CATALOGUE };

/** Every error that Easel raises on purpose is an `EaselError` with a stable `code` of the catalogue. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface EaselErrorOptions {
  /** A way out that fits this very case; the catalogue's hint otherwise. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Machine-readable facts: node id, input name, limits. Never secrets. Must survive JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Overrides the catalogue, for the rare case that knows better. */
  readonly retryable?: boolean;
}

/** The JSON form of an error, as stored with a generation and sent over HTTP. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export class EaselError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: EaselErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CATALOGUE[code].retryable;
    this.hint = options.hint ?? ERROR_CATALOGUE[code].hint;
    this.details = options.details;
  }

  get httpStatus(): number {
    return ERROR_CATALOGUE[this.code].httpStatus;
  }

  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exitCode;
  }

  toInfo(): ErrorInfo {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      retryable: this.retryable,
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }
}

/** Wrong settings: unknown key, unusable value, missing value. */
export class ConfigError extends EaselError {}
/** The file or graph that the caller gave is at fault. */
export class GraphError extends EaselError {}
/** A backend, or the way to it, is at fault. */
export class BackendError extends EaselError {}
/** The generation's life cycle does not allow what was asked. */
export class GenerationError extends EaselError {}
/** The workflow, its manifest, or the values for its inputs are at fault. */
export class WorkflowError extends EaselError {}
/** Points are short, or the ledger does not allow what was asked. */
export class PointsError extends EaselError {}
/** The database or a file store is at fault. */
export class StorageError extends EaselError {}

/** Turns anything thrown into an EaselError; what is not ours becomes `internal` with the original as cause. */
export function toEaselError(thrown: unknown): EaselError {
  if (thrown instanceof EaselError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new EaselError('internal', message, { cause: thrown });
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, value);
}
