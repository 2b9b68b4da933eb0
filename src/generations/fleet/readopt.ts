import type { Db } from '../../db/index.js';
import type { AttemptsTable } from '../../db/schema.js';
import type { HeldLease } from '../lease.js';
import { moveGeneration } from '../store.js';
import type { DurableEvent } from '../types.js';

/**
 * A prompt of ours that the backend has although its attempt was closed: its node vanished, it was given up, and then the
 * backend turned out to have it after all.
 *
 * If the generation waits for another try, that try is here already: the attempt is opened again, the only place where one
 * is, and followed. Otherwise (it runs elsewhere, or has ended) nobody wants the run, and it should be stopped.
 */
export type ClosedAttempt = Pick<AttemptsTable, 'id' | 'generation_id' | 'backend_id' | 'status' | 'error'>;

/** Which of these prompts are closed attempts of ours on this backend. Prompts of others are not among them. */
export async function closedAttempts(
  db: Db,
  backendId: string,
  promptIds: readonly string[],
): Promise<ClosedAttempt[]> {
  if (promptIds.length === 0) return [];
  return db.kysely
    .selectFrom('attempts')
    .select(['id', 'generation_id', 'backend_id', 'status', 'error'])
    .where('id', 'in', promptIds)
    .where('backend_id', '=', backendId)
    .where('status', 'in', ['failed', 'lost', 'cancelled', 'succeeded'])
    .execute();
}

/** Opens it again when its generation waits. Null when nobody waits for it. */
export async function reopenAttempt(
  db: Db,
  lease: HeldLease,
  owner: string,
  attempt: ClosedAttempt,
  nowMs: number,
): Promise<DurableEvent | null> {
  if (attempt.status !== 'failed' && attempt.status !== 'lost') return null;
  return db.transaction(async (tx) => {
    const owned = await tx
      .updateTable('backends')
      .set({ updated_at: nowMs })
      .where('id', '=', lease.backendId)
      .where('epoch', '=', lease.epoch)
      .executeTakeFirst();
    if (owned.numUpdatedRows === 0n) return null;
    const generation = await tx
      .selectFrom('generations')
      .select(['attempt_count', 'cancel_requested_at', 'started_at'])
      .where('id', '=', attempt.generation_id)
      .where('status', '=', 'queued')
      .executeTakeFirst();
    if (generation === undefined || generation.cancel_requested_at !== null) return null;
    // A try that counted as never accepted was given back; it was accepted after all.
    const wasSpent = attempt.status === 'failed' || codeOf(attempt) === 'backend_lost_run';
    const event = await moveGeneration(
      tx,
      attempt.generation_id,
      {
        from: ['queued'],
        to: 'running',
        event: 'started',
        data: {
          attemptId: attempt.id,
          attempt: generation.attempt_count + (wasSpent ? 0 : 1),
          backendId: lease.backendId,
          readopted: true,
        },
        set: {
          current_attempt_id: attempt.id,
          attempt_count: generation.attempt_count + (wasSpent ? 0 : 1),
          started_at: generation.started_at ?? nowMs,
        },
      },
      nowMs,
    );
    if (event === null) return null;
    await tx
      .updateTable('attempts')
      .set({
        status: 'running',
        epoch: lease.epoch,
        node_id: owner,
        confirmed_at: nowMs,
        finished_at: null,
        result: null,
        error: null,
      })
      .where('id', '=', attempt.id)
      .execute();
    return event;
  });
}

function codeOf(attempt: ClosedAttempt): string | null {
  return attempt.error === null ? null : (JSON.parse(attempt.error) as { readonly code: string }).code;
}
