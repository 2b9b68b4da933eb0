import type { FactSample, LearnedFacts } from './facts.js';
import type { WaitingJob } from './policy.js';

/**
 * What a backend is believed to hold. ComfyUI does not tell, so it is inferred: each run moves its model to the front, and
 * the time until its first sampler step says whether the belief was right.
 */
export interface Residency {
  /** Models by last use, newest first; longer than the backend can hold. */
  readonly recent: readonly string[];
  /** So many of them are believed to be in memory. */
  readonly capacity: number;
  readonly loraKey: string;
}

const FIRST_CAPACITY = 2;
const MAX_RECENT = 12;

export const NOTHING_RESIDENT: Residency = { recent: [], capacity: FIRST_CAPACITY, loraKey: '' };

export function residentModels(residency: Residency): string[] {
  return residency.recent.slice(0, residency.capacity);
}

/** After a restart, and after `/free`: the memory is empty, but as large as before. */
export function forgetModels(residency: Residency): Residency {
  return { ...residency, recent: [], loraKey: '' };
}

type Loads = Pick<WaitingJob, 'modelKey' | 'loraKey'>;

/** The backend begins to run a job. */
export function useModel(residency: Residency, job: Loads): Residency {
  if (job.modelKey === '') return residency;
  const recent = [job.modelKey, ...residency.recent.filter((key) => key !== job.modelKey)].slice(0, MAX_RECENT);
  return { ...residency, recent, loraKey: job.loraKey };
}

export interface Observation {
  readonly residency: Residency;
  readonly sample: FactSample;
}

/**
 * Compares how long the switch took with what was believed when the job was given out (`before`).
 *
 * A model at place p that had to be loaded anew was evicted: fewer than p + 1 fit. One that was believed gone but came
 * quickly is still there: at least p + 1 fit. The border between the two is the geometric mean of a load and a warm start,
 * which are an order of magnitude apart. `now` is the belief to correct: other jobs may have been given out since.
 */
export function observeSwitch(
  before: Residency,
  now: Residency,
  job: Loads,
  facts: LearnedFacts,
  io: number,
  measuredMs: number,
): Observation {
  if (job.modelKey === '') return { residency: now, sample: {} };
  const place = before.recent.indexOf(job.modelKey);
  const seenMs = Math.max(0, measuredMs - facts.baseMs);
  const loraMs = job.loraKey === '' ? 0 : facts.loraMs;
  const loadMs = facts.loadMs / io;
  const border = Math.sqrt(loadMs * facts.warmMs) + loraMs;
  const believed = place >= 0 && place < before.capacity;
  const isLoad = place < 0 || (facts.loads === 0 ? !believed : seenMs > border);
  if (isLoad) {
    const sample = { loadMs: Math.max(0, seenMs - loraMs) * io };
    if (!believed) return { residency: now, sample };
    // Even the active model was gone: somebody emptied the memory, so nothing else is there either.
    if (place === 0) return { residency: { ...now, recent: now.recent.slice(0, 1) }, sample };
    return { residency: { ...now, capacity: place }, sample };
  }
  const residency = place >= now.capacity ? { ...now, capacity: place + 1 } : now;
  if (place > 0) return { residency, sample: { warmMs: Math.max(0, seenMs - loraMs) } };
  if (job.loraKey !== before.loraKey) return { residency, sample: { loraMs: seenMs } };
  return { residency, sample: { baseMs: measuredMs } };
}
