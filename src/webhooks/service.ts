import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import { PeriodicSweep } from '../core/periodic.js';
import type { Db } from '../db/index.js';
import { Deliverer } from './deliverer.js';
import { Deliveries, type DeliveryFilter, type DeliveryPage } from './deliveries.js';
import { type EndpointChange, type EndpointRequest, Endpoints } from './endpoints.js';
import { DEFAULT_SCHEDULE, type RetrySchedule } from './schedule.js';
import { sweepWebhooks } from './sweep.js';
import type { Delivery, DeliveryTry, DescribeGeneration, WebhookEndpoint, WebhookSender, WithSecret } from './types.js';

export interface WebhooksOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How a message leaves the house; the outbound guard stands behind it. */
  readonly send: WebhookSender;
  /** Throws for an address that the guard would refuse in any case. */
  readonly checkUrl: (url: string) => void;
  readonly describe: DescribeGeneration;
  readonly random?: () => number;
  readonly schedule?: Partial<RetrySchedule>;
  /** For one send; 15 s unless told. */
  readonly timeoutMs?: number;
  readonly tickMs?: number;
  /** 3 days unless told. */
  readonly disableAfterMs?: number;
  /** Told after each try that was written down: `failed` will be tried again, `dead` will not. */
  readonly onTried?: (outcome: 'delivered' | 'failed' | 'dead') => void;
  /** How long ended deliveries and their log are kept; 30 days unless told. */
  readonly keepDays?: number;
  /** Pause between two sweeps of them; an hour unless told. */
  readonly sweepMs?: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Tells accounts about their generations, by Standard Webhooks. See `types.ts` for the words. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #endpoints: Endpoints;
  readonly #deliveries: Deliveries;
  readonly #deliverer: Deliverer;
  readonly #sweeper: PeriodicSweep;

  constructor(options: WebhooksOptions) {
    const { db, clock, logger, send, describe, checkUrl } = options;
    this.#options = options;
    this.#endpoints = new Endpoints({ db, clock, checkUrl });
    this.#deliveries = new Deliveries({ db, clock });
    this.#deliverer = new Deliverer({
      db,
      clock,
      logger,
      send,
      describe,
      random: options.random ?? Math.random,
      schedule: { ...DEFAULT_SCHEDULE, ...options.schedule },
      timeoutMs: options.timeoutMs ?? 15_000,
      tickMs: options.tickMs ?? 1_000,
      disableAfterMs: options.disableAfterMs ?? 3 * DAY_MS,
      ...(options.onTried === undefined ? {} : { onTried: options.onTried }),
    });
    this.#sweeper = new PeriodicSweep({
      ...{ clock, logger, what: 'webhooks', everyMs: options.sweepMs ?? HOUR_MS },
      sweep: async (signal) => ({ deliveries: await this.sweep(signal) }),
    });
  }

  /** Begins to send what is in the outbox. */
  start(): void {
    this.#deliverer.start();
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#deliverer.stop(), this.#sweeper.stop()]);
  }

  /** There is something new in the outbox: no need to wait for the tick. */
  wake(): void {
    this.#deliverer.wake();
  }

  /** Throws `request_invalid`, and what the guard throws. The secret is told this once. */
  create(request: EndpointRequest): Promise<WithSecret> {
    return this.#endpoints.create(request);
  }

  list(accountId: string): Promise<WebhookEndpoint[]> {
    return this.#endpoints.list(accountId);
  }

  /** Throws `not_found`. */
  get(id: string, accountId: string): Promise<WebhookEndpoint> {
    return this.#endpoints.get(id, accountId);
  }

  /** Throws `not_found`, `request_invalid`, and what the guard throws. */
  update(id: string, accountId: string, change: EndpointChange): Promise<WebhookEndpoint> {
    return this.#endpoints.update(id, accountId, change);
  }

  /** With its outbox and log. Throws `not_found`. */
  remove(id: string, accountId: string): Promise<void> {
    return this.#endpoints.remove(id, accountId);
  }

  /** All endpoints of an account, with their outboxes and logs. */
  removeAccount(accountId: string): Promise<void> {
    return this.#endpoints.removeAccount(accountId);
  }

  /** The old secret signs beside the new one for `overlapMs` (a day unless told). Throws `not_found`. */
  rotateSecret(
    id: string,
    accountId: string,
    options: { readonly overlapMs?: number | undefined } = {},
  ): Promise<WithSecret> {
    return this.#endpoints.rotateSecret(id, accountId, options.overlapMs ?? DAY_MS);
  }

  /** Newest first. Throws `not_found`. */
  async deliveries(id: string, accountId: string, filter: DeliveryFilter = {}): Promise<DeliveryPage> {
    await this.get(id, accountId);
    return this.#deliveries.list(id, accountId, filter);
  }

  /** One delivery with its log. Throws `not_found`. */
  delivery(
    id: string,
    messageId: string,
    accountId: string,
  ): Promise<Delivery & { readonly tries: readonly DeliveryTry[] }> {
    return this.#deliveries.get(id, messageId, accountId);
  }

  /** Sends a message once more, delivered or dead. Throws `not_found`. */
  redeliver(id: string, messageId: string, accountId: string): Promise<void> {
    return this.#deliveries.redeliver(id, messageId, accountId);
  }

  /** Sends a message that tells of nothing. Returns its id: look the delivery up by it. Throws `not_found`. */
  async sendTest(id: string, accountId: string): Promise<string> {
    await this.get(id, accountId);
    return this.#deliveries.sendTest(id, accountId);
  }

  /** Removes ended deliveries that are older than the retention time. Returns how many. */
  sweep(signal?: AbortSignal): Promise<number> {
    const { db, clock, keepDays = 30 } = this.#options;
    return sweepWebhooks(db, clock.now() - keepDays * DAY_MS, signal);
  }
}
