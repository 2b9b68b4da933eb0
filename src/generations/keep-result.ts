import type { AttemptResult } from '../backends/spec.js';
import type { Clock } from '../core/clock.js';
import type { Db } from '../db/index.js';
import type { AttemptIdentity } from './settle.js';
import { markAttempt, moveGeneration } from './store.js';
import type { DurableEvent } from './types.js';

/**
 * Keeps what the backend said of a finished run before its files are copied, so that a crash in between does not depend on
 * its history. `not-ours`: the attempt is closed, or another node owns it.
 */
export async function keepResult(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  attempt: AttemptIdentity,
  result: AttemptResult,
): Promise<DurableEvent | 'kept-before' | 'not-ours'> {
  const nowMs = clock.now();
  const { attemptId, generationId } = attempt;
  return db.transaction(async (tx) => {
    const marked = await markAttempt(tx, attempt, ['sent', 'running'], 'collecting', {
      result: JSON.stringify(result),
    });
    if (!marked) return 'not-ours';
    const event = await moveGeneration(
      tx,
      generationId,
      {
        from: ['running'],
        to: 'collecting',
        event: 'collecting',
        attemptId,
        data: { attemptId, outputs: result.outputs.length },
      },
      nowMs,
    );
    return event ?? 'kept-before';
  });
}
