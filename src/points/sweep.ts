import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { isGenerationTerminal } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { Ledger } from './ledger.js';

export interface SweepReport {
  /** Accounts whose lapsed credit was taken out. */
  readonly expired: number;
  /** Holds released: overdue, or left behind by a generation that is over. */
  readonly released: number;
}

interface SweepOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ledger: Ledger;
}

/** Accounts locked at once; everybody who wants one of them waits for all. */
const ACCOUNTS_PER_TRANSACTION = 20;
const PAGE = 500;

/**
 * Tidies what nobody touches: whoever uses an account finds its lapsed credit gone anyway. Also ends holds that nothing else
 * will end; those of generations only when the generation is over, which happens when points were turned off in between.
 */
export async function sweepPoints(options: SweepOptions): Promise<SweepReport> {
  return { expired: await expireLots(options), released: await releaseHolds(options) };
}

async function expireLots({ db, clock, ledger }: SweepOptions): Promise<number> {
  const rows = await db.kysely
    .selectFrom('point_lots')
    .select('account_id')
    .distinct()
    .where('remaining', '>', 0)
    .where('expires_at', '<=', clock.now())
    .limit(PAGE)
    .execute();
  const ids = rows.map((row) => row.account_id);
  for (let start = 0; start < ids.length; start += ACCOUNTS_PER_TRANSACTION) {
    await ledger.expire(ids.slice(start, start + ACCOUNTS_PER_TRANSACTION));
  }
  return ids.length;
}

async function releaseHolds({ db, clock, ledger }: SweepOptions): Promise<number> {
  const overdue = await db.kysely
    .selectFrom('point_holds')
    .select('id')
    .where('status', '=', 'open')
    .where('expires_at', '<=', clock.now())
    .limit(PAGE)
    .execute();
  const ids = [...overdue.map(({ id }) => id), ...(await orphans(db))];
  let released = 0;
  for (const holdId of ids) {
    try {
      await ledger.release({ holdId, idempotencyKey: 'easel:sweep' });
      released += 1;
    } catch (error) {
      // Somebody ended it in between, which is just as well.
      if (!(error instanceof EaselError) || error.code !== 'points_hold_ended') throw error;
    }
  }
  return released;
}

/** Open holds of generations that are over. */
async function orphans(db: Db): Promise<string[]> {
  const found: string[] = [];
  let cursor = '';
  for (;;) {
    const rows = await db.kysely
      .selectFrom('point_holds')
      .leftJoin('generations', 'generations.id', 'point_holds.generation_id')
      .select(['point_holds.id', 'point_holds.generation_id', 'generations.status'])
      .where('point_holds.status', '=', 'open')
      .where('point_holds.id', '>', cursor)
      .orderBy('point_holds.id')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      if (row.generation_id === null) continue;
      if (row.status === null || isGenerationTerminal(row.status)) found.push(row.id);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return found;
    cursor = last.id;
  }
}
