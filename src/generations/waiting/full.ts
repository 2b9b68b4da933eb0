import { EaselError } from '../../core/errors.js';
import type { Db } from '../../db/index.js';
import { readPosition } from './position.js';

const SHORTEST_S = 1;
const LONGEST_S = 600;
/** When nothing is known: somebody looks again soon, and not all the time. */
const UNKNOWN_S = 10;

/** The refusal of a full waiting room, with what moves next and when to come back. Any other error as it is. */
export async function explainFull(db: Db, error: unknown, accountId: string, nowMs: number): Promise<unknown> {
  if (!(error instanceof EaselError) || error.code !== 'waiting_room_full') return error;
  const first = await db.kysely
    .selectFrom('generations')
    .select('id')
    .where('account_id', '=', accountId)
    .where('finished_at', 'is', null)
    .where('status', '=', 'queued')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  const place = first === undefined ? null : await readPosition(db, first.id, accountId, nowMs);
  const etaMs = place?.etaMs ?? null;
  const seconds = etaMs === null ? UNKNOWN_S : Math.ceil(etaMs / 1000);
  return new EaselError(error.code, error.message, {
    details: {
      ...error.details,
      oldest: first === undefined || place === null ? null : { id: first.id, position: place.position, etaMs },
      retryAfterSeconds: Math.min(LONGEST_S, Math.max(SHORTEST_S, seconds)),
    },
  });
}
