import type { FactSample, LearnedFacts } from './facts.js';
import { type BackendState, switchMs, type WaitingJob } from './policy.js';
import {
  forgetModels,
  NOTHING_RESIDENT,
  observeSwitch,
  type Residency,
  residentModels,
  useModel,
} from './residency.js';

export interface BackendTraits {
  readonly id: string;
  readonly speed: number;
  readonly io: number;
  readonly concurrency: number;
}

/** What a job that runs is remembered by. */
export type BookedJob = Pick<WaitingJob, 'lane' | 'modelKey' | 'loraKey'>;

interface Running {
  readonly job: BookedJob;
  /** What was believed to be resident when it was given out. */
  readonly before: Residency;
  readonly endsAt: number;
}

/** What one backend runs and is believed to hold. Its owner keeps it; other nodes see what the owner has stored. */
export class BackendBook {
  readonly #traits: BackendTraits;
  readonly #running = new Map<string, Running>();
  #residency: Residency;

  constructor(traits: BackendTraits, residency: Residency = NOTHING_RESIDENT) {
    this.#traits = traits;
    this.#residency = residency;
  }

  get residency(): Residency {
    return this.#residency;
  }

  get hasRoom(): boolean {
    return this.#running.size < this.#traits.concurrency;
  }

  begin(attemptId: string, job: BookedJob, facts: LearnedFacts, nowMs: number): void {
    const costMs = switchMs(this.state(), job, facts);
    const endsAt = nowMs + costMs + facts.genMs / this.#traits.speed;
    this.#running.set(attemptId, { job, before: this.#residency, endsAt });
    this.#residency = useModel(this.#residency, job);
  }

  /** The first sampler step came `measuredMs` after the start. Corrects the belief; returns what it says of the model. */
  observe(attemptId: string, measuredMs: number, facts: LearnedFacts): FactSample {
    const running = this.#running.get(attemptId);
    if (running === undefined) return {};
    const { before, job } = running;
    const seen = observeSwitch(before, this.#residency, job, facts, this.#traits.io, measuredMs);
    this.#residency = seen.residency;
    return seen.sample;
  }

  /** As it will be once the job has begun. */
  with(job: BookedJob, facts: LearnedFacts, nowMs: number): BackendBook {
    const copy = new BackendBook(this.#traits, this.#residency);
    for (const [attemptId, running] of this.#running) copy.#running.set(attemptId, running);
    copy.begin('', job, facts, nowMs);
    return copy;
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  end(attemptId: string): void {
    this.#running.delete(attemptId);
  }

  /** It restarted, or its memory was freed. */
  forget(): void {
    this.#residency = forgetModels(this.#residency);
  }

  state(): BackendState {
    const { id, speed, io } = this.#traits;
    const running = [...this.#running.values()];
    return {
      id,
      speed,
      io,
      resident: residentModels(this.#residency),
      loraKey: this.#residency.loraKey,
      busyUntil: this.hasRoom ? 0 : Math.round(Math.min(...running.map(({ endsAt }) => endsAt))),
      runsInteractive: running.some(({ job }) => job.lane === 0),
    };
  }
}
