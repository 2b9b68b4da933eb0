import { priceOf, type Terms, timePriceOf } from './prices.js';

/**
 * What each end of a generation costs, in one place: `docs/points.md` shows this table, and `chargeFor` follows it.
 *
 * The rule behind it: people pay for what they got. What went wrong on our side, including every try that was repeated, is
 * ours to pay; so only the last attempt's time counts, and only when it succeeded.
 */
export const OUTCOMES = {
  succeeded: {
    when: 'It succeeds',
    charge: 'The price: flat + time of the attempt that succeeded + outputs + megapixels, at least the minimum.',
    hold: 'Captured up to the price; the rest returns. Never more than the hold, unless `points.overdraft` is on.',
  },
  partial: {
    when: 'It succeeds with fewer outputs than expected',
    charge: 'The price, with the outputs and megapixels that are there. The minimum applies.',
    hold: 'Captured in part.',
  },
  failed: {
    when: 'It fails: refused graph, exception of a node, out of memory, no outputs, attempts used up',
    charge: 'Nothing.',
    hold: 'Released.',
  },
  timed_out: {
    when: 'It runs into a time limit: run, silence or collecting outputs',
    charge: 'Nothing, although the backend has worked: it cannot be told whose fault it was.',
    hold: 'Released.',
  },
  expired: { when: 'No backend took it before its queue deadline', charge: 'Nothing.', hold: 'Released.' },
  cancelled_waiting: { when: 'It is cancelled while it waits', charge: 'Nothing.', hold: 'Released.' },
  cancelled_running: {
    when: 'It is cancelled while it runs',
    charge:
      'Nothing (`points.cancelled: "free"`), or the time since its backend accepted it (`"run-time"`), without flat price, outputs and minimum.',
    hold: 'Released, or captured in part.',
  },
} as const;

/** Cases that are no end of a generation, for the same table. */
export const OTHER_CASES = [
  [
    'The backend had everything in its cache',
    'The price, with the time that it took: next to none. Flat, outputs and minimum apply.',
    'Captured in part.',
  ],
  ['An attempt is repeated (lost run, unreachable backend, restart)', 'Nothing for the earlier attempts.', 'Kept.'],
  ['A cancel loses the race against success', 'As a success.', 'Captured.'],
  [
    'The same idempotency key is submitted again',
    'Nothing: it is the same generation.',
    'The first one stays the only one.',
  ],
  ['`retry` or `rerun` makes a new generation', 'Its own price.', 'Its own hold.'],
  [
    'The process is killed',
    'Whatever the end turns out to be.',
    'Kept until then: hold and generation are one commit.',
  ],
  ['A generation ended while points were turned off', 'Nothing.', 'Released by the next sweep.'],
] as const;

export type OutcomeName = keyof typeof OUTCOMES;

export interface EndedWork {
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'expired';
  readonly errorCode: string | null;
  /** Of the last attempt, when it succeeded. */
  readonly runMs: number | null;
  /** Since the backend accepted the last attempt, when it was cancelled. */
  readonly sinceAcceptedMs: number | null;
  readonly outputs: number;
  readonly expectedOutputs: number;
  readonly backendClass: string;
  /** Did a backend have it? */
  readonly reachedBackend: boolean;
}

export interface Charge {
  readonly outcome: OutcomeName;
  /** Micro-points; 0 releases the hold. */
  readonly amount: number;
}

export function chargeFor(work: EndedWork, terms: Terms, options: { readonly cancelled: 'free' | 'run-time' }): Charge {
  const outcome = nameOf(work);
  const usage = { runMs: work.runMs ?? 0, outputs: work.outputs, backendClass: work.backendClass };
  switch (outcome) {
    case 'succeeded':
    case 'partial':
      return { outcome, amount: priceOf(terms, usage) };
    case 'cancelled_running': {
      if (options.cancelled === 'free') return { outcome, amount: 0 };
      return { outcome, amount: timePriceOf(terms, { ...usage, runMs: work.sinceAcceptedMs ?? 0 }) };
    }
    default:
      return { outcome, amount: 0 };
  }
}

const TIME_LIMITS: readonly (string | null)[] = ['run_timeout', 'collect_timeout'];

function nameOf(work: EndedWork): OutcomeName {
  switch (work.status) {
    case 'succeeded':
      return work.outputs < work.expectedOutputs ? 'partial' : 'succeeded';
    case 'failed':
      return TIME_LIMITS.includes(work.errorCode) ? 'timed_out' : 'failed';
    case 'cancelled':
      return work.reachedBackend ? 'cancelled_running' : 'cancelled_waiting';
    case 'expired':
      return 'expired';
  }
}
