import type { Clock } from '../core/clock.js';
import { type EaselError, type ErrorInfo, GenerationError } from '../core/errors.js';
import type { Db } from '../db/index.js';
import type { QueueBooks } from './dispatch/queue-books.js';
import { avoidFailed, type ElsewhereContext, liftAvoids } from './elsewhere.js';
import { decideRetry, type RetryPolicyOptions, retryRule } from './retry-policy.js';
import type { BillableOutcome, Billing, ClaimPolicy } from './seams.js';
import { type Fence, moveAttempt, moveGeneration, type Writer } from './store.js';
import type { DurableEvent } from './types.js';

/**
 * The ends of an attempt. Whatever noticed the end (socket, poll, recovery, deadline, cancel), it becomes one call here.
 *
 * Each is ONE transaction, guarded by "the attempt is still open and carries my epoch". The first caller wins; for all
 * later ones, and for a node that lost its lease, nothing changes and `null` comes back. No transaction spans a network
 * call: outputs are in the media store before `settleSucceeded` is called.
 */
export interface SettleContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly billing: Billing;
  readonly retry: RetryPolicyOptions;
  readonly capable?: ElsewhereContext['capable'];
  readonly ending?: ClaimPolicy['ending'];
  /** The places in line; a generation that leaves the queue without having run gives its place back. */
  readonly books: Pick<QueueBooks, 'withdraw'>;
}

export interface AttemptIdentity extends Fence {
  readonly generationId: string;
  readonly backendId: string;
}

export interface StoredOutput {
  readonly id: string;
  readonly ordinal: number;
  readonly nodeId: string;
  readonly key: string;
  readonly kind: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly mediaId: string | null;
  readonly text: string | null;
}

export interface Settled {
  readonly event: DurableEvent;
  /** `requeued`: the generation waits for another attempt; everything else is its end. */
  readonly kind: 'succeeded' | 'failed' | 'cancelled' | 'requeued';
}

export async function settleSucceeded(
  context: SettleContext,
  attempt: AttemptIdentity,
  outputs: readonly StoredOutput[],
  runMs: number | null,
): Promise<Settled | null> {
  const nowMs = context.clock.now();
  return context.db.transaction(async (tx) => {
    if (!(await moveAttempt(tx, attempt, ['running', 'collecting'], 'succeeded', { finished_at: nowMs }))) return null;
    if (outputs.length > 0) {
      await tx
        .insertInto('outputs')
        .values(
          outputs.map((output) => ({
            id: output.id,
            generation_id: attempt.generationId,
            attempt_id: attempt.attemptId,
            ordinal: output.ordinal,
            node_id: output.nodeId,
            output_key: output.key,
            kind: output.kind,
            filename: output.filename,
            content_type: output.contentType,
            bytes: output.bytes,
            media_id: output.mediaId,
            text: output.text,
          })),
        )
        .execute();
    }
    // Distinct: outputs of equal content share one stored file.
    const mediaIds = [...new Set(outputs.flatMap((output) => output.mediaId ?? []))];
    if (mediaIds.length > 0) {
      const kept = await tx
        .updateTable('media')
        .set({ state: 'stored', attempt_id: null })
        .where('id', 'in', mediaIds)
        .executeTakeFirst();
      // A sweep that removed a row in between would leave an output without its file.
      if (kept.numUpdatedRows !== BigInt(mediaIds.length)) {
        throw new GenerationError(
          'transition_illegal',
          'An output file was removed while its generation was being settled.',
        );
      }
    }
    const event = await finish(tx, context, attempt, 'succeeded', null, { runMs, outputCount: outputs.length }, nowMs);
    return { event, kind: 'succeeded' };
  });
}

