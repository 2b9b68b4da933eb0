import type { ExpressionBuilder } from 'kysely';
import type { Clock } from '../core/clock.js';
import { newId } from '../core/ids.js';
import { type Db, prepared } from '../db/index.js';
import type { Database } from '../db/schema.js';
import { fitsKind } from './deployments/kinds.js';
import { notAvoiding } from './elsewhere.js';
import type { HeldLease } from './lease.js';
import type { ClaimPolicy } from './seams.js';
import { insertEvent, updateStatus, type Writer } from './store.js';
import type { DurableEvent } from './types.js';

export interface Claim {
  readonly attemptId: string;
  readonly generationId: string;
  readonly number: number;
  readonly event: DurableEvent;
  /** The mark `sent` is part of the claim; else it is to be made once the inputs are uploaded. */
  readonly isMarkedSent: boolean;
}

export interface ClaimContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: ClaimPolicy;
}

/**
 * Takes the best waiting generation for a backend and stores the attempt in the same transaction, before anything is
 * sent: a process that dies right after still leaves the id under which the backend may know the run.
 *
 * The backend's row is touched first, which locks it and proves the lease; then candidates are tried in order until one
 * guarded update hits. Null when nothing waits, or the lease is gone.
 */
export async function claimNext(context: ClaimContext, lease: HeldLease, owner: string): Promise<Claim | null> {
  const { db, clock, policy } = context;
  const nowMs = clock.now();
  // Looked up outside the write transaction: an idle fleet must not queue up for the write lock once a second.
  const ids = await policy.candidates(db.kysely, { id: lease.backendId }, nowMs);
  if (ids.length === 0) return null;
  const work = async (tx: Writer): Promise<Claim | null> => {
    const { dispatch = null } = policy.publish?.(lease.backendId) ?? {};
    const holder = { backendId: lease.backendId, epoch: lease.epoch, owner, nowMs };
    const touching = touch.affected(tx, { ...holder, dispatch });
    for (const generationId of ids) {
      const attemptId = newId();
      // Sent together, and so in one round trip: a claim proves the lease once more by itself.
      const [owned, row] = await Promise.all([touching, take.first(tx, { ...holder, generationId, attemptId })]);
      // Rolled back and not just left: the backend may have become ours between the two statements, each of which sees what is
      // committed at its own moment, and then the second one has taken what nobody would run.
      if (owned === 0) throw new NotOurs();
      if (row === undefined) continue;
      const data = { attemptId, attempt: row.attempt_count, backendId: lease.backendId };
      const started = { generationId, seq: row.event_seq, at: nowMs, type: 'started' as const, data };
      // With nothing to upload the POST comes next, and a commit of its own for the mark would tell nothing new.
      const sendsAtOnce = row.firstInput === null;
      const [event] = await Promise.all([
        insertEvent(tx, started, row.isFollowed),
        insertAttempt.affected(tx, {
          ...holder,
          generationId,
          attemptId,
          // Attempts that were given back still have a row, so the row number runs ahead of `attempt_count`.
          number: (row.lastNumber ?? 0) + 1,
          status: sendsAtOnce ? 'sent' : 'claimed',
          sentAt: sendsAtOnce ? nowMs : null,
        }),
        policy.claimed?.(tx, { generationId, attemptId, backendId: lease.backendId }),
      ]);
      return { attemptId, generationId, number: row.attempt_count, event, isMarkedSent: sendsAtOnce };
    }
    return null;
  };
  const claim = await db.transaction(work).catch((error: unknown) => {
    if (error instanceof NotOurs) return null;
    throw error;
  });
  if (claim !== null) policy.began?.({ ...claim, backendId: lease.backendId });
  return claim;
}

/** Nobody claims for this backend now: the lease is gone, or it is being drained. */
class NotOurs extends Error {}

interface Holder {
  readonly backendId: string;
  readonly epoch: number;
  readonly owner: string;
  readonly nowMs: number;
}

interface Taken extends Holder {
  readonly generationId: string;
  readonly attemptId: string;
}

/** The lease, and that nobody drains the backend: whoever does may rely on it at once, although its runner hears of it later. */
function owns({ backendId, epoch, owner }: Holder) {
  return (eb: ExpressionBuilder<Database, 'backends'>) =>
    eb.and([
      eb('backends.id', '=', backendId),
      eb('backends.epoch', '=', epoch),
      eb('backends.owner_node', '=', owner),
      eb('backends.desired', '=', 'active'),
    ]);
}

const touch = prepared((db, values: Holder & { readonly dispatch: string | null }) =>
  db
    .updateTable('backends')
    .set((eb) => ({ updated_at: values.nowMs, dispatch: eb.fn.coalesce(eb.val(values.dispatch), 'dispatch') }))
    .where(owns(values)),
);

/** The guarded update; no row when this backend may not have the generation, or not any more. */
const take = prepared((db, values: Taken) => {
  const { generationId, attemptId, backendId, nowMs } = values;
  return updateStatus(
    db,
    generationId,
    { from: ['queued'], to: 'running', event: 'started', set: { current_attempt_id: attemptId } },
    nowMs,
  )
    .set((eb) => ({
      attempt_count: eb('attempt_count', '+', 1),
      started_at: eb.fn.coalesce('started_at', eb.val(nowMs)),
    }))
    .where((eb) => eb.exists(eb.selectFrom('backends').select('backends.id').where(owns(values)).where(fitsKind)))
    .where(notAvoiding(backendId))
    .returning((eb) => [
      'attempt_count',
      eb
        .selectFrom('attempts')
        .select((inner) => inner.fn.max('number').as('last'))
        .whereRef('attempts.generation_id', '=', 'generations.id')
        .as('lastNumber'),
      eb
        .selectFrom('generation_inputs')
        .select('media_id')
        .whereRef('generation_inputs.generation_id', '=', 'generations.id')
        .limit(1)
        .as('firstInput'),
    ]);
});

interface Begun extends Taken {
  readonly number: number;
  readonly status: 'claimed' | 'sent';
  readonly sentAt: number | null;
}

const insertAttempt = prepared((db, values: Begun) =>
  db.insertInto('attempts').values({
    id: values.attemptId,
    backend_run_id: null,
    generation_id: values.generationId,
    number: values.number,
    backend_id: values.backendId,
    epoch: values.epoch,
    node_id: values.owner,
    status: values.status,
    claimed_at: values.nowMs,
    sent_at: values.sentAt,
    confirmed_at: null,
    finished_at: null,
    result: null,
    error: null,
  }),
);
