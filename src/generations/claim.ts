import type { Clock } from '../core/clock.js';
import { newId } from '../core/ids.js';
import type { Db } from '../db/index.js';
import { fitsKindOf } from './deployments/kinds.js';
import { notAvoiding } from './elsewhere.js';
import type { HeldLease } from './lease.js';
import type { ClaimPolicy } from './seams.js';
import { moveGeneration } from './store.js';
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
  const claim = await db.transaction(async (tx) => {
    const owned = await tx
      .updateTable('backends')
      .set({ updated_at: nowMs, ...policy.publish?.(lease.backendId) })
      .where('id', '=', lease.backendId)
      .where('epoch', '=', lease.epoch)
      .where('owner_node', '=', owner)
      // Somebody who drains it may rely on it from then on, although its runner hears of it a moment later.
      .where('desired', '=', 'active')
      .executeTakeFirst();
    if (owned.numUpdatedRows === 0n) return null;
    for (const generationId of ids) {
      const attemptId = newId();
      const row = await tx
        .selectFrom('generations')
        .select(['attempt_count', 'started_at'])
        .select((eb) => [
          // Attempts that were given back still have a row, so the row number runs ahead of `attempt_count`.
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
        ])
        .where('id', '=', generationId)
        .where('status', '=', 'queued')
        .where(notAvoiding(lease.backendId))
        .where(fitsKindOf(lease.backendId))
        .executeTakeFirst();
      if (row === undefined) continue;
      const number = row.attempt_count + 1;
      const event = await moveGeneration(
        tx,
        generationId,
        {
          from: ['queued'],
          to: 'running',
          event: 'started',
          data: { attemptId, attempt: number, backendId: lease.backendId },
          set: { current_attempt_id: attemptId, attempt_count: number, started_at: row.started_at ?? nowMs },
        },
        nowMs,
      );
      if (event === null) continue;
      // With nothing to upload the POST comes next, and a commit of its own for the mark would tell nothing new.
      const sendsAtOnce = row.firstInput === null;
      await tx
        .insertInto('attempts')
        .values({
          id: attemptId,
          backend_run_id: null,
          generation_id: generationId,
          number: (row.lastNumber ?? 0) + 1,
          backend_id: lease.backendId,
          epoch: lease.epoch,
          node_id: owner,
          status: sendsAtOnce ? 'sent' : 'claimed',
          claimed_at: nowMs,
          sent_at: sendsAtOnce ? nowMs : null,
          confirmed_at: null,
          finished_at: null,
          result: null,
          error: null,
        })
        .execute();
      await policy.claimed?.(tx, { generationId, attemptId, backendId: lease.backendId });
      return { attemptId, generationId, number, event, isMarkedSent: sendsAtOnce };
    }
    return null;
  });
  if (claim !== null) policy.began?.({ ...claim, backendId: lease.backendId });
  return claim;
}
