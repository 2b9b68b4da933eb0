import type { DbReader } from '../../db/index.js';

/** So many are counted, and no more. */
export const MAX_AHEAD = 10_000;

/**
 * What is due before a waiting job: in its lane whatever has a lower virtual start, and before batch work all interactive
 * work. One query for each part. Affinity may let a job go sooner.
 */
export function aheadOf(db: DbReader, job: { readonly id: string; readonly lane: number; readonly vstart: number }) {
  const { id, lane, vstart } = job;
  const inLane = (number: number) =>
    db
      .selectFrom('generations')
      .where('status', '=', 'queued')
      .where('lane', '=', number)
      .where('vstart', 'is not', null)
      .limit(MAX_AHEAD);
  const before = inLane(lane)
    .where('vstart', '<=', vstart)
    .where((eb) => eb.or([eb('vstart', '<', vstart), eb('id', '<', id)]));
  return lane === 0 ? [before] : [before, inLane(0)];
}
