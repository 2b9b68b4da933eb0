import type { Simulation } from './simulation.js';

export interface Metrics {
  /** Waits until sampling begins, of interactive jobs, in seconds. `light` leaves out user 0, who asks for most. */
  readonly waitP50: number;
  readonly waitP95: number;
  readonly waitMax: number;
  readonly lightP95: number;
  /** Jobs that ended within the window, per hour. */
  readonly jobsPerHour: number;
  /** Share of GPU time within the window that was sampling. */
  readonly useful: number;
  readonly coldLoads: number;
  readonly lostRuns: number;
  /** Jain's index over the work that each user was given within the window: 1 is even. */
  readonly jain: number;
  readonly batchMinutes: number;
}

export function measure(simulation: Simulation): Metrics {
  const { workload, jobs, backends } = simulation;
  const { T } = workload;
  const interactive = jobs.filter((job) => job.lane === 0);
  const waits = (of: typeof jobs) => of.map((job) => job.sampledAt! - job.t).sort((left, right) => left - right);
  const all = waits(interactive);
  const light = waits(interactive.filter((job) => job.user !== 0));
  const work = new Map<number, number>();
  for (const job of interactive) {
    const share = job.doneAt! <= T ? 1 : Math.max(0, (T - job.sampledAt!) / (job.doneAt! - job.sampledAt!));
    work.set(job.user, (work.get(job.user) ?? 0) + share * job.g);
  }
  const given = [...work.values()];
  const total = given.reduce((sum, value) => sum + value, 0);
  const squares = given.reduce((sum, value) => sum + value * value, 0);
  const at = (sorted: readonly number[], share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return {
    waitP50: at(all, 0.5),
    waitP95: at(all, 0.95),
    waitMax: all.at(-1) ?? Number.NaN,
    lightP95: at(light, 0.95),
    jobsPerHour: jobs.filter((job) => job.doneAt! <= T).length / (T / 3600),
    useful: backends.reduce((sum, backend) => sum + backend.usefulSeconds, 0) / (backends.length * T),
    coldLoads: simulation.coldLoads,
    lostRuns: simulation.lostRuns,
    jain: total ** 2 / (given.length * squares || 1),
    batchMinutes: Math.max(0, ...jobs.filter((job) => job.lane === 1).map((job) => job.doneAt!)) / 60,
  };
}
