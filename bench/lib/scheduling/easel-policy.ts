import { BackendBook } from '../../../src/generations/dispatch/backend-book.js';
import { advanceOf, enqueueTags, shareOf } from '../../../src/generations/dispatch/books.js';
import { type LearnedFacts, learn, UNKNOWN_FACTS } from '../../../src/generations/dispatch/facts.js';
import type { LaneNumber, WaitingJob } from '../../../src/generations/dispatch/policy.js';
import { chooseNext, type RoundView } from '../../../src/generations/dispatch/round.js';
import { MemoryTables } from './memory-tables.js';
import type { SimulatedBackend, SimulatedJob, SimulatedPolicy, Simulation } from './simulation.js';

/**
 * Easel's own dispatch in the simulation: candidates, scoring, residency, learned facts and books are the production
 * modules; only the tables are in memory. It is told what production is told: when a run began to sample, and when it ended.
 */
export class EaselPolicy implements SimulatedPolicy {
  readonly #simulation: Simulation;
  readonly #tables = new MemoryTables();
  readonly #books: ReadonlyMap<string, BackendBook>;
  readonly #facts = new Map<string, LearnedFacts>();
  readonly #v: [number, number] = [0, 0];
  readonly #vfinish = new Map<string, number>();
  readonly #waiting = new Map<number, WaitingJob>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#books = new Map(
      simulation.backends.map((backend) => {
        const { speed, io } = backend;
        const id = backendId(backend);
        return [id, new BackendBook({ id, speed, io, concurrency: 1 })];
      }),
    );
  }

  arrive(job: SimulatedJob): void {
    const accountId = `user-${job.user}`;
    const key = `${accountId} ${job.lane}`;
    const { genMs } = this.#factsOf(modelKey(job));
    const tags = enqueueTags(this.#vfinish.get(key) ?? 0, this.#v[job.lane], genMs, 1);
    this.#vfinish.set(key, tags.vfinish);
    const waiting: WaitingJob = {
      id: String(job.id).padStart(9, '0'),
      lane: job.lane,
      accountId,
      modelKey: modelKey(job),
      loraKey: job.lora === 0 ? '' : `lora-${job.lora}`,
      needsKey: this.#simulation.workload.ms[job.m]!.big ? 'large' : 'any',
      vstart: tags.vstart,
      estimateMs: genMs,
      createdAt: Math.round(job.t * 1000),
    };
    this.#waiting.set(job.id, waiting);
    this.#tables.add(waiting);
  }

  async dispatch(): Promise<void> {
    const { backends } = this.#simulation;
    for (;;) {
      const idle = backends.filter((backend) => this.#simulation.isIdle(backend));
      if (idle.length === 0 || this.#tables.count(0) + this.#tables.count(1) === 0) return;
      const states = idle.map((backend) => this.#book(backend).state());
      const pair = await chooseNext(this.#tables, states, this.#view());
      const choice = pair?.choices[0];
      if (pair === null || choice === undefined) return;
      this.#claim(backends.find((backend) => backendId(backend) === pair.backend.id)!, choice.job);
    }
  }

  done(backend: SimulatedBackend, job: SimulatedJob): void {
    const book = this.#book(backend);
    const waiting = this.#waiting.get(job.id)!;
    const switchedMs = job.switched * 1000;
    const facts = this.#factsOf(waiting.modelKey);
    const sample = book.observe(waiting.id, switchedMs, facts);
    book.end(waiting.id);
    const genMs = job.g * 1000;
    this.#facts.set(waiting.modelKey, learn(facts, { ...sample, genMs }));
    const errorMs = genMs + switchedMs * backend.speed - waiting.estimateMs;
    const key = `${waiting.accountId} ${job.lane}`;
    this.#vfinish.set(key, (this.#vfinish.get(key) ?? 0) + shareOf(errorMs, 1));
    this.#v[job.lane] += shareOf(errorMs, this.#activeWeight(job.lane));
  }

  lost(backend: SimulatedBackend, job: SimulatedJob | null): void {
    this.#book(backend).forget();
    if (job === null) return;
    const waiting = this.#waiting.get(job.id)!;
    this.#book(backend).end(waiting.id);
    this.#tables.add(waiting);
  }

  #claim(backend: SimulatedBackend, waiting: WaitingJob): void {
    const job = this.#simulation.jobs[Number(waiting.id)]!;
    this.#v[job.lane] += advanceOf(waiting.estimateMs, this.#activeWeight(job.lane));
    if (!this.#tables.remove(waiting)) throw new Error(`Job ${waiting.id} was claimed, but does not wait.`);
    this.#book(backend).begin(waiting.id, waiting, this.#factsOf(waiting.modelKey), this.#nowMs());
    this.#simulation.start(backend, job);
  }

  #view(): RoundView {
    const { backends } = this.#simulation;
    const live = backends.filter((backend) => backend.isUp && !backend.isStalled);
    const large = new Set(backends.filter((backend) => backend.big).map(backendId));
    const lanes = ([0, 1] as const).map((lane) => ({ v: this.#v[lane], activeWeight: this.#activeWeight(lane) }));
    return {
      nowMs: this.#nowMs(),
      backends: live.map((backend) => this.#book(backend).state()),
      lane: (lane) => lanes[lane]!,
      facts: (key) => this.#factsOf(key),
      canRun: (id, { needsKey }) => needsKey === 'any' || large.has(id),
    };
  }

  #activeWeight(lane: LaneNumber): number {
    return Math.max(1, this.#tables.accounts(lane).size);
  }

  #factsOf(key: string): LearnedFacts {
    return this.#facts.get(key) ?? UNKNOWN_FACTS;
  }

  #book(backend: SimulatedBackend): BackendBook {
    return this.#books.get(backendId(backend))!;
  }

  #nowMs(): number {
    return Math.round(this.#simulation.now * 1000);
  }
}

const backendId = (backend: { readonly id: number }) => `backend-${backend.id}`;
const modelKey = (job: { readonly m: number }) => `model-${job.m}`;
