import type { Db } from '../../db/index.js';
import { aheadOf, MAX_AHEAD } from '../dispatch/ahead.js';
import { readFacts } from '../dispatch/facts-store.js';
import { type FleetRow, isLive, readFleet, readRefusals, stateOf } from '../dispatch/fleet-view.js';

/** Where a generation stands in line, and when it will begin as far as that can be told. */
export interface QueuePosition {
  /** From 1. Places change: who waited longer by work done, or needs a model that is loaded, goes first. */
  readonly position: number;
  /** Generations before it; counted up to 10,000. */
  readonly ahead: number;
  /** Until a backend takes it, in milliseconds; null when no backend that it could run on is there. */
  readonly etaMs: number | null;
  /** What the time is made of: run times that were measured, or in part guesses for models that never ran; `none`: no time. */
  readonly basis: 'learned' | 'assumed' | 'none';
}

/** Null unless it waits. */
export async function readPosition(
  db: Db,
  id: string,
  accountId: string,
  nowMs: number,
): Promise<QueuePosition | null> {
  const { kysely } = db;
  const own = await kysely
    .selectFrom('generations')
    .select(['id', 'lane', 'vstart', 'model_key', 'needs_key', 'available_at', 'backend_pin', 'deployment_id'])
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('status', '=', 'queued')
    .executeTakeFirst();
  if (own === undefined) return null;
  const { vstart } = own;
  const before = vstart === null ? [] : aheadOf(kysely, { id, lane: own.lane, vstart });
  const groups = await Promise.all(
    before.map((query) =>
      kysely
        .selectFrom(query.select(['model_key', 'estimate_ms']).as('ahead'))
        .select((eb) => [
          'model_key as modelKey',
          eb.fn.countAll<number>().as('count'),
          eb.cast<number | null>(eb.fn.sum('estimate_ms'), 'bigint').as('estimateMs'),
        ])
        .groupBy('model_key')
        .execute(),
    ),
  );
  const work = groups.flat();
  const ahead = Math.min(
    MAX_AHEAD,
    work.reduce((sum, group) => sum + group.count, 0),
  );
  const isDeployment = own.deployment_id !== null;
  const refusals = await readRefusals(kysely, own.needs_key ?? '');
  const fleet = (await readFleet(kysely, nowMs)).filter(
    (row) =>
      isLive(row) &&
      !refusals.has(row.id) &&
      (own.backend_pin === null || row.id === own.backend_pin) &&
      (row.kind === 'comfydeploy') === isDeployment,
  );
  const place = { position: ahead + 1, ahead };
  if (fleet.length === 0) return { ...place, etaMs: null, basis: 'none' };
  const { workMs, basis } = await expectedWork(db, work, fleet);
  return { ...place, etaMs: Math.max(startsIn(workMs, fleet, nowMs), own.available_at - nowMs, 0), basis };
}

interface Group {
  readonly modelKey: string;
  readonly count: number;
  readonly estimateMs: number | null;
}

/** Of what is ahead, in milliseconds on a backend of speed 1. A model that nobody holds is loaded once. */
async function expectedWork(
  db: Db,
  groups: readonly Group[],
  fleet: readonly FleetRow[],
): Promise<{ readonly workMs: number; readonly basis: 'learned' | 'assumed' }> {
  if (groups.length === 0) return { workMs: 0, basis: 'learned' };
  const resident = new Set(fleet.flatMap((row) => stateOf(row).resident));
  const models = [...new Set(groups.map((group) => group.modelKey))];
  const facts = await readFacts(db.kysely, models);
  let workMs = 0;
  let isLearned = true;
  for (const { modelKey, count, estimateMs } of groups) {
    const known = facts.get(modelKey);
    if (known === undefined || known.runs === 0) {
      isLearned = false;
      workMs += estimateMs ?? 0;
    } else workMs += count * known.genMs;
  }
  for (const key of models) if (!resident.has(key)) workMs += facts.get(key)?.loadMs ?? 0;
  return { workMs, basis: isLearned ? 'learned' : 'assumed' };
}

/** Every backend works off its own share as soon as it is free; by then so much work is done. */
function startsIn(workMs: number, fleet: readonly FleetRow[], nowMs: number): number {
  const backends = fleet
    .map((row) => stateOf(row))
    .map(({ speed, busyUntil }) => ({ speed, freeIn: Math.max(0, busyUntil - nowMs) }))
    .sort((left, right) => left.freeIn - right.freeIn);
  let speed = 0;
  let doneMs = 0;
  let at = 0;
  for (const backend of backends) {
    if (speed > 0 && doneMs + (backend.freeIn - at) * speed >= workMs) break;
    doneMs += (backend.freeIn - at) * speed;
    at = backend.freeIn;
    speed += backend.speed;
  }
  return Math.round(at + (workMs - doneMs) / speed);
}
