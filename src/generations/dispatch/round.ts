import { type CandidateSource, findCandidates, readHeld } from './candidates.js';
import {
  type BackendState,
  choosePair,
  type DispatchView,
  DUE_WINDOW,
  type LaneNumber,
  type PairChoice,
  rankJobs,
  type WaitingJob,
} from './policy.js';

/** `CandidateSource` with the count that tells whether a hot model needs another copy. */
export interface RoundSource extends CandidateSource {
  /** By model; right up to `MAX_WAITING_COUNTED`. */
  countWaiting(lane: LaneNumber, modelKeys: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Everything but the counts, which a round reads for itself. */
export type RoundView = Omit<DispatchView, 'waiting'>;

/**
 * One decision: which of the idle backends takes which job. Null when none of them should take anything now. Each backend
 * looks at batch work only when the interactive lane has nothing for it.
 */
export async function chooseNext(
  source: RoundSource,
  idle: readonly BackendState[],
  base: RoundView,
  preference?: (backendId: string) => number,
): Promise<PairChoice | null> {
  const counts = new Map<string, number>();
  const view: DispatchView = { ...base, waiting: (lane, modelKey) => counts.get(`${lane} ${modelKey}`) ?? 1 };
  const pairs: PairChoice[] = [];
  for (const backend of idle) {
    for (const lane of [0, 1] as const) {
      const [due, held] = await Promise.all([source.due(lane, DUE_WINDOW), readHeld(source, backend, lane)]);
      const jobs = await findCandidates(source, backend, lane, { due, held }, base.canRun);
      await countCopied(source, backend, lane, jobs, base, counts);
      const choices = rankJobs(backend, jobs, view);
      if (choices.length === 0) continue;
      pairs.push({ backend, choices });
      break;
    }
  }
  return choosePair(pairs, view, preference);
}

/** Counts are asked only of models that somebody else holds and this backend does not. */
async function countCopied(
  source: RoundSource,
  backend: BackendState,
  lane: LaneNumber,
  jobs: readonly WaitingJob[],
  view: RoundView,
  counts: Map<string, number>,
): Promise<void> {
  const held = new Set(view.backends.flatMap((other) => other.resident));
  const unknown = jobs
    .map((job) => job.modelKey)
    .filter((key) => key !== '' && !backend.resident.includes(key) && held.has(key) && !counts.has(`${lane} ${key}`));
  if (unknown.length === 0) return;
  for (const [key, count] of await source.countWaiting(lane, [...new Set(unknown)]))
    counts.set(`${lane} ${key}`, count);
}
