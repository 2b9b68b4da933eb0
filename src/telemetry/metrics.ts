import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import { type FleetNumbers, readFleetNumbers } from './fleet-numbers.js';

/**
 * What `/metrics` tells, for Prometheus. Counters and histograms are of this process; gauges about queue, backends, points
 * and webhooks are read from the database when they are asked for, so that every node tells the same (take the maximum, not
 * the sum). Names follow Prometheus' rules: base units, `_total` for counters.
 */
export interface MetricsOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Memory, CPU, event loop of this process too; true unless told. */
  readonly processMetrics?: boolean;
}

/** An event of a generation, as far as metrics look at it. */
export interface ObservedEvent {
  readonly generationId: string;
  readonly type: string;
  readonly at: number;
  readonly data: unknown;
}

export interface ObservedRequest {
  readonly method: string;
  /** The pattern, never the path: ids would make a time series each. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** Scrapes of several collectors at once ask the database once. */
const FRESH_MS = 2_000;
/** Generations whose start was seen here and whose end was not yet. */
const MOST_STARTED = 10_000;
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const QUICK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];
const ENDS = ['succeeded', 'failed', 'cancelled', 'expired'];

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #startedAt = new Map<string, number>();
  readonly #counters: ReturnType<typeof makeCounters>;
  readonly #gauges: ReturnType<typeof makeGauges>;
  #latest: { readonly at: number; readonly numbers: Promise<FleetNumbers> } | null = null;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#counters = makeCounters(this.#registry);
    this.#gauges = makeGauges(this.#registry);
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of a scrape. What cannot be read from the database is left out, and said in `easel_scrape_errors_total`. */
  async text(): Promise<string> {
    try {
      this.#setGauges(await this.#numbers());
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the gauges of /metrics could not be read');
      this.#counters.scrapeErrors.inc();
      this.#gauges.reset();
    }
    return this.#registry.metrics();
  }

  /** Called for every event of a generation that this process makes. */
  observe(event: ObservedEvent): void {
    const data = (event.data ?? {}) as Readonly<Record<string, unknown>>;
    const backend = typeof data['backendId'] === 'string' ? data['backendId'] : '';
    switch (event.type) {
      case 'queued':
        this.#counters.submitted.inc();
        return;
      case 'started':
        this.#counters.attempts.inc({ backend });
        if (data['attempt'] === 1) this.#counters.wait.observe(seconds(event.at - bornAt(event.generationId)));
        this.#remember(event);
        return;
      case 'retrying':
        this.#counters.retries.inc({ backend, code: codeOf(data['error']) });
        return;
      default:
        if (ENDS.includes(event.type)) this.#end(event, data, backend);
    }
  }

  /** One try to send a webhook ended so. */
  webhookTried(outcome: 'delivered' | 'failed' | 'dead'): void {
    this.#counters.webhookTries.inc({ outcome });
  }

  request({ method, route, status, durationMs }: ObservedRequest): void {
    this.#counters.http.observe({ method, route, status }, seconds(durationMs));
  }

  /** A backend had to load a model for a job. */
  modelLoaded(backend: string): void {
    this.#counters.modelLoads.inc({ backend });
  }

  #end(event: ObservedEvent, data: Readonly<Record<string, unknown>>, backend: string): void {
    const code = event.type === 'failed' ? codeOf(data['error']) : '';
    this.#counters.ended.inc({ status: event.type, code });
    this.#counters.total.observe({ status: event.type }, seconds(event.at - bornAt(event.generationId)));
    if (typeof data['runMs'] === 'number') this.#counters.run.observe({ backend }, seconds(data['runMs']));
    const startedAt = this.#startedAt.get(event.generationId);
    if (startedAt !== undefined && event.type === 'succeeded') {
      this.#counters.attemptTime.observe({ backend }, seconds(event.at - startedAt));
    }
    this.#startedAt.delete(event.generationId);
  }

  #remember({ generationId, at }: ObservedEvent): void {
    if (this.#startedAt.size >= MOST_STARTED) this.#startedAt.delete(this.#startedAt.keys().next().value ?? '');
    this.#startedAt.set(generationId, at);
  }

  #numbers(): Promise<FleetNumbers> {
    const now = this.#options.clock.now();
    if (this.#latest === null || Math.abs(now - this.#latest.at) >= FRESH_MS) {
      this.#latest = { at: now, numbers: readFleetNumbers(this.#options.db.kysely, now) };
      // Told by whoever awaits it.
      this.#latest.numbers.catch(() => {});
    }
    return this.#latest.numbers;
  }

  #setGauges(numbers: FleetNumbers): void {
    const { queueDepth, queueAge, open, backends, circuits, webhooks, holds, held } = this.#gauges;
    this.#gauges.reset();
    for (const { lane, count, oldestMs } of numbers.queued) {
      queueDepth.set({ lane }, count);
      queueAge.set({ lane }, seconds(oldestMs));
    }
    for (const { status, count } of numbers.open) open.set({ status }, count);
    for (const { id, state, circuit } of numbers.backends) {
      backends.set({ backend: id, state }, 1);
      circuits.set({ backend: id }, circuit === 'closed' ? 0 : 1);
    }
    webhooks.set(numbers.pendingWebhooks);
    holds.set(numbers.openHolds);
    held.set(numbers.heldMicroPoints / 1_000_000);
  }
}

