import type { Clock } from '../core/clock.js';
import type { DbReader } from '../db/index.js';
import { DEFAULT_CLASS, type PointsPolicy } from './policy.js';
import { dearestClass, multiplierPpm, Prices, priceOf, type Terms } from './prices.js';
import type { Quantities } from './quantities.js';

export interface Estimate {
  /** Half of the runs will cost at most this. Micro-points. */
  readonly p50: number;
  /** Nine of ten. */
  readonly p90: number;
  /** What is set aside at submit: p90 times the margin. */
  readonly hold: number;
  /** How many earlier runs it rests on; 0 where time has no price. */
  readonly samples: number;
  /** What to know about it, for people; null when there is nothing. */
  readonly note: string | null;
}

export interface QuoteRequest {
  readonly workflowName: string | null;
  readonly context: string;
  /** Of the spender, in micro-points: says the tier. */
  readonly experience: number;
  readonly quantities: Quantities;
}

export interface Quote {
  readonly terms: Terms;
  readonly estimate: Estimate;
}

interface Sample {
  readonly backendClass: string;
  readonly runMs: number;
}

const FEWEST_SAMPLES = 5;
const MOST_SAMPLES = 100;
const CACHE_MS = 30_000;
const CACHE_ENTRIES = 1000;

/** Says beforehand what work will cost, from the price rule and the newest runs of the same workflow. */
export class Estimator {
  readonly #clock: Clock;
  readonly #policy: PointsPolicy;
  readonly prices: Prices;
  readonly #history = new Map<string, { readonly readAt: number; readonly samples: readonly Sample[] }>();

  constructor(clock: Clock, policy: PointsPolicy) {
    this.#clock = clock;
    this.#policy = policy;
    this.prices = new Prices(policy);
  }

  /** Null when the work is free; then nothing is read. */
  async quote(db: DbReader, request: QuoteRequest): Promise<Quote | null> {
    const priced = this.prices.find(request.workflowName);
    if (priced === null || priced.isFree) return null;
    const { settings } = this.#policy;
    const context = Object.hasOwn(priced.contexts, request.context) ? (priced.contexts[request.context] ?? 1) : 1;
    const tier = this.#policy.tierOf(request.experience)?.multiplier ?? 1;
    const { pixels, outputs } = request.quantities;
    const terms = { rule: priced.rule, multiplierPpm: multiplierPpm(context, tier), pixels };
    const notes: string[] = [];
    if (priced.rule.perMegapixel > 0 && pixels === 0) {
      notes.push('The size is not in the graph, so megapixels are not counted.');
    }
    let samples: readonly Sample[] = [{ backendClass: DEFAULT_CLASS, runMs: 0 }];
    let known = 0;
    if (priced.pricesTime) {
      samples = await this.#samplesOf(db, request.workflowName ?? '');
      known = samples.length;
      if (known < FEWEST_SAMPLES) {
        notes.push(`Cold start: ${known} earlier runs, so ${priced.coldStartMs / 1000} s of run time are assumed.`);
        samples = [...samples, { backendClass: dearestClass(priced.rule), runMs: priced.coldStartMs }];
      }
    }
    const prices = samples.map((sample) => priceOf(terms, { ...sample, outputs })).sort((a, b) => a - b);
    const [p50, p90] = known < FEWEST_SAMPLES ? [prices.at(-1) ?? 0, prices.at(-1) ?? 0] : quantiles(prices);
    const hold = Math.ceil(p90 * settings.margin);
    return { terms, estimate: { p50, p90, hold, samples: known, note: notes.length === 0 ? null : notes.join(' ') } };
  }

  /** Reads through the caller's connection: another one could be waited for by everybody who holds one. */
  async #samplesOf(db: DbReader, workflowName: string): Promise<readonly Sample[]> {
    const nowMs = this.#clock.now();
    const cached = this.#history.get(workflowName);
    if (cached !== undefined && Math.abs(nowMs - cached.readAt) < CACHE_MS) return cached.samples;
    const rows = await db
      .selectFrom('point_holds')
      .select(['backend_class', 'run_ms'])
      .where('workflow_name', '=', workflowName)
      .where('run_ms', 'is not', null)
      .orderBy('ended_at', 'desc')
      .limit(MOST_SAMPLES)
      .execute();
    const samples = rows.map((row) => ({ backendClass: row.backend_class ?? DEFAULT_CLASS, runMs: row.run_ms ?? 0 }));
    if (this.#history.size >= CACHE_ENTRIES) this.#history.delete(this.#history.keys().next().value ?? '');
    this.#history.set(workflowName, { readAt: nowMs, samples });
    return samples;
  }
}

/** Nearest rank. */
function quantiles(sorted: readonly number[]): [number, number] {
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return [at(0.5), at(0.9)];
}