/** Ends a failed attempt: another try if the table of retry rules allows one, else the generation fails. */
export async function settleFailed(
  context: SettleContext,
  attempt: AttemptIdentity,
  error: EaselError,
  /** `never-accepted`: the backend certainly did not run it, so the try is given back. */
  acceptance: 'accepted' | 'never-accepted',
): Promise<Settled | null> {
  const nowMs = context.clock.now();
  return context.db.transaction(async (tx) => {
    const attemptStatus = acceptance === 'never-accepted' || error.code === 'backend_lost_run' ? 'lost' : 'failed';
    const closed = await moveAttempt(tx, attempt, ['claimed', 'sent', 'running', 'collecting'], attemptStatus, {
      finished_at: nowMs,
      error: JSON.stringify(error.toInfo()),
    });
    if (!closed) return null;
    const row = await tx
      .selectFrom('generations')
      .innerJoin('attempts', 'attempts.id', 'generations.current_attempt_id')
      .select([
        'attempt_count',
        'unaccepted_count',
        'max_attempts',
        'queue_deadline_at',
        'backend_pin',
        'attempts.claimed_at as claimed_at',
      ])
      .where('generations.id', '=', attempt.generationId)
      .executeTakeFirstOrThrow();
    const givenBack = acceptance === 'never-accepted';
    const attempts = givenBack ? row.attempt_count - 1 : row.attempt_count;
    const unaccepted = givenBack ? row.unaccepted_count + 1 : 0;
    const decision = decideRetry(
      error,
      // A try that was given back is not spent, but its backoff grows all the same; the queue deadline bounds it.
      givenBack
        ? { attempts: unaccepted, maxAttempts: Number.POSITIVE_INFINITY }
        : { attempts, maxAttempts: row.max_attempts },
      context.retry,
    );
    const poisoned = acceptance === 'accepted' ? await poisonError(tx, context, attempt, error) : null;
    if (!decision.retry || poisoned !== null) {
      const last = poisoned ?? error;
      const event = await finish(tx, context, attempt, 'failed', last, { runMs: null, outputCount: 0 }, nowMs);
      return { event, kind: 'failed' };
    }
    const rule = retryRule(error);
    const isElsewhere =
      rule.retry === 'elsewhere' &&
      (await avoidFailed(
        tx,
        { avoidMs: context.retry.avoidMs, ...(context.capable === undefined ? {} : { capable: context.capable }) },
        {
          generationId: attempt.generationId,
          backendId: attempt.backendId,
          pin: row.backend_pin,
          onLarger: rule.onLarger === true,
        },
        nowMs,
      ));
    // What another backend asked for is no reason to wait; the same one is never tried again at once.
    const delayMs = isElsewhere
      ? Math.min(decision.delayMs, context.retry.baseDelayMs)
      : Math.max(decision.delayMs, Math.ceil(context.retry.baseDelayMs / 2));
    const requeued = await moveGeneration(
      tx,
      attempt.generationId,
      {
        from: ['running', 'collecting'],
        to: 'queued',
        event: 'retrying',
        attemptId: attempt.attemptId,
        unlessCancelRequested: true,
        data: {
          attemptId: attempt.attemptId,
          backendId: attempt.backendId,
          error: error.toInfo(),
          delayMs,
          elsewhere: isElsewhere,
          attemptsSpent: attempts,
          maxAttempts: row.max_attempts,
        },
        set: {
          current_attempt_id: null,
          attempt_count: attempts,
          unaccepted_count: unaccepted,
          available_at: nowMs + delayMs,
          // The queue deadline is about waiting, so the time on the backend does not count.
          queue_deadline_at: givenBack ? row.queue_deadline_at : row.queue_deadline_at + (nowMs - row.claimed_at),
          error: JSON.stringify(error.toInfo()),
        },
      },
      nowMs,
    );
    if (requeued !== null) return { event: requeued, kind: 'requeued' };
    const event = await finish(
      tx,
      context,
      attempt,
      'cancelled',
      cancelledError(),
      { runMs: null, outputCount: 0 },
      nowMs,
    );
    return { event, kind: 'cancelled' };
  });
}

export async function settleCancelled(
  context: SettleContext,
  attempt: AttemptIdentity,
  details: Readonly<Record<string, unknown>>,
): Promise<Settled | null> {
  const nowMs = context.clock.now();
  return context.db.transaction(async (tx) => {
    const closed = await moveAttempt(tx, attempt, ['claimed', 'sent', 'running', 'collecting'], 'cancelled', {
      finished_at: nowMs,
    });
    if (!closed) return null;
    const event = await finish(
      tx,
      context,
      attempt,
      'cancelled',
      cancelledError(details),
      { runMs: null, outputCount: 0 },
      nowMs,
    );
    return { event, kind: 'cancelled' };
  });
}

