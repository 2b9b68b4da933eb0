import type { Clock } from '../core/clock.js';
import { OPEN_ATTEMPT_STATUSES } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import { addPending, type MediaStore, removeMedia, type StagedMedia } from '../media/index.js';
import type { AttemptIdentity } from './settle.js';

/** The rows by which generations own stored files until they are settled. `media/references.ts` says what makes it safe. */
interface MediaRowsContext {
  readonly db: Db;
  readonly clock: Clock;
}

export interface PendingMedia {
  readonly accountId: string;
  readonly attempt: AttemptIdentity;
  readonly files: readonly StagedMedia[];
}

/** Adds a `pending` row per distinct file, or finds the one of an earlier try. Returns media id by hash. */
export function insertPendingMedia(context: MediaRowsContext, pending: PendingMedia): Promise<Map<string, string>> {
  const { accountId, attempt, files } = pending;
  return addPending(context, { accountId, attemptId: attempt.attemptId, files });
}

/**
 * Removes `pending` rows whose attempt is closed, and the objects that only they referred to. Returns the number of rows
 * removed. Uploads that no generation came to use are swept by the media room.
 */
export async function sweepPendingMedia(
  context: MediaRowsContext & { readonly media: MediaStore },
  limit: number,
): Promise<number> {
  const { db, clock, media: store } = context;
  const dead = await db.kysely
    .selectFrom('media')
    .leftJoin('attempts', 'attempts.id', 'media.attempt_id')
    .select('media.id as id')
    .where('media.state', '=', 'pending')
    .where('media.attempt_id', 'is not', null)
    .where((eb) => eb.or([eb('attempts.id', 'is', null), eb('attempts.status', 'not in', OPEN_ATTEMPT_STATUSES)]))
    .limit(limit)
    .execute();
  let removed = 0;
  for (const { id } of dead) {
    if ((await removeMedia({ db, clock, store }, id, { state: 'pending' })) === 'removed') removed += 1;
  }
  return removed;
}
