import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { type Belonging, type SessionSettings, Sessions } from '../../src/sessions/index.js';
import { VirtualClock } from '../../src/testing/index.js';

export const MINUTE = 60_000;

export const SETTINGS: SessionSettings & { readonly sweepMs: number } = {
  idleMs: 15 * MINUTE,
  platforms: { kiosk: { idleMs: MINUTE } },
  maxValueBytes: 200,
  maxValues: 5,
  maxTotalBytes: 500,
  maxRecentInputs: 3,
  linkCodeMs: 10 * MINUTE,
  maxCodeAttempts: 3,
  sweepMs: 10_000,
};

export function makeSessions(
  db: Db,
  options: {
    readonly clock?: VirtualClock;
    readonly settings?: Partial<SessionSettings>;
    readonly belongings?: readonly Belonging[];
  } = {},
) {
  const clock = options.clock ?? new VirtualClock();
  const { belongings = [] } = options;
  const settings = { ...SETTINGS, ...options.settings };
  return { clock, sessions: new Sessions({ db, clock, logger: silentLogger, settings, belongings }) };
}

export const ann = { platform: 'telegram', userId: 'ann' };

/** Every row of every table that is about sessions, by table. */
export async function rowsOf(db: Db): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of [
    'sessions',
    'session_values',
    'session_identities',
    'session_preferences',
    'session_events',
    'session_link_codes',
    'session_link_attempts',
  ] as const) {
    const row = await db.kysely
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (row.count > 0) counts[table] = row.count;
  }
  return counts;
}
