import { fileURLToPath } from 'node:url';
import { print, table } from './lib/report.js';
import { OneQueue, PushPolicy } from './lib/scheduling/baselines.js';
import { EaselPolicy } from './lib/scheduling/easel-policy.js';
import { type Metrics, measure } from './lib/scheduling/metrics.js';
import { findSharedSimulator, type SharedSimulator } from './lib/scheduling/shared-simulator.js';
import { type SimulatedPolicy, Simulation } from './lib/scheduling/simulation.js';
import { buildWorkload, type Workload } from './lib/scheduling/workload.js';

/**
 * How well the fleet is used: the production dispatch module on a virtual clock, against what other tools do.
 *
 *   --seeds=12       seeds per scenario
 *   --seed-from=1    the first of them
 *   --only=easel     one row only (swaps are then not compared)
 *   --own            generate the workloads here, even where the shared simulator is present
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const SCENARIOS = ['L60', 'L80', 'L95', 'FAIR', 'FAIL'] as const;
type ScenarioName = (typeof SCENARIOS)[number];

interface Row {
  readonly name: string;
  readonly run: (scenario: ScenarioName, seed: number) => Promise<Metrics> | Metrics;
}

export async function run(args: readonly string[]): Promise<object> {
  const option = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const seeds = Number(option('seeds') ?? 12);
  const first = Number(option('seed-from') ?? 1);
  const only = option('only');
  const shared = args.includes('--own') ? null : findSharedSimulator(ROOT);
  print(
    shared === null
      ? 'Workloads and rivals of this bench (the shared simulator is not beside the checkout).'
      : 'Workloads and rivals of the shared simulator; "easel" is the production module.',
  );
  const rows = rowsFor(shared).filter((row) => only === undefined || row.name === only);
  const results: Record<string, Record<string, Metrics>> = {};
  for (const row of rows) {
    const means: Record<string, Metrics> = {};
    for (const scenario of SCENARIOS) {
      const runs: Metrics[] = [];
      for (let seed = first; seed < first + seeds; seed += 1) runs.push(await row.run(scenario, seed));
      means[scenario] = meanOf(runs);
    }
    results[row.name] = means;
  }
  print(`Waits in seconds until sampling, mean over ${seeds} seeds from ${first}; Jain on FAIR, failures on FAIL`);
  table(rows.map((row) => lineOf(row.name, results[row.name]!, results['round robin'])));
  const easel = results['easel'];
  return {
    workloads: shared === null ? 'own' : 'shared',
    seeds,
    seedFrom: first,
    results,
    ...(easel === undefined ? {} : { aims: checkAims(easel, results['round robin']) }),
  };
}

function rowsFor(shared: SharedSimulator | null): Row[] {
  const workload = (scenario: ScenarioName, seed: number): Workload =>
    shared?.workload(scenario, seed) ?? buildWorkload(scenario, seed);
  const own = (name: string, policy: (simulation: Simulation) => SimulatedPolicy, swapsAreFree = false): Row => ({
    name,
    async run(scenario, seed) {
      const simulation = new Simulation(workload(scenario, seed), { swapsAreFree });
      await simulation.run(policy(simulation));
      return measure(simulation);
    },
  });
  const easel = own('easel', (simulation) => new EaselPolicy(simulation));
  if (shared === null) {
    return [
      own('zero-swap reference', (simulation) => new OneQueue(simulation), true),
      own('round robin', (simulation) => new PushPolicy(simulation, 'round robin')),
      own('least queue', (simulation) => new PushPolicy(simulation, 'least queue')),
      easel,
    ];
  }
  const theirs = (name: string, policy: string): Row => ({
    name,
    run: (scenario, seed) => shared.measure(scenario, policy, seed),
  });
  return [
    theirs('zero-swap reference', 'ideal'),
    theirs('round robin', 'rr'),
    theirs('least queue', 'jsq'),
    theirs("SwarmUI's model pressure", 'swarm'),
    theirs('comfyui-sdk PICK_ZERO', 'sdk-zero'),
    theirs('min completion time + priority', 'mct+prio'),
    theirs('policy B, as simulated', 'B'),
    easel,
  ];
}

function meanOf(runs: readonly Metrics[]): Metrics {
  const keys = Object.keys(runs[0] ?? {}) as (keyof Metrics)[];
  return Object.fromEntries(
    keys.map((key) => [key, runs.reduce((sum, one) => sum + one[key], 0) / runs.length]),
  ) as unknown as Metrics;
}

function lineOf(name: string, of: Record<string, Metrics>, roundRobin: Record<string, Metrics> | undefined) {
  const at = (scenario: ScenarioName) => of[scenario]!;
  const swaps = (scenario: ScenarioName) => swapShare(at(scenario), roundRobin?.[scenario]);
  return {
    policy: name,
    'L60 p95': at('L60').waitP95.toFixed(0),
    'L80 p95': at('L80').waitP95.toFixed(0),
    'L80 light p95': at('L80').lightP95.toFixed(0),
    'L80 jobs/h': at('L80').jobsPerHour.toFixed(0),
    'L80 useful %': (100 * at('L80').useful).toFixed(0),
    'swaps % of r.r., L60/L80/L95': SCENARIOS.slice(0, 3).map(swaps).join(' / '),
    Jain: at('FAIR').jain.toFixed(2),
    'failures p95': at('FAIL').waitP95.toFixed(0),
  };
}

function swapShare(metrics: Metrics, reference: Metrics | undefined): string {
  return reference === undefined ? '-' : ((100 * metrics.coldLoads) / reference.coldLoads).toFixed(0);
}

/** What was aimed at, and whether this run reached it. A job that is lost or given out twice ends the run with an error. */
function checkAims(easel: Record<string, Metrics>, roundRobin: Record<string, Metrics> | undefined): object[] {
  const aims = [
    { aim: 'L60 interactive p95, s', most: 110, value: easel['L60']!.waitP95 },
    { aim: 'L80 light users p95, s', most: 250, value: easel['L80']!.lightP95 },
    { aim: 'p95 under failures, s', most: 300, value: easel['FAIL']!.waitP95 },
    { aim: 'L80 useful share, %', least: 78, value: 100 * easel['L80']!.useful },
    { aim: 'Jain', least: 0.9, value: easel['FAIR']!.jain },
    ...(roundRobin === undefined
      ? []
      : [
          { scenario: 'L60', most: 35 },
          { scenario: 'L80', most: 22 },
          { scenario: 'L95', most: 12 },
        ].map(({ scenario, most }) => ({
          aim: `${scenario} swaps, % of round robin`,
          most,
          value: (100 * easel[scenario]!.coldLoads) / roundRobin[scenario]!.coldLoads,
        }))),
  ].map((aim) => ({
    ...aim,
    reached: ('most' in aim ? aim.value <= aim.most! : true) && ('least' in aim ? aim.value >= aim.least! : true),
  }));
  print('Aims');
  table(
    aims.map(({ aim, value, reached, ...bound }) => ({
      aim,
      bound: 'most' in bound ? `<= ${bound.most}` : `>= ${bound.least}`,
      value: value.toFixed(2),
      reached: reached ? 'yes' : 'NO',
    })),
  );
  return aims;
}
