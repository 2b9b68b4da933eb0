import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionContext } from './context.js';
import { EVENTS_KEPT_MS, insertEvents } from './events.js';
import type { SessionSweepReport } from './types.js';

/** Rows of one transaction: some milliseconds, in which nobody else can write on SQLite. */
const BATCH = 50;

/**
 * Deletes what has expired: sessions with their values, codes, counts of wrong codes, old events. In small batches by index,
 * with a turn of the event loop between, so that requests pass. Several nodes may sweep at once.
 */
export async function sweepSessions(context: SessionContext, signal?: AbortSignal): Promise<SessionSweepReport> {
  const { db, clock, feed, settings } = context;
  let expired = 0;
  while (signal?.aborted !== true) {
    const due = await db.kysely
      .selectFrom('sessions')
      .innerJoin('session_identities as identity', 'identity.id', 'sessions.identity_id')
      .selectAll('sessions')
      .select(['identity.platform', 'identity.user_id', 'identity.account_id'])
      .where('sessions.expires_at', '<=', clock.now())
      .orderBy('sessions.expires_at')
      .orderBy('sessions.id')
      .limit(BATCH)
      .execute();
    if (due.length === 0) break;
    const gone = await db.transaction(async (tx) => {
      const nowMs = clock.now();
      const rows = await tx
        .deleteFrom('sessions')
        .where(
          'id',
          'in',
          due.map((row) => row.id),
        )
        // Touched in between.
        .where('expires_at', '<=', nowMs)
        .returning(['id', 'revision', 'touched_at'])
        .execute();
      const events = rows.flatMap((row) => {
        const before = due.find(({ id }) => id === row.id);
        return before === undefined ? [] : [{ ...before, ...row, revision: row.revision + 1 }];
      });
      await insertEvents(tx, 'expired', events, nowMs);
      return rows.length;
    });
    expired += gone;
    if (gone > 0) feed.publish();
    // None of them: another node was faster, or they were touched; in either case there is nothing to hurry for.
    if (due.length < BATCH || gone === 0) break;
    await nextTurn();
  }
  await sweepEvents(context, signal);
  const nowMs = clock.now();
  await db.transaction(async (tx) => {
    await tx.deleteFrom('session_link_codes').where('expires_at', '<=', nowMs).execute();
    await tx
      .deleteFrom('session_link_attempts')
      .where('since', '<=', nowMs - settings.linkCodeMs)
      .execute();
  });
  return { expired };
}

async function sweepEvents({ db, clock }: SessionContext, signal: AbortSignal | undefined): Promise<void> {
  while (signal?.aborted !== true) {
    const old = await db.kysely
      .selectFrom('session_events')
      .select(['session_id', 'seq', 'at'])
      .where('at', '<', clock.now() - EVENTS_KEPT_MS)
      .orderBy('at')
      .orderBy('session_id')
      .orderBy('seq')
      .limit(BATCH * 4)
      .execute();
    const last = old.at(-1);
    if (last === undefined) return;
    await db.transaction((tx) =>
      tx
        .deleteFrom('session_events')
        .where('at', '<=', last.at)
        .where('at', '<', clock.now() - EVENTS_KEPT_MS)
        .where(
          'session_id',
          'in',
          old.map((row) => row.session_id),
        )
        .execute(),
    );
    await nextTurn();
  }
}
