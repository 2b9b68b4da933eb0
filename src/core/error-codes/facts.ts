export interface ErrorFacts {
  /** Can the same request succeed later without being changed? */
  readonly retryable: boolean;
  readonly httpStatus: number;
  readonly exitCode: number;
  /** One sentence that says what happened, in general. */
  readonly summary: string;
  /** The way out, used when the place that raises the error knows nothing better. */
  readonly hint: string;
}

export const facts = (
  retryable: boolean,
  httpStatus: number,
  exitCode: number,
  summary: string,
  hint: string,
): ErrorFacts => ({
  retryable,
  httpStatus,
  exitCode,
  summary,
  hint,
});
