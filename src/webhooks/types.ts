/**
 * Words of the webhooks room (the wire format is Standard Webhooks, https://www.standardwebhooks.com):
 *
 * - endpoint   an address of an account that wants to be told about its generations
 * - message    one event, with one id (`webhook-id`) for every endpoint and try, so that receivers can tell repeats
 * - delivery   the sending of one message to one endpoint: pending -> delivered, or dead after a day of tries
 * - try        one POST; all of them are in the delivery log
 * - outbox     the pending deliveries: written in the transaction that made the event, so that none is forgotten and none
 *              tells of what was rolled back
 */
export const WEBHOOK_EVENTS = [
  'generation.started',
  'generation.retrying',
  'generation.succeeded',
  'generation.failed',
  'generation.cancelled',
  'generation.expired',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What an endpoint gets that does not say: how each generation ended. */
export const DEFAULT_WEBHOOK_EVENTS: readonly WebhookEvent[] = [
  'generation.succeeded',
  'generation.failed',
  'generation.cancelled',
  'generation.expired',
];

/** Sent on demand; never asks for a subscription. */
export const TEST_EVENT = 'webhook.test';

export interface WebhookEndpoint {
  readonly id: string;
  readonly accountId: string;
  readonly url: string;
  readonly description: string;
  readonly events: readonly WebhookEvent[];
  readonly enabled: boolean;
  /** Why Easel turned it off by itself, or null. */
  readonly disabledReason: string | null;
  /** Since when every try has failed, or null. */
  readonly failingSince: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A secret is shown once: when it is made. */
export interface WithSecret {
  readonly endpoint: WebhookEndpoint;
  /** `whsec_` and base64, as Standard Webhooks libraries take it. */
  readonly secret: string;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

export interface Delivery {
  readonly endpointId: string;
  readonly messageId: string;
  readonly generationId: string | null;
  readonly type: string;
  readonly status: DeliveryStatus;
  readonly attemptCount: number;
  /** Of the next try; null when there will be none. */
  readonly nextAt: number | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

export interface DeliveryTry {
  readonly number: number;
  readonly at: number;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

/** Sends one POST to an address that somebody else chose: the outbound guard stands behind it. */
export type WebhookSender = (request: OutgoingWebhook) => Promise<WebhookAnswer>;

export interface OutgoingWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** Of the answer; the rest is not read. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
}

export interface WebhookAnswer {
  readonly status: number;
  /** Of the header `Retry-After`, when there is one. */
  readonly retryAfterMs: number | null;
  readonly text: string;
}

/** The object that a message tells about, as the API shows it; null when it is gone. */
export type DescribeGeneration = (generationId: string, accountId: string) => Promise<object | null>;