function makeCounters(registry: Registry) {
  const registers = [registry];
  const histogram = <Label extends string>(name: string, help: string, labelNames: Label[], buckets = SECONDS) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  return {
    submitted: counter('easel_generations_submitted_total', 'Generations accepted by this node.', []),
    ended: counter('easel_generations_ended_total', 'Generations that ended on this node, by how.', ['status', 'code']),
    attempts: counter('easel_attempts_total', 'Attempts that this node began, by backend.', ['backend']),
    retries: counter('easel_retries_total', 'Attempts that failed and will be repeated.', ['backend', 'code']),
    modelLoads: counter('easel_model_loads_total', 'Jobs for which a backend had to load a model.', ['backend']),
    webhookTries: counter('easel_webhook_tries_total', 'Tries to send a webhook, by how they ended.', ['outcome']),
    scrapeErrors: counter('easel_scrape_errors_total', 'Scrapes for which the database could not be read.', []),
    wait: histogram('easel_wait_seconds', 'From submit to the first start.', []),
    run: histogram('easel_run_seconds', "Time on the backend, by the backend's own clock.", ['backend']),
    attemptTime: histogram('easel_attempt_seconds', 'From the start of the attempt that succeeded to its end.', [
      'backend',
    ]),
    total: histogram('easel_generation_seconds', 'From submit to the end, by how it ended.', ['status']),
    http: histogram(
      'easel_http_request_seconds',
      'HTTP requests of this node; event streams count until they end.',
      ['method', 'route', 'status'],
      QUICK_SECONDS,
    ),
  };
}

function makeGauges(registry: Registry) {
  const all: Gauge[] = [];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> => {
    const made = new Gauge({ name, help, labelNames, registers: [registry] });
    all.push(made as unknown as Gauge);
    return made;
  };
  return {
    queueDepth: gauge('easel_queue_depth', 'Waiting generations, by lane.', ['lane']),
    queueAge: gauge('easel_queue_oldest_seconds', 'Age of the oldest waiting generation, by lane.', ['lane']),
    open: gauge('easel_generations_open', 'Generations that have not ended, by status.', ['status']),
    backends: gauge('easel_backend_state', '1 for the state that a backend is in.', ['backend', 'state']),
    circuits: gauge('easel_backend_circuit_open', '1 while the breaker of a backend is open or half open.', [
      'backend',
    ]),
    webhooks: gauge('easel_webhooks_pending', 'Webhook deliveries that wait for their next try.', []),
    holds: gauge('easel_points_open_holds', 'Holds that have not ended.', []),
    held: gauge('easel_points_held', 'Points in open holds.', []),
    reset: () => {
      for (const each of all) each.reset();
    },
  };
}

/** Ids of generations are UUIDv7: their first 48 bits are the time of submit (RFC 9562 5.7). */
function bornAt(generationId: string): number {
  return Number.parseInt(generationId.replace('-', '').slice(0, 12), 16);
}

function seconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, ms) / 1000 : 0;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
