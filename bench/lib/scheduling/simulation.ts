import type { Workload, WorkloadBackend, WorkloadFailure, WorkloadJob } from './workload.js';

/**
 * A fleet on a virtual clock: one prompt at a time per backend, models in a cache of limited size, crashes and stalls.
 * A policy is told of arrivals, ends and losses, and answers with `start`. It is checked: a job that is started twice, or
 * on a backend that cannot run it, or that never ends, is an error and not a number.
 */
export interface SimulatedPolicy {
  arrive(job: SimulatedJob): void;
  /** Give idle backends work. Called after every event and once a second. */
  dispatch(): Promise<void>;
  done(backend: SimulatedBackend, job: SimulatedJob): void;
  /** The backend crashed, or was silent for so long that it was restarted. */
  lost(backend: SimulatedBackend, job: SimulatedJob | null): void;
}

export interface SimulatedJob extends WorkloadJob {
  startedAt: number | null;
  /** When sampling began. */
  sampledAt: number | null;
  doneAt: number | null;
  /** Seconds that the switch took. */
  switched: number;
  runs: number;
}

export interface SimulatedBackend extends WorkloadBackend {
  cache: number[];
  lora: number;
  job: SimulatedJob | null;
  isUp: boolean;
  isStalled: boolean;
  /** Counts what the backend has begun, so that the end of a lost run is not taken for that of the next. */
  turn: number;
  /** Of the present run, in seconds. */
  expectedEnd: number;
  usefulSeconds: number;
  switchSeconds: number;
}

export class Simulation {
  readonly workload: Workload;
  readonly backends: readonly SimulatedBackend[];
  readonly jobs: readonly SimulatedJob[];
  now = 0;
  coldLoads = 0;
  lostRuns = 0;
  readonly #swapsAreFree: boolean;
  readonly #agenda = new Agenda();
  #left: number;

  constructor(workload: Workload, options: { readonly swapsAreFree?: boolean } = {}) {
    this.workload = workload;
    this.#swapsAreFree = options.swapsAreFree ?? false;
    this.jobs = workload.jobs.map((job) => ({
      ...job,
      startedAt: null,
      sampledAt: null,
      doneAt: null,
      switched: 0,
      runs: 0,
    }));
    this.#left = this.jobs.length;
    this.backends = workload.bs.map((backend) => ({
      ...backend,
      cache: [],
      lora: 0,
      job: null,
      isUp: true,
      isStalled: false,
      turn: 0,
      expectedEnd: 0,
      usefulSeconds: 0,
      switchSeconds: 0,
    }));
  }

  isIdle(backend: SimulatedBackend): boolean {
    return backend.isUp && !backend.isStalled && backend.job === null;
  }

  fits(backend: WorkloadBackend, job: WorkloadJob): boolean {
    return backend.big || !this.workload.ms[job.m]!.big;
  }

  switchSeconds(backend: SimulatedBackend, job: WorkloadJob): number {
    if (this.#swapsAreFree) return 0;
    const model = this.workload.ms[job.m]!;
    const place = backend.cache.indexOf(job.m);
    if (place === 0) return job.lora === backend.lora ? 0 : model.lora;
    return (place > 0 ? model.warm : model.L / backend.io) + (job.lora === 0 ? 0 : model.lora);
  }

  start(backend: SimulatedBackend, job: SimulatedJob): void {
    if (!this.isIdle(backend)) throw new Error(`Backend ${backend.id} was given work while it was not idle.`);
    if (job.doneAt !== null || job.startedAt !== null) throw new Error(`Job ${job.id} was started twice.`);
    if (!this.fits(backend, job))
      throw new Error(`Job ${job.id} was given to backend ${backend.id}, which is too small.`);
    const switched = this.switchSeconds(backend, job);
    if (!this.#swapsAreFree) this.#load(backend, job);
    backend.job = job;
    backend.turn += 1;
    job.startedAt = this.now;
    job.switched = switched;
    job.sampledAt = this.now + switched;
    job.runs += 1;
    const turn = backend.turn;
    backend.expectedEnd = job.sampledAt + job.g / backend.speed;
    this.#at(backend.expectedEnd, () => {
      if (backend.turn === turn && backend.job === job) this.#finish(backend, job);
    });
  }

