import { EaselError, ERROR_CATALOGUE, toEaselError } from '../core/errors.js';
import { publicError, toWire } from '../core/wire.js';

export const PROBLEM_TYPE = 'application/problem+json';

/** One thing that is wrong with a request. One of the three places is given; inputs of workflows tell more (`InputProblem`). */
export interface Fault {
  readonly detail: string;
  /** Within the body, as a JSON pointer in fragment form: `#/limits/run_ms`. */
  readonly pointer?: string;
  /** In the query. */
  readonly parameter?: string;
  readonly header?: string;
}

/** An error as RFC 9457 has it, with members of our own: code, hint, retryable, request_id, and often errors or details. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly request_id: string;
  readonly errors?: readonly Fault[];
  readonly details?: unknown;
}

/** A request that does not have the expected shape. */
export function requestInvalid(detail: string, faults: readonly Fault[] = [], hint?: string): EaselError {
  return new EaselError('request_invalid', detail, {
    ...(faults.length === 0 ? {} : { details: { errors: faults } }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** `status` only where HTTP itself has a narrower one than the catalogue. */
export function toProblem(error: EaselError, requestId: string, status = error.httpStatus): Problem {
  const { code, message, hint, retryable, details } = publicError(error.toInfo());
  const { errors, ...rest } = (details ?? {}) as { readonly errors?: readonly Fault[] };
  return {
    type: `/v1/errors/${code}`,
    title: ERROR_CATALOGUE[code].summary,
    status,
    detail: message,
    code,
    hint,
    retryable,
    request_id: requestId,
    ...(errors === undefined ? {} : { errors }),
    ...(Object.keys(rest).length === 0 ? {} : { details: toWire(rest) }),
  };
}

/** What the framework raises by itself, by its own codes. */
const FRAMEWORK_CODES = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
} as const;

/** Anything thrown in a route, as an error of the catalogue. What is not known becomes `internal`. */
export function toHttpError(thrown: unknown): EaselError {
  if (thrown instanceof EaselError || !(thrown instanceof Error)) return toEaselError(thrown);
  const { code, statusCode } = thrown as Error & { readonly code?: unknown; readonly statusCode?: unknown };
  if (typeof code === 'string' && Object.hasOwn(FRAMEWORK_CODES, code)) {
    const known = FRAMEWORK_CODES[code as keyof typeof FRAMEWORK_CODES];
    return new EaselError(known, ERROR_CATALOGUE[known].summary, { cause: thrown });
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new EaselError('request_invalid', 'The request cannot be read.', { cause: thrown });
  }
  return toEaselError(thrown);
}
