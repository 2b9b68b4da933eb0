import { GenerationError } from '../../core/errors.js';
import { type Lane, laneName } from '../../core/lanes.js';
import type { GenerationStatus } from '../../core/statuses.js';
import type { DbReader } from '../../db/index.js';
import { aheadOf, MAX_AHEAD } from './ahead.js';
import { readAvoids } from './avoids.js';
import { UNKNOWN_FACTS } from './facts.js';
import { readFacts } from './facts-store.js';
import { type FleetRow, isLive, readFleet, readRefusals, stateOf } from './fleet-view.js';
import { describeRefusal, type Refusal } from './needs.js';
import { type BackendState, type DispatchView, type Hold, holdOf, switchMs, type WaitingJob } from './policy.js';
import { SqlSource, toJob } from './sql-source.js';

/** Why a generation waits, or that it does not. */
export interface Why {
  readonly id: string;
  readonly status: GenerationStatus;
  /** One sentence for people. */
  readonly summary: string;
  /** Only of one that waits. */
  readonly waiting: WhyWaiting | null;
}

export interface WhyWaiting {
  readonly lane: Lane;
  /** Jobs that are due before it, itself not counted; counted up to `MAX_AHEAD`. Affinity may let it go sooner. */
  readonly ahead: number;
  /** Not before then, after a failed try; milliseconds since 1970. */
  readonly backoffUntil: number | null;
  readonly backends: readonly WhyBackend[];
}

export interface WhyBackend {
  readonly backendId: string;
  readonly can: 'now' | 'later' | 'never';
  readonly reason:
    | 'free'
    | 'busy'
    | 'held'
    | 'failed-here'
    | 'draining'
    | 'unowned'
    | 'booting'
    | 'unreachable'
    | 'wrong'
    | 'stalled'
    | Refusal['reason'];
  readonly detail: string;
  /** When that is expected to change, milliseconds since 1970. */
  readonly until: number | null;
}

/** Any account's with null. Throws `not_found`. */
export async function explainWait(db: DbReader, id: string, accountId: string | null, nowMs: number): Promise<Why> {
  let query = db.selectFrom('generations').selectAll().where('id', '=', id);
  if (accountId !== null) query = query.where('account_id', '=', accountId);
  const row = await query.executeTakeFirst();
  if (row === undefined) throw new GenerationError('not_found', `There is no generation ${id}.`);
  if (row.status !== 'queued') return { id, status: row.status, summary: `It is ${row.status}.`, waiting: null };
  const job = toJob(row);
  const waiting: WhyWaiting = {
    lane: laneName(job.lane),
    ahead: await countAhead(db, job),
    backoffUntil: row.available_at > nowMs ? row.available_at : null,
    backends: await explainBackends(db, job, nowMs),
  };
  return { id, status: row.status, summary: summarize(waiting, nowMs), waiting };
}

async function countAhead(db: DbReader, job: WaitingJob): Promise<number> {
  let ahead = 0;
  for (const part of aheadOf(db, job)) {
    const counted = await db
      .selectFrom(part.select('id').as('ahead'))
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirst();
    ahead += counted?.count ?? 0;
  }
  return Math.min(ahead, MAX_AHEAD);
}

