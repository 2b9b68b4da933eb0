import type { EaselError, ErrorCode } from '../core/errors.js';

/**
 * What the end of an attempt means for its generation, by error code. One table, read by nobody else's logic and printed
 * in docs/reliability.md.
 *
 * - `elsewhere`  the backend or the way to it is at fault: try again, on another backend when one is healthy
 * - `again`      our own side is at fault, whichever backend it was: try again anywhere
 * - `never`      the graph itself is at fault: the same graph fails everywhere, so trying again only wastes a GPU
 *
 * `maxTries` bounds the tries of a single code below the generation's own `maxAttempts`: an out-of-memory run is worth
 * one try on a larger backend, not three on the same. `kills`: the backend died or wedged under the run, which counts
 * towards the poison limit. `onLarger`: prefer a backend with more memory, where one is known. `pastCache`: the next try
 * must not be answered from the same cache.
 */
export interface RetryRule {
  readonly retry: 'elsewhere' | 'again' | 'never';
  readonly maxTries?: number;
  readonly kills?: true;
  readonly onLarger?: true;
  readonly pastCache?: true;
}

const ELSEWHERE: RetryRule = { retry: 'elsewhere' };
const NEVER: RetryRule = { retry: 'never' };

export const RETRY_RULES: Partial<Record<ErrorCode, RetryRule>> = {
  backend_unreachable: { retry: 'elsewhere', kills: true },
  backend_overloaded: ELSEWHERE,
  backend_failed: ELSEWHERE,
  backend_protocol: ELSEWHERE,
  backend_not_comfyui: ELSEWHERE,
  backend_unauthorized: ELSEWHERE,
  backend_lost_run: { retry: 'elsewhere', kills: true },
  backend_interrupted: ELSEWHERE,
  run_timeout: { retry: 'elsewhere', maxTries: 2, kills: true },
  collect_timeout: { retry: 'elsewhere', maxTries: 2 },
  out_of_memory: { retry: 'elsewhere', maxTries: 2, onLarger: true },
  output_unavailable: { retry: 'elsewhere', pastCache: true },
  storage_failed: { retry: 'again' },
  backend_rejected_graph: NEVER,
  backend_node_missing: NEVER,
  backend_model_missing: NEVER,
  node_failed: NEVER,
  outputs_missing: NEVER,
  queue_timeout: NEVER,
  // It may be running there: a second one would cost a second time.
  submit_uncertain: NEVER,
};

/** The rule of a code; codes without one follow whether the error says that it can be tried again. */
export function retryRule(error: Pick<EaselError, 'code' | 'retryable'>): RetryRule {
  return RETRY_RULES[error.code] ?? (error.retryable ? ELSEWHERE : NEVER);
}

export interface RetryDecision {
  readonly retry: boolean;
  /** Not before so many milliseconds from now. */
  readonly delayMs: number;
}

export interface RetryPolicyOptions {
  /** Upper bound of the first pause; it doubles with every try. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** So often may a backend die under one generation. */
  readonly poisonLimit: number;
  /** Longest time that a generation stays away from a backend that failed it, although others are healthy. */
  readonly avoidMs: number;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
}

export const DEFAULT_RETRY: RetryPolicyOptions = {
  baseDelayMs: 500,
  maxDelayMs: 60_000,
  poisonLimit: 3,
  avoidMs: 10 * 60_000,
  random: Math.random,
};

/**
 * Decides on the next try. Backoff is exponential with full jitter (delay uniform in [0, base * 2^(try-1)]), so that
 * jobs that failed together do not come back together; `Retry-After` from the backend is a lower bound.
 */
export function decideRetry(
  error: EaselError,
  spent: { readonly attempts: number; readonly maxAttempts: number },
  options: RetryPolicyOptions,
): RetryDecision {
  const rule = retryRule(error);
  const limit = Math.min(spent.maxAttempts, rule.maxTries ?? Number.POSITIVE_INFINITY);
  if (rule.retry === 'never' || spent.attempts >= limit) return { retry: false, delayMs: 0 };
  const ceilingMs = Math.min(options.maxDelayMs, options.baseDelayMs * 2 ** Math.max(0, spent.attempts - 1));
  return { retry: true, delayMs: Math.round(Math.max(retryAfterMs(error) ?? 0, options.random() * ceilingMs)) };
}

/** How long the backend asked to be left alone, if it did. */
export function retryAfterMs(error: {
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}): number | null {
  const told = error.details?.['retryAfterMs'];
  return typeof told === 'number' && told >= 0 ? told : null;
}
