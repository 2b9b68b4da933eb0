import { type BackendState, DUE_WINDOW, type LaneNumber, LORA_LOOKAHEAD, type WaitingJob } from './policy.js';

/**
 * The few waiting jobs that policy B looks at for one backend and lane:
 *
 * - the head (lowest vstart) of each model that the backend holds, and of the active model the head with its LoRA set
 * - the best of each model among the jobs that are due first (lowest vstart) and that the backend can run
 *
 * Each is a small read by index, whatever waits. A read may find only jobs that this backend cannot run; only then the
 * heads are looked up by what they need, for the needs that it meets.
 */
export interface CandidateSource {
  /** The `limit` lowest vstart of a lane, in order. */
  due(lane: LaneNumber, limit: number): Promise<readonly WaitingJob[]>;
  /** For each model the `limit` lowest vstart, in order. */
  heads(lane: LaneNumber, modelKeys: readonly string[], limit: number): Promise<readonly WaitingJob[]>;
  /** The lowest vstart with this LoRA set among the first `lookahead` of the model. */
  headsWithLora(lane: LaneNumber, modelKey: string, loraKey: string, lookahead: number): Promise<readonly WaitingJob[]>;
  /** The sets of needs for which something waits, with the lowest vstart of each, which may be a second old. */
  waitingNeeds(lane: LaneNumber): Promise<readonly WaitingNeeds[]>;
  /** The lowest vstart of each set of needs. */
  headsOfNeeds(lane: LaneNumber, needsKeys: readonly string[]): Promise<readonly WaitingJob[]>;
}

export interface WaitingNeeds {
  readonly needsKey: string;
  readonly modelKey: string;
  readonly vstart: number;
}

/** More than one, so that a job which the backend cannot run, or that was just taken, does not hide the next. */
const HEADS = 4;

/** Of a job, or of all that share its needs (then without an id). */
export type CanRun = (backendId: string, job: { readonly needsKey: string; readonly id?: string }) => boolean;

/** The first read, which needs nothing but the backend: heads of the models that it holds. */
export async function readHeld(
  source: CandidateSource,
  backend: BackendState,
  lane: LaneNumber,
): Promise<readonly WaitingJob[]> {
  return backend.resident.length === 0 ? [] : source.heads(lane, backend.resident, HEADS);
}

/** `due` is the window of the lane (`DUE_WINDOW` jobs), which all backends of a round share; `held` is from `readHeld`. */
export async function findCandidates(
  source: CandidateSource,
  backend: BackendState,
  lane: LaneNumber,
  { due, held }: { readonly due: readonly WaitingJob[]; readonly held: readonly WaitingJob[] },
  canRun: CanRun,
): Promise<WaitingJob[]> {
  if (due.length === 0) return [];
  const runs = (job: { readonly needsKey: string; readonly id?: string }) => canRun(backend.id, job);
  const candidates: WaitingJob[] = [];
  for (const modelKey of backend.resident) {
    const ofModel = held.filter((job) => job.modelKey === modelKey);
    const usable = ofModel.filter(runs);
    if (usable.length === 0 && ofModel.length === HEADS) {
      const needs = (await source.waitingNeeds(lane)).filter((need) => need.modelKey === modelKey && runs(need));
      usable.push(...(await headsOf(source, lane, needs)));
    }
    candidates.push(...usable);
  }
  const [active] = backend.resident;
  const first = candidates[0];
  if (active !== undefined && first?.modelKey === active && first.loraKey !== backend.loraKey) {
    const same = await source.headsWithLora(lane, active, backend.loraKey, LORA_LOOKAHEAD);
    candidates.push(...same.filter(runs));
  }
  const seen = new Set(backend.resident);
  for (const job of await dueFor(source, lane, due, runs)) {
    if (seen.has(job.modelKey)) continue;
    seen.add(job.modelKey);
    candidates.push(job);
  }
  return distinct(candidates);
}

async function dueFor(
  source: CandidateSource,
  lane: LaneNumber,
  due: readonly WaitingJob[],
  runs: (job: { readonly needsKey: string; readonly id?: string }) => boolean,
): Promise<readonly WaitingJob[]> {
  const usable = due.filter(runs);
  if (usable.length === due.length || due.length < DUE_WINDOW) return usable;
  // Work for others fills part of the window, and may fill the queue far behind it.
  const needs = (await source.waitingNeeds(lane)).filter(runs);
  return sorted([...usable, ...(await headsOf(source, lane, needs))]).slice(0, DUE_WINDOW);
}

async function headsOf(source: CandidateSource, lane: LaneNumber, needs: readonly WaitingNeeds[]) {
  const first = [...needs].sort((left, right) => left.vstart - right.vstart).slice(0, DUE_WINDOW);
  if (first.length === 0) return [];
  return sorted(
    await source.headsOfNeeds(
      lane,
      first.map((need) => need.needsKey),
    ),
  );
}

function sorted(jobs: readonly WaitingJob[]): WaitingJob[] {
  return [...jobs].sort((left, right) => left.vstart - right.vstart || (left.id < right.id ? -1 : 1));
}

function distinct(jobs: readonly WaitingJob[]): WaitingJob[] {
  return [...new Map(jobs.map((job) => [job.id, job])).values()];
}