async function explainBackends(db: DbReader, job: WaitingJob, nowMs: number): Promise<WhyBackend[]> {
  const fleet = await readFleet(db, nowMs);
  const refusals = await readRefusals(db, job.needsKey);
  const busy = await busyBackends(db);
  const failedOn = (await readAvoids(db)).get(job.id);
  const facts = (await readFacts(db, [job.modelKey])).get(job.modelKey) ?? UNKNOWN_FACTS;
  const counts = await new SqlSource(db, nowMs).countWaiting(job.lane, [job.modelKey]);
  const view: DispatchView = {
    nowMs,
    backends: fleet.filter(isLive).map(stateOf),
    // What is due says nothing about a hold.
    lane: () => ({ v: 0, activeWeight: 1 }),
    facts: () => facts,
    waiting: () => counts.get(job.modelKey) ?? 1,
    canRun: (backendId) => !refusals.has(backendId),
  };
  return fleet.map((row): WhyBackend => {
    const backend = stateOf(row);
    const refusal = refusals.get(row.id);
    if (refusal !== undefined)
      return { backendId: row.id, can: 'never', reason: refusal.reason, detail: describeRefusal(refusal), until: null };
    const later = (reason: WhyBackend['reason'], detail: string, until: number | null = null): WhyBackend => ({
      backendId: row.id,
      can: 'later',
      reason,
      detail,
      until,
    });
    const away = unavailable(row);
    if (away !== null) return later(away.reason, away.detail);
    if (failedOn?.has(row.id)) return later('failed-here', 'it failed this job, and another one is to take it');
    if (busy.has(row.id)) return later('busy', 'it is busy', backend.busyUntil > nowMs ? backend.busyUntil : null);
    const hold = holdOf(backend, job, view);
    if (hold !== null) return later('held', describeHold(hold, backend, facts.loadMs, nowMs), hold.until);
    const costMs = switchMs(backend, job, facts);
    const detail = costMs === 0 ? 'it can run it at once' : `it can run it after ${seconds(costMs)} of loading`;
    return { backendId: row.id, can: 'now', reason: 'free', detail, until: null };
  });
}

function unavailable(row: FleetRow): { readonly reason: WhyBackend['reason']; readonly detail: string } | null {
  if (row.desired !== 'active') return { reason: 'draining', detail: 'it takes no new work' };
  if (!row.isOwned) return { reason: 'unowned', detail: 'no running node looks after it' };
  switch (row.state) {
    case 'ready':
      return null;
    case 'booting':
      return { reason: 'booting', detail: 'nobody has looked at it yet' };
    case 'wrong':
      return { reason: 'wrong', detail: 'what answers there is no ComfyUI that lets us in' };
    case 'stalled':
      return { reason: 'stalled', detail: 'a run there is silent, or does not stop' };
    case 'draining':
      return { reason: 'draining', detail: 'it takes no new work' };
    default:
      return { reason: 'unreachable', detail: 'it cannot be reached' };
  }
}

async function busyBackends(db: DbReader): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('attempts')
    .innerJoin('backends', 'backends.id', 'attempts.backend_id')
    .select('attempts.backend_id as id')
    .distinct()
    .where('backends.desired', '!=', 'gone')
    .where('attempts.status', 'in', ['claimed', 'sent', 'running'])
    .execute();
  return new Set(rows.map((row) => row.id));
}

function describeHold(hold: Hold, backend: BackendState, loadMs: number, nowMs: number): string {
  const load = seconds(loadMs / backend.io);
  const until = hold.until === null ? '' : `, for at most ${seconds(hold.until - nowMs)} more`;
  if (hold.reason === 'burst')
    return `it would have to load the model (${load}), and waits for more jobs of it${until}`;
  const names = hold.copies.join(', ');
  return `it would have to load the model (${load}), which ${names} has and will be free for sooner${until}`;
}

function summarize(waiting: WhyWaiting, nowMs: number): string {
  const { backends, ahead, backoffUntil, lane } = waiting;
  if (backends.length === 0) return 'It waits because there is no backend.';
  const able = backends.filter((backend) => backend.can !== 'never');
  if (able.length === 0) {
    const reasons = backends.map(({ backendId, detail }) => `${backendId}: ${detail}`);
    return `It waits because no backend can run it: ${reasons.join('; ')}.`;
  }
  if (backoffUntil !== null) return `It waits ${seconds(backoffUntil - nowMs)} more before its next try.`;
  const place = `${ahead >= MAX_AHEAD ? `more than ${MAX_AHEAD}` : ahead} ${ahead === 1 ? 'job is' : 'jobs are'} due before it`;
  const now = able.find((backend) => backend.can === 'now');
  if (now !== undefined)
    return `It is about to be taken (${place} in the ${lane} lane and above): ${now.backendId} is free, and ${now.detail}.`;
  const reasons = able.map(({ backendId, detail }) => `${backendId}: ${detail}`);
  return `It waits for a backend (${place}): ${reasons.join('; ')}.`;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}
