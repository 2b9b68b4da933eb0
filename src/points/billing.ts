import type { Clock } from '../core/clock.js';
import type { DbTransaction } from '../db/index.js';
import type { Graph } from '../graph/types.js';
import { Books } from './books.js';
import type { Estimator, Quote } from './estimate.js';
import { payersOf } from './groups.js';
import { endHold, placeHold, readHold } from './holds.js';
import { chargeFor } from './outcomes.js';
import { checkPerks } from './perks.js';
import type { PointsPolicy } from './policy.js';
import type { Terms } from './prices.js';
import { quantitiesOf } from './quantities.js';
import type { BillingTerms } from './types.js';

interface Accepted {
  readonly id: string;
  readonly accountId: string;
  readonly workflowName: string | null;
  readonly lane: 'interactive' | 'batch';
  readonly graph: Graph;
  readonly billing: BillingTerms;
}

interface Ended {
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'expired';
  readonly error: { readonly code: string } | null;
  readonly runMs: number | null;
  readonly outputCount: number;
  readonly backendId: string | null;
}

/** What the hold keeps of the quote. */
interface StoredQuote {
  readonly terms: Terms;
  readonly outputs: number;
  readonly p50: number;
  readonly p90: number;
}

/**
 * The joint between generations and points: called inside the transactions that accept and that end a generation, so that
 * hold and generation, charge and outcome, are one commit. The hold has the generation's id.
 */
export class PointsBilling {
  readonly #clock: Clock;
  readonly #policy: PointsPolicy;
  readonly #estimator: Estimator;

  constructor(options: { readonly clock: Clock; readonly policy: PointsPolicy; readonly estimator: Estimator }) {
    this.#clock = options.clock;
    this.#policy = options.policy;
    this.#estimator = options.estimator;
  }

  /**
   * Throws `points_insufficient`, `points_budget_exceeded`, `points_plan_limit`, `not_found` (group). What is free runs no
   * statement here, unless plans have limits, which hold for free work too.
   */
  async hold(tx: DbTransaction, generation: Accepted): Promise<void> {
    const priced = this.#estimator.prices.find(generation.workflowName);
    const isFree = priced === null || priced.isFree;
    if (isFree && !this.#policy.hasLimits) return;
    const { accountId: spenderId, billing } = generation;
    const context = billing.context ?? (generation.lane === 'batch' ? 'cook' : 'interactive');
    const payerIds = isFree ? [] : await payersOf(tx, spenderId, billing.groupId ?? null);
    const books = new Books(tx, this.#clock.now(), this.#policy);
    await books.open([spenderId, ...payerIds]);
    const { plan, experience } = books.account(spenderId).row;
    const quantities = quantitiesOf(generation.graph);
    checkPerks(this.#policy.perksOf(plan, experience), quantities);
    const { workflowName } = generation;
    const quote = await this.#estimator.quote(tx, { workflowName, context, experience, quantities });
    if (quote === null || quote.estimate.hold === 0) return;
    await placeHold(books, {
      id: generation.id,
      spenderId,
      payerIds,
      amount: quote.estimate.hold,
      context,
      order: this.#policy.spendingOrder(context),
      budgetKey: billing.budgetKey ?? null,
      runId: billing.runId ?? null,
      generationId: generation.id,
      workflowName: workflowName ?? '',
      quote: stringifyQuote(quote, quantities.outputs),
      // Its generation ends it.
      expiresAt: null,
      topUpHint: this.#policy.settings.topUpHint,
    });
    await books.write();
  }

  async settle(tx: DbTransaction, generation: { readonly id: string }, ended: Ended): Promise<void> {
    const hold = await readHold(tx, generation.id);
    if (hold === undefined || hold.status !== 'open' || hold.quote === null) return;
    const { settings } = this.#policy;
    const { terms, outputs } = JSON.parse(hold.quote) as StoredQuote;
    const books = new Books(tx, this.#clock.now(), this.#policy);
    await books.open([hold.account_id]);
    const backendClass = this.#policy.classOf(ended.backendId);
    const wasStopped = ended.status === 'cancelled' && settings.cancelled === 'run-time';
    const { outcome, amount } = chargeFor(
      {
        status: ended.status,
        errorCode: ended.error?.code ?? null,
        runMs: ended.runMs,
        sinceAcceptedMs: wasStopped ? await this.#sinceAcceptedMs(tx, generation.id) : null,
        outputs: ended.outputCount,
        expectedOutputs: outputs,
        backendClass,
        reachedBackend: ended.backendId !== null,
      },
      terms,
      settings,
    );
    const done = await endHold(books, hold, {
      amount,
      overdraft: settings.overdraft,
      order: this.#policy.spendingOrder(hold.context),
      backendClass,
      note: { outcome, price: amount },
      ...(ended.status === 'succeeded' && ended.runMs !== null ? { runMs: Math.round(ended.runMs) } : {}),
    });
    if (done !== null) await books.write();
  }

  async #sinceAcceptedMs(tx: DbTransaction, generationId: string): Promise<number | null> {
    const attempt = await tx
      .selectFrom('attempts')
      .select('confirmed_at')
      .where('generation_id', '=', generationId)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst();
    const acceptedAt = attempt?.confirmed_at ?? null;
    return acceptedAt === null ? null : Math.max(0, this.#clock.now() - acceptedAt);
  }
}

function stringifyQuote({ terms, estimate: { p50, p90 } }: Quote, outputs: number): string {
  return JSON.stringify({ terms, outputs, p50, p90 } satisfies StoredQuote);
}
