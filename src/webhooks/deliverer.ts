import type { Clock, Timer } from '../core/clock.js';
import { EaselError, toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import { claimDue, type DueDelivery } from './due.js';
import { unsubscribe } from './endpoints.js';
import { bodyOf } from './payload.js';
import { nextDelayMs, pauseMs, type RetrySchedule } from './schedule.js';
import { parseSecrets, signedHeaders } from './secrets.js';
import type { DescribeGeneration, WebhookSender } from './types.js';

/**
 * Sends what is in the outbox. Every node runs one; a claim with a lease says who sends what.
 *
 *   pending --claim--> under way --2xx--> delivered
 *      ^                   |
 *      '--- next_at <------'--- anything else; at an age of a day: dead
 *
 * At least once: a node that dies after the receiver answered leaves a claim that runs out, and the message goes again
 * with the same id. A receiver that is away is left alone for a while (`paused_until`) and then tried with one message, so
 * that a thousand waiting ones do not each find out for themselves; when it is back, all of them go at once.
 */
export interface DelivererOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: WebhookSender;
  readonly describe: DescribeGeneration;
  /** 0 to 1, exclusive; for jitter. */
  readonly random: () => number;
  readonly schedule: RetrySchedule;
  /** For one send, from the look-up of the name to the end of the answer. */
  readonly timeoutMs: number;
  readonly tickMs: number;
  /** An endpoint that has failed for so long is turned off. */
  readonly disableAfterMs: number;
  /** Told after each try that was written down. */
  readonly onTried?: (outcome: 'delivered' | 'failed' | 'dead') => void;
}

