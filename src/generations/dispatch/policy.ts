/**
 * Which waiting job an idle backend should take: policy B (`docs/decisions/0070-dispatch.md`), as pure functions. No
 * I/O and no clock, so that production and `npm run bench:scheduling` run the same code.
 *
 * Words:
 * - work       milliseconds on a backend of speed 1
 * - switch     what a backend does before it can run a job: load a model, move one back to the GPU, patch LoRAs
 * - resident   believed to be in a backend's memory, most recently used first; the first is the active one
 * - cold       not resident: the expensive switch, which the policy holds back
 * - vstart     virtual start time of a job, in work per unit of account weight (`books.ts`); lowest is due first
 * - lane       0 interactive, 1 batch
 */
export type LaneNumber = 0 | 1;

export interface WaitingJob {
  readonly id: string;
  readonly lane: LaneNumber;
  readonly accountId: string;
  /** Empty when the job loads nothing. */
  readonly modelKey: string;
  readonly loraKey: string;
  /** What a backend must have to run it (`needs.ts`). */
  readonly needsKey: string;
  readonly vstart: number;
  /** Expected work without switches. */
  readonly estimateMs: number;
  readonly createdAt: number;
}

/** What a model costs; learned (`facts.ts`). Load times hold for a backend with `io` 1, `genMs` for speed 1. */
export interface ModelFacts {
  readonly loadMs: number;
  readonly warmMs: number;
  readonly loraMs: number;
  readonly genMs: number;
}

/** A live backend. */
export interface BackendState {
  readonly id: string;
  /** Sampling speed and model loading speed, relative to a common one. */
  readonly speed: number;
  readonly io: number;
  readonly resident: readonly string[];
  readonly loraKey: string;
  /** When its present work is expected to end, milliseconds since 1970; in the past when it is idle. */
  readonly busyUntil: number;
  readonly runsInteractive: boolean;
}

export interface LaneState {
  /** Virtual time: the work that an always active account of weight 1 would have been given so far. */
  readonly v: number;
  /** Sum of the weights of the accounts that have work waiting. */
  readonly activeWeight: number;
}

/** Everything about the fleet that one decision looks at. */
export interface DispatchView {
  readonly nowMs: number;
  readonly backends: readonly BackendState[];
  readonly lane: (lane: LaneNumber) => LaneState;
  readonly facts: (modelKey: string) => ModelFacts;
  /** Waiting jobs of a model; needs to be right only up to `MAX_WAITING_COUNTED`. */
  readonly waiting: (lane: LaneNumber, modelKey: string) => number;
  /** May the job go to this backend at all? True where it is not known. */
  readonly canRun: (backendId: string, job: { readonly needsKey: string; readonly id?: string }) => boolean;
}

/** Of the jobs of the active model, so many are searched for one with the LoRA set that is on the GPU. */
export const LORA_LOOKAHEAD = 50;
/** So many jobs with the lowest vstart are looked at besides the heads of resident models. */
export const DUE_WINDOW = 32;
export const MAX_WAITING_COUNTED = 64;

const SWITCH_WEIGHT = 10;
const AGE_WEIGHT = 0.001;
/** A job whose model nobody has waits this share of its load time, so that the first of a burst pile up. */
const FIRST_COPY_HOLD = 0.5;
/** A job waits for a copy of its model 1 + 5 u load times; u is the share of the fleet that runs interactive work. */
const COPY_HOLD = 5;

/** Milliseconds before `backend` could begin to sample. */
export function switchMs(
  backend: Pick<BackendState, 'resident' | 'loraKey' | 'io'>,
  job: Pick<WaitingJob, 'modelKey' | 'loraKey'>,
  facts: ModelFacts,
): number {
  if (job.modelKey === '') return 0;
  const place = backend.resident.indexOf(job.modelKey);
  const loraMs = job.loraKey === '' ? 0 : facts.loraMs;
  if (place === 0) return job.loraKey === backend.loraKey ? 0 : facts.loraMs;
  if (place > 0) return facts.warmMs + loraMs;
  return facts.loadMs / backend.io + loraMs;
}

/** A job that could run here, but is better served by waiting. */
export interface Hold {
  /** `burst`: nobody has the model; `copy`: another backend has it and will be free soon. */
  readonly reason: 'burst' | 'copy';
  /** At the latest, milliseconds since 1970. Null for batch work, which waits for a copy as long as it takes. */
  readonly until: number | null;
  readonly copies: readonly string[];
}