  async run(policy: SimulatedPolicy): Promise<void> {
    this.#policy = policy;
    for (const job of this.jobs) this.#at(job.t, () => policy.arrive(job));
    for (const failure of this.workload.fails) this.#at(failure.t, () => this.#fail(failure));
    const tick = () => {
      if (this.#left > 0) this.#at(this.now + 1, tick);
    };
    this.#at(1, tick);
    const limit = 400_000;
    while (this.#left > 0) {
      const next = this.#agenda.pop();
      if (next === undefined || next.at > limit) throw new Error(`${this.#left} jobs never ended.`);
      this.now = next.at;
      next.happen();
      await policy.dispatch();
    }
  }

  #policy: SimulatedPolicy | null = null;

  #at(at: number, happen: () => void): void {
    this.#agenda.push(at, happen);
  }

  #load(backend: SimulatedBackend, job: SimulatedJob): void {
    if (!backend.cache.includes(job.m)) this.coldLoads += 1;
    backend.cache = [job.m, ...backend.cache.filter((model) => model !== job.m)].slice(0, backend.cap);
    backend.lora = job.lora;
  }

  #finish(backend: SimulatedBackend, job: SimulatedJob): void {
    const window = (from: number, to: number) =>
      Math.max(0, Math.min(to, this.workload.T) - Math.min(from, this.workload.T));
    backend.switchSeconds += window(job.startedAt!, job.sampledAt!);
    backend.usefulSeconds += window(job.sampledAt!, this.now);
    backend.job = null;
    job.doneAt = this.now;
    this.#left -= 1;
    this.#policy!.done(backend, job);
  }

  #fail(failure: WorkloadFailure): void {
    const backend = this.backends[failure.b]!;
    if (!backend.isUp || backend.isStalled) return;
    if (failure.kind === 'crash') {
      const job = this.#interrupt(backend);
      backend.isUp = false;
      // The lease or the health check notices after ten seconds.
      this.#at(this.now + 10, () => this.#lose(backend, job));
      this.#at(this.now + Math.max(15, failure.down), () => {
        backend.isUp = true;
      });
      return;
    }
    backend.isStalled = true;
    backend.turn += 1;
    const silence = Math.max(60, 3 * (backend.expectedEnd - this.now));
    this.#at(this.now + silence, () => {
      backend.isStalled = false;
      backend.isUp = false;
      this.#lose(backend, this.#interrupt(backend));
      this.#at(this.now + 45, () => {
        backend.isUp = true;
      });
    });
  }

  #interrupt(backend: SimulatedBackend): SimulatedJob | null {
    const { job } = backend;
    backend.job = null;
    backend.turn += 1;
    backend.cache = [];
    backend.lora = 0;
    return job;
  }

  #lose(backend: SimulatedBackend, job: SimulatedJob | null): void {
    if (job !== null) {
      this.lostRuns += 1;
      job.startedAt = null;
      job.sampledAt = null;
    }
    this.#policy!.lost(backend, job);
  }
}

/** A binary heap by time; ties in the order in which they were put in. */
class Agenda {
  readonly #items: { readonly at: number; readonly order: number; readonly happen: () => void }[] = [];
  #order = 0;

  push(at: number, happen: () => void): void {
    const items = this.#items;
    items.push({ at, order: this.#order++, happen });
    for (let child = items.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  pop() {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    items[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < items.length && this.#isBefore(child, least)) least = child;
      }
      if (least === parent) return first;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#items[left]!;
    const b = this.#items[right]!;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const item = this.#items[left]!;
    this.#items[left] = this.#items[right]!;
    this.#items[right] = item;
  }
}
