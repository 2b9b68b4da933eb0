/**
 * Synthetic fleets and work, a pure function of (scenario, seed): heterogeneous backends, models of Zipf popularity that
 * take 5 to 60 s to load, interactive arrivals, one large batch, failures. Times in seconds, as the shared simulator has
 * them, so that its workloads can be used in their place.
 */
export interface Workload {
  readonly bs: readonly WorkloadBackend[];
  readonly ms: readonly WorkloadModel[];
  readonly jobs: readonly WorkloadJob[];
  readonly fails: readonly WorkloadFailure[];
  /** Sum of speeds. */
  readonly S: number;
  /** Length of the window in which throughput is counted. */
  readonly T: number;
}

export interface WorkloadBackend {
  readonly id: number;
  readonly speed: number;
  readonly io: number;
  /** Models that fit into its memory. */
  readonly cap: number;
  /** Can it run large models? */
  readonly big: boolean;
}

export interface WorkloadModel {
  readonly id: number;
  /** Load, warm start, LoRA switch. */
  readonly L: number;
  readonly warm: number;
  readonly lora: number;
  readonly big: boolean;
}

export interface WorkloadJob {
  readonly id: number;
  readonly t: number;
  readonly user: number;
  readonly lane: 0 | 1;
  readonly m: number;
  /** Seconds of generation at speed 1. */
  readonly g: number;
  readonly lora: number;
}

export interface WorkloadFailure {
  readonly t: number;
  readonly b: number;
  readonly kind: 'crash' | 'stall';
  readonly down: number;
}

interface Scenario {
  readonly backends: number;
  readonly models: number;
  readonly seconds: number;
  /** Interactive load as a share of what the fleet could do without any switch. */
  readonly load: number;
  readonly batch: number;
  readonly users: number;
  readonly kind: 'poisson' | 'sessions' | 'backlog';
  /** Mean seconds between failures of a backend. */
  readonly failureEvery?: number;
}

const BASE: Scenario = { backends: 8, models: 20, seconds: 10_800, load: 0.8, batch: 2000, users: 12, kind: 'poisson' };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  L60: { ...BASE, load: 0.6 },
  L80: BASE,
  L95: { ...BASE, load: 0.95 },
  FAIL: { ...BASE, load: 0.7, failureEvery: 3600 },
  FAIR: { ...BASE, load: 0, batch: 0, seconds: 1200, kind: 'backlog' },
  BURST: { ...BASE, load: 0.6, kind: 'sessions' },
  BIG: { ...BASE, backends: 64, models: 200, users: 60, seconds: 5400 },
};

class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
    for (let turn = 0; turn < 8; turn += 1) this.next();
  }

  /** Uniform in [0, 1): a 32-bit xorshift whose output is mixed by a multiplication. */
  next(): number {
    let x = this.#state || 0x1234567;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return (Math.imul(this.#state, 0x85ebca6b) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  weighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    let left = this.next() * items.reduce((total, item) => total + item.weight, 0);
    for (const item of items) {
      left -= item.weight;
      if (left <= 0) return item;
    }
    return items[items.length - 1]!;
  }
}

type DrawnModel = WorkloadModel & { readonly weight: number; readonly medianSeconds: number };

const TYPES = [
  { share: 0.25, speed: 1.5, io: 1.2, cap: 3, big: true },
  { share: 0.375, speed: 1, io: 1, cap: 2, big: true },
  { share: 0.375, speed: 0.6, io: 0.9, cap: 1, big: false },
];

export function buildWorkload(name: string, seed: number): Workload {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`Unknown scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}.`);
  const chance = new Chance(seed);
  const bs = drawFleet(scenario.backends, chance);
  const ms = drawModels(scenario.models, chance);
  const S = bs.reduce((total, backend) => total + backend.speed, 0);
  const jobs: Omit<WorkloadJob, 'id'>[] = [];
  const arrivals = { scenario, chance, ms, jobs, perSecond: (scenario.load * S) / meanSeconds(ms, seed) };
  if (scenario.kind === 'backlog') addBacklog(arrivals);
  else if (scenario.kind === 'sessions') addSessions(arrivals);
  else addPoisson(arrivals);
  if (scenario.batch > 0) addBatch(arrivals);
  return {
    bs,
    ms,
    S,
    T: scenario.seconds,
    jobs: jobs.sort((left, right) => left.t - right.t).map((job, id) => ({ ...job, id })),
    fails: drawFailures(scenario, new Chance(seed + 7919)),
  };
}

function drawFleet(count: number, chance: Chance): WorkloadBackend[] {
  const drawn = TYPES.flatMap(({ share, ...type }) => Array.from({ length: Math.round(count * share) }, () => type));
  while (drawn.length < count) drawn.push(drawn[drawn.length - 1]!);
  // In no order of speed: some policies go by the order of the list.
  return drawn
    .map((type) => ({ type, at: chance.next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ type }, id) => ({ id, ...type }));
}