/** Only cold loads are held back, and no longer than interactive work fills the fleet. */
export function holdOf(backend: BackendState, job: WaitingJob, view: DispatchView): Hold | null {
  if (job.modelKey === '' || backend.resident.includes(job.modelKey)) return null;
  const facts = view.facts(job.modelKey);
  const costMs = switchMs(backend, job, facts);
  const share = interactiveShare(view.backends);
  const copies = view.backends.filter((other) => other.resident.includes(job.modelKey) && view.canRun(other.id, job));
  if (copies.length === 0) {
    const until = job.createdAt + FIRST_COPY_HOLD * share * costMs;
    return job.lane === 1 || view.nowMs >= until ? null : { reason: 'burst', until, copies: [] };
  }
  const patience = job.lane === 0 ? 1 + COPY_HOLD * share : 1;
  const until = job.lane === 0 ? job.createdAt + patience * costMs : null;
  if (until !== null && view.nowMs >= until) return null;
  // How long until the copies have worked off what waits for this model: beyond the price of a load, make another copy.
  const residualMs = Math.min(...copies.map((copy) => Math.max(0, copy.busyUntil - view.nowMs)));
  const speed = sum(copies.map((copy) => copy.speed));
  const aheadMs = (Math.max(1, view.waiting(job.lane, job.modelKey)) - 1) * (facts.genMs / speed);
  if (residualMs + aheadMs > costMs * patience) return null;
  return { reason: 'copy', until, copies: copies.map((copy) => copy.id) };
}

/** Lower is better: seconds of switching weigh ten times as much as seconds of being late. */
function scoreOf(backend: BackendState, job: WaitingJob, view: DispatchView): number {
  const ageMs = view.nowMs - job.createdAt;
  return (
    SWITCH_WEIGHT * switchMs(backend, job, view.facts(job.modelKey)) -
    lateMs(job, view) -
    AGE_WEIGHT * Math.max(0, ageMs)
  );
}

/** Milliseconds since the job was fairly due: how long the fleet took for the virtual time that has passed since. */
function lateMs(job: WaitingJob, view: DispatchView): number {
  const { v, activeWeight } = view.lane(job.lane);
  const speed = sum(view.backends.map((backend) => backend.speed));
  return speed === 0 ? 0 : Math.max(0, ((v - job.vstart) * activeWeight) / speed);
}

/** Share of the live backends that run interactive work, 0 to 1. */
function interactiveShare(backends: readonly BackendState[]): number {
  return backends.length === 0 ? 0 : backends.filter((backend) => backend.runsInteractive).length / backends.length;
}

export interface Choice {
  readonly job: WaitingJob;
  readonly score: number;
}

/** What the backend may take now of `jobs`, best first: all of the interactive lane before any of the batch lane. */
export function rankJobs(backend: BackendState, jobs: readonly WaitingJob[], view: DispatchView): Choice[] {
  return jobs
    .filter((job) => view.canRun(backend.id, job) && holdOf(backend, job, view) === null)
    .map((job) => ({ job, score: scoreOf(backend, job, view) }))
    .sort(
      (left, right) => left.job.lane - right.job.lane || left.score - right.score || compare(left.job.id, right.job.id),
    );
}

export interface PairChoice {
  readonly backend: BackendState;
  /** Never empty; the first is what the pair was chosen for. */
  readonly choices: readonly Choice[];
}

/**
 * Of several idle backends, the one that should choose first. `preference` of a backend (1 unless told) divides the
 * expected run time: with all else equal, work goes to the preferred.
 */
export function choosePair(
  idle: readonly PairChoice[],
  view: DispatchView,
  preference: (backendId: string) => number = () => 1,
): PairChoice | null {
  let best: { readonly pair: PairChoice; readonly lane: number; readonly rank: number } | null = null;
  for (const pair of idle) {
    const first = pair.choices[0];
    if (first === undefined) continue;
    const runMs = view.facts(first.job.modelKey).genMs / (pair.backend.speed * preference(pair.backend.id));
    const { lane } = first.job;
    const rank = first.score + runMs;
    if (best === null || lane < best.lane || (lane === best.lane && rank < best.rank)) best = { pair, lane, rank };
  }
  return best?.pair ?? null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
