import type { SimulatedBackend, SimulatedJob, SimulatedPolicy, Simulation } from './simulation.js';

/** Policies that bind a job to a backend when it arrives, as most tools do. */
export class PushPolicy implements SimulatedPolicy {
  readonly #simulation: Simulation;
  readonly #queues: SimulatedJob[][];
  readonly #choose: (job: SimulatedJob, candidates: readonly SimulatedBackend[]) => SimulatedBackend;
  #turn = 0;

  constructor(simulation: Simulation, kind: 'round robin' | 'least queue') {
    this.#simulation = simulation;
    this.#queues = simulation.backends.map(() => []);
    this.#choose =
      kind === 'least queue'
        ? (_job, candidates) =>
            candidates.reduce((least, next) => (this.#load(next) < this.#load(least) ? next : least))
        : (_job, candidates) => this.#nextInTurn(candidates);
  }

  arrive(job: SimulatedJob): void {
    const fitting = this.#simulation.backends.filter((backend) => this.#simulation.fits(backend, job));
    const up = fitting.filter((backend) => backend.isUp);
    this.#queues[this.#choose(job, up.length > 0 ? up : fitting).id]!.push(job);
  }

  async dispatch(): Promise<void> {
    for (const backend of this.#simulation.backends) {
      if (!this.#simulation.isIdle(backend)) continue;
      const job = this.#queues[backend.id]!.shift();
      if (job !== undefined) this.#simulation.start(backend, job);
    }
  }

  done(): void {}

  lost(backend: SimulatedBackend, job: SimulatedJob | null): void {
    const waiting = this.#queues[backend.id]!.splice(0);
    for (const one of job === null ? waiting : [job, ...waiting]) this.arrive(one);
  }

  #load(backend: SimulatedBackend): number {
    return this.#queues[backend.id]!.length + (backend.job === null ? 0 : 1);
  }

  #nextInTurn(candidates: readonly SimulatedBackend[]): SimulatedBackend {
    for (;;) {
      const backend = this.#simulation.backends[this.#turn++ % this.#simulation.backends.length]!;
      if (candidates.includes(backend)) return backend;
    }
  }
}

/** One queue, interactive before batch, first come first served: with free switches, what cannot be bettered by much. */
export class OneQueue implements SimulatedPolicy {
  readonly #simulation: Simulation;
  readonly #lanes: [SimulatedJob[], SimulatedJob[]] = [[], []];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  arrive(job: SimulatedJob): void {
    this.#lanes[job.lane].push(job);
  }

  async dispatch(): Promise<void> {
    const byPower = [...this.#simulation.backends].sort((left, right) => right.speed - left.speed);
    for (const backend of byPower) {
      if (!this.#simulation.isIdle(backend)) continue;
      for (const lane of this.#lanes) {
        const at = lane.findIndex((job) => this.#simulation.fits(backend, job));
        if (at < 0) continue;
        this.#simulation.start(backend, lane.splice(at, 1)[0]!);
        break;
      }
    }
  }

  done(): void {}

  lost(_backend: SimulatedBackend, job: SimulatedJob | null): void {
    if (job !== null) this.#lanes[job.lane].unshift(job);
  }
}
