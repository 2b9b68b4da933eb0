/** What was wrong with one field of a request. */
export interface FieldError {
  readonly detail: string;
  /** Where in the body, as a JSON pointer. */
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
  /** Of a workflow, where one of its inputs is meant. */
  readonly input?: string;
  /** Names or choices that look like what was given. */
  readonly nearest?: readonly string[];
}

interface Problem {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly retryable?: unknown;
  readonly request_id?: unknown;
  readonly errors?: unknown;
  readonly details?: unknown;
}

/** A request that Easel refused or could not answer, or a generation that did not succeed. */
export class EaselApiError extends Error {
  /** Stable; docs/errors.md explains each. `network` when there was no answer. */
  readonly code: string;
  /** The way out. */
  readonly hint: string;
  /** May the same request succeed later? The client has tried a few times already. */
  readonly retryable: boolean;
  /** Of the answer; 0 when there was none. */
  readonly status: number;
  /** To find the request in the log of the server. */
  readonly requestId: string | null;
  readonly fieldErrors: readonly FieldError[];
  readonly details: unknown;

  constructor(
    message: string,
    options: {
      readonly code: string;
      readonly status: number;
      readonly hint?: string;
      readonly retryable?: boolean;
      readonly requestId?: string | null;
      readonly fieldErrors?: readonly FieldError[];
      readonly details?: unknown;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EaselApiError';
    this.code = options.code;
    this.status = options.status;
    this.hint = options.hint ?? '';
    this.retryable = options.retryable ?? false;
    this.requestId = options.requestId ?? null;
    this.fieldErrors = options.fieldErrors ?? [];
    this.details = options.details;
  }

  /** From an answer that is no success. Something between us and Easel may have written it, so nothing of it is believed. */
  static async from(response: Response): Promise<EaselApiError> {
    const text = await response.text().catch(() => '');
    const problem = parseProblem(text);
    const message = typeof problem.detail === 'string' ? problem.detail : `The server answered ${response.status}.`;
    return new EaselApiError(message, {
      code: typeof problem.code === 'string' ? problem.code : 'http_error',
      status: response.status,
      hint: typeof problem.hint === 'string' ? problem.hint : '',
      retryable: typeof problem.retryable === 'boolean' ? problem.retryable : response.status >= 500,
      requestId: typeof problem.request_id === 'string' ? problem.request_id : null,
      fieldErrors: Array.isArray(problem.errors) ? (problem.errors as FieldError[]) : [],
      details: problem.details,
    });
  }
}

function parseProblem(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