/** Ends a generation that no attempt is working on: cancelled in the queue, or never taken in time. */
export async function settleQueued(
  context: SettleContext,
  generationId: string,
  to: 'cancelled' | 'expired' | 'failed',
  error: EaselError,
): Promise<DurableEvent | null> {
  const nowMs = context.clock.now();
  return context.db.transaction(async (tx) => {
    const event = await moveGeneration(
      tx,
      generationId,
      {
        from: ['queued'],
        to,
        event: to,
        data: { error: error.toInfo() },
        set: { finished_at: nowMs, error: JSON.stringify(error.toInfo()) },
      },
      nowMs,
    );
    if (event === null) return null;
    const row = await tx.selectFrom('generations').selectAll().where('id', '=', generationId).executeTakeFirstOrThrow();
    if (wasRetried(row)) await liftAvoids(tx, generationId);
    await context.books.withdraw(tx, row);
    await context.billing.settle(
      tx,
      { id: row.id, accountId: row.account_id, workflowName: row.workflow_name, workflowVersion: row.workflow_version },
      { status: to, error: error.toInfo(), runMs: null, outputCount: 0, backendId: null },
    );
    return event;
  });
}

/** Only a generation that was tried before can have notes to stay away from a backend. */
function wasRetried(row: { readonly attempt_count: number; readonly unaccepted_count: number }): boolean {
  return row.attempt_count > 1 || row.unaccepted_count > 0;
}

/** Not null when backends died under this generation so often that another one must not be risked. */
async function poisonError(
  tx: Writer,
  context: SettleContext,
  attempt: AttemptIdentity,
  error: EaselError,
): Promise<GenerationError | null> {
  if (retryRule(error).kills !== true) return null;
  // This one is closed already, and among them. One that was never accepted says nothing about the graph.
  const rows = await tx
    .selectFrom('attempts')
    .select(['backend_id', 'error'])
    .where('generation_id', '=', attempt.generationId)
    .where('status', 'in', ['failed', 'lost'])
    .where('confirmed_at', 'is not', null)
    // Once it has a result the run was over: what failed then was the way of its files.
    .where('result', 'is', null)
    .execute();
  const deaths = rows.filter(
    (row) => row.error !== null && retryRule(JSON.parse(row.error) as ErrorInfo).kills === true,
  );
  if (deaths.length < context.retry.poisonLimit) return null;
  const backends = [...new Set(deaths.map((row) => row.backend_id))];
  return new GenerationError(
    'generation_poisoned',
    `Its backend died ${deaths.length} times while it ran (${backends.join(', ')}); the last time: ${error.message}`,
    { cause: error, details: { deaths: deaths.length, backends, lastError: error.toInfo() } },
  );
}

function cancelledError(details?: Readonly<Record<string, unknown>>): GenerationError {
  return new GenerationError('cancelled', 'The generation was cancelled.', details === undefined ? {} : { details });
}

/** The last step of an ending: status, event and money in the caller's transaction. */
async function finish(
  tx: Writer,
  context: SettleContext,
  attempt: AttemptIdentity,
  status: 'succeeded' | 'failed' | 'cancelled',
  error: EaselError | null,
  facts: { readonly runMs: number | null; readonly outputCount: number },
  nowMs: number,
): Promise<DurableEvent> {
  const info = error?.toInfo() ?? null;
  const event = await moveGeneration(
    tx,
    attempt.generationId,
    {
      from: ['running', 'collecting'],
      to: status,
      event: status,
      attemptId: attempt.attemptId,
      data: {
        attemptId: attempt.attemptId,
        backendId: attempt.backendId,
        ...(info === null ? { outputs: facts.outputCount, runMs: facts.runMs } : { error: info }),
      },
      set: { finished_at: nowMs, error: info === null ? null : JSON.stringify(info) },
    },
    nowMs,
  );
  const row = await tx
    .selectFrom('generations')
    .select(['id', 'account_id', 'workflow_name', 'workflow_version', 'attempt_count', 'unaccepted_count'])
    .select(['lane', 'model_key', 'estimate_ms'])
    .where('id', '=', attempt.generationId)
    .executeTakeFirstOrThrow();
  if (wasRetried(row)) await liftAvoids(tx, row.id);
  const run = { ...attempt, ...row, runMs: facts.runMs, isSuccess: status === 'succeeded' };
  const closeBooks = await context.ending?.(tx, run);
  const outcome: BillableOutcome = { status, error: info, backendId: attempt.backendId, ...facts };
  await context.billing.settle(
    tx,
    { id: row.id, accountId: row.account_id, workflowName: row.workflow_name, workflowVersion: row.workflow_version },
    outcome,
  );
  await closeBooks?.();
  return expectOpen(event, attempt.generationId);
}

/** The attempt was open, so its generation must have been: anything else is a broken invariant, and rolls back. */
function expectOpen(event: DurableEvent | null, generationId: string): DurableEvent {
  if (event === null) {
    throw new GenerationError(
      'transition_illegal',
      `Generation ${generationId} was closed while its attempt was open.`,
    );
  }
  return event;
}