const MAX_UNDER_WAY = 32;
const MAX_PER_ENDPOINT = 4;
const MAX_ANSWER_BYTES = 1_024;
/** Beyond the send itself: for reading the generation and writing down the answer. */
const LEASE_MARGIN_MS = 30_000;

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #underWay = new Map<string, number>();
  readonly #sends = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | null = null;
  #unsubscribe: (() => void) | null = null;
  #wake: (() => void) | null = null;
  #woken = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#loop !== null) return;
    this.#unsubscribe = this.#options.db.changes.subscribe('webhooks', () => this.#wakeUp());
    this.#loop = this.#main();
  }

  /** Breaks off what is being sent; it goes again from the next start on, with the same id. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#stop.abort(new EaselError('shutting_down', 'This node is stopping.'));
    this.#wakeUp();
    await this.#loop;
    await Promise.all(this.#sends);
  }

  /** There is something new in the outbox. */
  wake(): void {
    this.#wakeUp();
  }

  async #main(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let more = false;
      try {
        more = await this.#claimAndSend();
      } catch (error) {
        this.#options.logger.warn({ err: toEaselError(error) }, 'webhooks could not be claimed; trying again');
      }
      if (!more) await this.#pause();
    }
  }

  /** True when there may be more to claim at once. */
  async #claimAndSend(): Promise<boolean> {
    const { db, clock, timeoutMs } = this.#options;
    const free = MAX_UNDER_WAY - this.#sends.size;
    if (free <= 0) return false;
    const { claimed, mayHaveMore } = await claimDue(db, {
      nowMs: clock.now(),
      leaseMs: timeoutMs + LEASE_MARGIN_MS,
      limit: free,
      busy: [...this.#underWay].flatMap(([id, count]) => (count >= MAX_PER_ENDPOINT ? [id] : [])),
      roomFor: (id, failureCount) => (failureCount > 0 ? 1 : MAX_PER_ENDPOINT) - (this.#underWay.get(id) ?? 0),
    });
    for (const delivery of claimed) this.#launch(delivery);
    return mayHaveMore && claimed.length > 0;
  }

  #launch(delivery: DueDelivery): void {
    const { endpointId } = delivery;
    this.#underWay.set(endpointId, (this.#underWay.get(endpointId) ?? 0) + 1);
    const done = this.#deliver(delivery)
      .catch((error: unknown) => {
        // Its claim runs out, and then it is sent again.
        this.#options.logger.warn({ err: toEaselError(error), endpoint: endpointId }, 'a webhook could not be handled');
      })
      .finally(() => {
        this.#sends.delete(done);
        const left = (this.#underWay.get(endpointId) ?? 1) - 1;
        if (left === 0) this.#underWay.delete(endpointId);
        else this.#underWay.set(endpointId, left);
        // The next event of the same generation may go now.
        this.#wakeUp();
      });
    this.#sends.add(done);
  }

  async #deliver(delivery: DueDelivery): Promise<void> {
    const { clock, db } = this.#options;
    const startedAt = clock.now();
    const outcome = await this.#send(delivery);
    if (outcome === null) return;
    const nowMs = clock.now();
    const isDelivered = outcome.status !== null && outcome.status >= 200 && outcome.status < 300;
    const retryInMs = isDelivered
      ? null
      : nextDelayMs(
          this.#options.schedule,
          { tries: delivery.number, ageMs: nowMs - delivery.createdAt, retryAfterMs: outcome.retryAfterMs },
          this.#options.random,
        );
    const isGone = outcome.status === 410;
    const isDead = !isDelivered && (isGone || retryInMs === null);
    await db.transaction(async (tx) => {
      const written = await tx
        .updateTable('webhook_deliveries')
        .set({
          status: isDelivered ? 'delivered' : isDead ? 'dead' : 'pending',
          next_at: nowMs + (retryInMs ?? 0),
          lease_until: 0,
          lease_token: null,
          last_status: outcome.status,
          last_error: outcome.error,
          finished_at: isDelivered || isDead ? nowMs : null,
        })
        .where('endpoint_id', '=', delivery.endpointId)
        .where('message_id', '=', delivery.messageId)
        .where('lease_token', '=', delivery.leaseToken)
        .executeTakeFirst();
      // Somebody else has sent it meanwhile, or its endpoint was removed.
      if (written.numUpdatedRows === 0n) return;
      await tx
        .insertInto('webhook_attempts')
        .values({
          endpoint_id: delivery.endpointId,
          message_id: delivery.messageId,
          number: delivery.number,
          at: startedAt,
          duration_ms: Math.max(0, nowMs - startedAt),
          status: outcome.status,
          error: outcome.error,
          answer: outcome.answer,
        })
        .execute();
      const endpoint = tx.updateTable('webhook_endpoints').where('id', '=', delivery.endpointId);
      if (isDelivered) {
        if (delivery.failureCount === 0) return;
        await endpoint.set({ failure_count: 0, failing_since: null, paused_until: 0 }).execute();
        // It is back: what waits for a later try need not wait any longer.
        await tx
          .updateTable('webhook_deliveries')
          .set({ next_at: nowMs })
          .where('endpoint_id', '=', delivery.endpointId)
          .where('status', '=', 'pending')
          .where('next_at', '>', nowMs)
          .execute();
        return;
      }
      const waitMs = Math.max(pauseMs(delivery.failureCount + 1), outcome.retryAfterMs ?? 0);
      await endpoint
        .set((eb) => ({
          failure_count: eb('failure_count', '+', 1),
          failing_since: eb.fn.coalesce('failing_since', eb.val(startedAt)),
          paused_until: nowMs + Math.min(waitMs, this.#options.schedule.maxDelayMs),
          ...(isGone ? { enabled: 0, disabled_reason: 'The receiver answered 410 Gone.' } : {}),
        }))
        .execute();
      const turnedOff =
        isGone ||
        (
          await tx
            .updateTable('webhook_endpoints')
            .set({ enabled: 0, disabled_reason: 'Every message has failed for too long.' })
            .where('id', '=', delivery.endpointId)
            .where('failing_since', '<=', nowMs - this.#options.disableAfterMs)
            .executeTakeFirst()
        ).numUpdatedRows > 0n;
      if (!turnedOff) return;
      await unsubscribe(tx, delivery.endpointId);
      // Nobody would send them any more; their owner can ask for them again.
      await tx
        .updateTable('webhook_deliveries')
        .set({ status: 'dead', finished_at: nowMs, last_error: 'The endpoint was turned off.' })
        .where('endpoint_id', '=', delivery.endpointId)
        .where('status', '=', 'pending')
        .execute();
    });
    this.#log(delivery, outcome, isDead);
    this.#options.onTried?.(isDelivered ? 'delivered' : isDead ? 'dead' : 'failed');
  }

  /** Null when we are stopping: then it counts as not tried. */
  async #send(delivery: DueDelivery): Promise<Outcome | null> {
    const { clock, send, describe, timeoutMs } = this.#options;
    const { signal } = this.#stop;
    // What fails here is our own fault, and must not count against the receiver: the claim runs out instead.
    const body = await bodyOf(delivery, describe);
    const secrets = parseSecrets(delivery.secrets);
    const signed = signedHeaders(secrets, { id: delivery.messageId, body, nowMs: clock.now() });
    try {
      const answer = await send({
        url: delivery.url,
        headers: { 'content-type': 'application/json', 'user-agent': 'Easel-Webhooks', ...signed },
        body,
        timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        signal,
      });
      return {
        status: answer.status,
        error: answer.status >= 200 && answer.status < 300 ? null : `The receiver answered ${answer.status}.`,
        answer: answer.text.slice(0, MAX_ANSWER_BYTES),
        retryAfterMs: answer.retryAfterMs,
      };
    } catch (thrown) {
      if (signal.aborted) return null;
      const error = toEaselError(thrown);
      return { status: null, error: `${error.code}: ${error.message}`.slice(0, 500), answer: null, retryAfterMs: null };
    }
  }

  #log(delivery: DueDelivery, { status, error }: Outcome, isDead: boolean): void {
    const facts = {
      endpoint: delivery.endpointId,
      message: delivery.messageId,
      generation: delivery.generationId,
      try: delivery.number,
      status,
      error,
    };
    if (isDead) this.#options.logger.warn(facts, 'a webhook was given up');
    else if (error !== null) this.#options.logger.info(facts, 'a webhook failed and will be tried again');
    else this.#options.logger.debug(facts, 'a webhook was delivered');
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake?.();
  }

  async #pause(): Promise<void> {
    const { clock, tickMs, random } = this.#options;
    if (!this.#woken && !this.#stop.signal.aborted) {
      let timer: Timer | null = null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = clock.setTimer(resolve, tickMs * (0.75 + random() / 2), { unref: true });
      });
      (timer as Timer | null)?.cancel();
      this.#wake = null;
    }
    this.#woken = false;
  }
}

interface Outcome {
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
  readonly retryAfterMs: number | null;
}
