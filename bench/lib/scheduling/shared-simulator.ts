import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Metrics } from './metrics.js';
import type { Workload } from './workload.js';

/**
 * The simulator with which the policy was chosen, beside the checkout where it is present: its workloads, and its versions
 * of what other tools do. `run.js` there tells the same figures under other names.
 */
export interface SharedSimulator {
  workload(scenario: string, seed: number): Workload;
  measure(scenario: string, policy: string, seed: number): Metrics;
}

interface SharedRun {
  readonly one: (scenario: string, policy: string, seed: number) => Readonly<Record<string, number>>;
}

interface SharedWorkload {
  readonly build: (scenario: unknown, seed: number) => Workload;
  readonly SCEN: Readonly<Record<string, unknown>>;
}

/** `root` is the checkout. Null where the simulator is not there. */
export function findSharedSimulator(root: string): SharedSimulator | null {
  const folder = resolve(root, '..', 'shared', 'scheduling-sim');
  if (!existsSync(resolve(folder, 'run.js'))) return null;
  const load = createRequire(resolve(folder, 'run.js'));
  const { one } = load('./run.js') as SharedRun;
  const { build, SCEN } = load('./workload.js') as SharedWorkload;
  return {
    workload: (scenario, seed) => build(SCEN[scenario], seed),
    measure(scenario, policy, seed) {
      const r = one(scenario, policy, seed);
      const of = (key: string) => r[key] ?? Number.NaN;
      return {
        waitP50: of('p50'),
        waitP95: of('p95'),
        waitMax: of('max'),
        lightP95: of('p95l'),
        jobsPerHour: of('thr'),
        useful: of('useful'),
        coldLoads: of('cold'),
        lostRuns: of('retries'),
        jain: of('jain'),
        batchMinutes: of('batchDone') / 60,
      };
    },
  };
}
