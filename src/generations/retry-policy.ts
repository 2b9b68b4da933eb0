import type { EaselError, ErrorCode } from '../core/errors.js';

/**
 * What the end of an attempt means for its generation, by error code. One table, read by nobody else's logic.
 *
 * - `elsewhere`  the backend or the way to it is at fault: try again, on another backend when there is one
 * - `never`      the graph itself is at fault: the same graph fails everywhere, so trying again only wastes a GPU
 *
 * `maxTries` bounds the tries of a single code below the generation's own `maxAttempts`: an out-of-memory run is worth
 * one try on a larger backend, not three on the same.
 */
interface RetryRule {
  readonly retry: 'elsewhere' | 'never';
  readonly maxTries?: number;
}

const ELSEWHERE: RetryRule = { retry: 'elsewhere' };
const NEVER: RetryRule = { retry: 'never' };

const RETRY_RULES: Partial<Record<ErrorCode, RetryRule>> = {
  backend_unreachable: ELSEWHERE,
  backend_overloaded: ELSEWHERE,
  backend_failed: ELSEWHERE,
  backend_protocol: ELSEWHERE,
  backend_lost_run: ELSEWHERE,
  backend_interrupted: ELSEWHERE,
  output_unavailable: ELSEWHERE,
  run_timeout: { retry: 'elsewhere', maxTries: 2 },
  collect_timeout: { retry: 'elsewhere', maxTries: 2 },
  out_of_memory: { retry: 'elsewhere', maxTries: 2 },
  backend_not_comfyui: ELSEWHERE,
  backend_unauthorized: ELSEWHERE,
  storage_failed: ELSEWHERE,
  backend_rejected_graph: NEVER,
  backend_node_missing: NEVER,
  backend_model_missing: NEVER,
  node_failed: NEVER,
  outputs_missing: NEVER,
  queue_timeout: NEVER,
};

export interface RetryDecision {
  readonly retry: boolean;
  /** Not before so many milliseconds from now. */
  readonly delayMs: number;
}

export interface RetryPolicyOptions {
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
}

export const DEFAULT_RETRY: RetryPolicyOptions = { baseDelayMs: 500, maxDelayMs: 60_000, random: Math.random };

/**
 * Decides on the next try. Backoff is exponential with full jitter (delay uniform in [0, base * 2^(try-1)]), so that
 * jobs that failed together do not come back together; `Retry-After` from the backend is a lower bound.
 */
export function decideRetry(
  error: EaselError,
  spent: { readonly attempts: number; readonly maxAttempts: number },
  options: RetryPolicyOptions,
): RetryDecision {
  const rule = RETRY_RULES[error.code] ?? (error.retryable ? ELSEWHERE : NEVER);
  const limit = Math.min(spent.maxAttempts, rule.maxTries ?? Number.POSITIVE_INFINITY);
  if (rule.retry === 'never' || spent.attempts >= limit) return { retry: false, delayMs: 0 };
  const ceilingMs = Math.min(options.maxDelayMs, options.baseDelayMs * 2 ** Math.max(0, spent.attempts - 1));
  const retryAfterMs = typeof error.details?.['retryAfterMs'] === 'number' ? error.details['retryAfterMs'] : 0;
  return { retry: true, delayMs: Math.round(Math.max(retryAfterMs, options.random() * ceilingMs)) };
}
