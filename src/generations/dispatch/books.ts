/**
 * Fair queuing by virtual time, one account of work per lane. All values are whole milliseconds of work, so that both
 * databases keep them exactly.
 *
 *   enqueue   vstart = max(vfinish of the account, v of the lane); vfinish = vstart + estimate / weight
 *   claim     v grows by estimate / active weight
 *   settle    the error of the estimate is put right: vfinish by d / weight, v by d / active weight
 *   withdraw  cancelled or expired while waiting: the account gets its estimate back
 *
 * A job keeps its vstart for life, so a lost one returns to the front. An account that was away starts at v and not
 * where it left off: idleness earns nothing, and nobody can save up the right to crowd others out.
 */
export interface Tags {
  readonly vstart: number;
  readonly vfinish: number;
}

export function enqueueTags(vfinish: number, v: number, estimateMs: number, weight: number): Tags {
  const vstart = Math.max(vfinish, v);
  return { vstart, vfinish: vstart + shareOf(estimateMs, weight) };
}

/** Of an account, per unit of its weight; of a lane, per unit of the active weight. */
export function shareOf(workMs: number, weight: number): number {
  return Math.round(workMs / weight);
}

/** At least 1, so that virtual time never stands still however many accounts share the fleet. */
export function advanceOf(estimateMs: number, activeWeight: number): number {
  return Math.max(1, shareOf(estimateMs, activeWeight));
}