function drawModels(count: number, chance: Chance): DrawnModel[] {
  for (;;) {
    const ms = Array.from({ length: count }, (_, id): DrawnModel => {
      const size = chance.next();
      const L = clamp(5 * 12 ** size * Math.exp(0.1 * chance.normal()), 5, 60);
      const medianSeconds = 3 * 10 ** (0.6 * size + 0.4 * chance.next());
      return {
        id,
        L,
        warm: 0.3 + 0.05 * L,
        lora: 0.3 + 0.03 * L,
        big: size > 0.7,
        weight: 1 / (id + 1),
        medianSeconds,
      };
    });
    const work = (models: readonly DrawnModel[]) =>
      models.reduce((total, model) => total + model.weight * model.medianSeconds, 0);
    const largeShare = work(ms.filter((model) => model.big)) / work(ms);
    // Otherwise the backends that run large models would be idle or swamped, whatever the policy.
    if (largeShare > 0.1 && largeShare <= 0.55) return ms;
  }
}

const drawSeconds = (model: DrawnModel, chance: Chance) =>
  clamp(model.medianSeconds * Math.exp(0.5 * chance.normal()), 2, 72);

/** Half of all jobs use one of five LoRA sets. */
const drawLora = (chance: Chance) => (chance.next() < 0.5 ? 0 : 1 + chance.below(5));

function meanSeconds(ms: readonly DrawnModel[], seed: number): number {
  const chance = new Chance(seed + 104_729);
  let total = 0;
  for (let draw = 0; draw < 20_000; draw += 1) total += drawSeconds(chance.weighted(ms), chance);
  return total / 20_000;
}

interface Arrivals {
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly ms: readonly DrawnModel[];
  readonly jobs: Omit<WorkloadJob, 'id'>[];
  readonly perSecond: number;
}

/** User 0 asks for three times as much as each other. */
function drawUser({ scenario, chance }: Arrivals): number {
  return Math.max(0, chance.below(scenario.users + 2) - 2);
}

function addOne(arrivals: Arrivals, t: number, user: number, lane: 0 | 1, model: DrawnModel, lora: number): void {
  arrivals.jobs.push({ t, user, lane, m: model.id, g: drawSeconds(model, arrivals.chance), lora });
}

function addPoisson(arrivals: Arrivals): void {
  const { chance, ms, scenario, perSecond } = arrivals;
  for (let t = chance.exponential(1 / perSecond); t < scenario.seconds; t += chance.exponential(1 / perSecond)) {
    addOne(arrivals, t, drawUser(arrivals), 0, chance.weighted(ms), drawLora(chance));
  }
}

/** One user makes about eight pictures with one model, seconds apart; sessions come in waves. */
function addSessions(arrivals: Arrivals): void {
  const { chance, ms, scenario, perSecond } = arrivals;
  const mean = 8;
  let busy = false;
  let changesAt = chance.exponential(900);
  for (let t = 0; t < scenario.seconds; ) {
    const gap = chance.exponential(mean / (perSecond * (busy ? 1.5 : 0.67)));
    if (t + gap > changesAt) {
      t = changesAt;
      busy = !busy;
      changesAt = t + chance.exponential(busy ? 600 : 900);
      continue;
    }
    t += gap;
    const user = drawUser(arrivals);
    const model = chance.weighted(ms);
    const lora = drawLora(chance);
    let at = t;
    do {
      if (at >= scenario.seconds) break;
      addOne(arrivals, at, user, 0, model, chance.next() < 0.8 ? lora : drawLora(chance));
      at += chance.exponential(4);
    } while (chance.next() > 1 / mean);
  }
}

/** Eight users, all with more work than fits; the first comes early and brings ten times as much. */
function addBacklog(arrivals: Arrivals): void {
  const { chance, ms } = arrivals;
  for (let user = 0; user < 8; user += 1) {
    const favourites = [chance.weighted(ms), chance.weighted(ms), chance.weighted(ms)];
    const startsAt = user === 0 ? 0 : 5 + chance.next() * 55;
    for (let index = 0; index < (user === 0 ? 1200 : 120); index += 1) {
      addOne(arrivals, startsAt + index * 0.01, user, 0, favourites[chance.below(3)]!, drawLora(chance));
    }
  }
}

/** Ten minutes in: four models in turn, so that first come, first served would switch at every job. */
function addBatch(arrivals: Arrivals): void {
  const { chance, ms, scenario } = arrivals;
  const favourites = new Set<DrawnModel>();
  while (favourites.size < 4) favourites.add(chance.weighted(ms));
  const parts = [...favourites].map((model) => ({ model, lora: drawLora(chance) }));
  for (let index = 0; index < scenario.batch; index += 1) {
    const { model, lora } = parts[index % parts.length]!;
    addOne(arrivals, 600, 1000, 1, model, lora);
  }
}

function drawFailures(scenario: Scenario, chance: Chance): WorkloadFailure[] {
  const mean = scenario.failureEvery;
  if (mean === undefined) return [];
  const fails: WorkloadFailure[] = [];
  for (let b = 0; b < scenario.backends; b += 1) {
    for (let t = chance.exponential(mean); t < 2 * scenario.seconds; t += chance.exponential(mean)) {
      fails.push({ t, b, kind: chance.next() < 0.5 ? 'crash' : 'stall', down: 30 + chance.exponential(150) });
    }
  }
  return fails;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
