export interface WebhookTables {
  webhook_endpoints: WebhookEndpointsTable;
  webhook_subscriptions: WebhookSubscriptionsTable;
  webhook_deliveries: WebhookDeliveriesTable;
  webhook_attempts: WebhookAttemptsTable;
}

/** Where an account wants to be told. */
export interface WebhookEndpointsTable {
  id: string;
  account_id: string;
  url: string;
  description: string;
  /** Types of events that it wants, as JSON. */
  events: string;
  /** Signing secrets, the newest first, as JSON. Needed as they are to sign, so they are not hashed. */
  secrets: string;
  enabled: number;
  /** Why Easel turned it off by itself; null when it is on, or its owner did. */
  disabled_reason: string | null;
  /** Failed sends in a row, over all deliveries. */
  failure_count: number;
  failing_since: number | null;
  /** Nothing is sent to it before this time: the receiver as a whole is away. */
  paused_until: number;
  created_at: number;
  updated_at: number;
}

/** Which endpoints want an event, for the transaction that makes it: rows of enabled endpoints only. */
export interface WebhookSubscriptionsTable {
  account_id: string;
  type: string;
  endpoint_id: string;
}

/** The outbox: one row per event and endpoint, written in the transaction that made the event. */
export interface WebhookDeliveriesTable {
  endpoint_id: string;
  /** `<generation>.<seq>` for an event; the same for every endpoint and try, so that a receiver can tell repeats. */
  message_id: string;
  account_id: string;
  /** Null for a test message. */
  generation_id: string | null;
  /** Of the event: deliveries of one generation to one endpoint go out in this order. */
  seq: number;
  type: string;
  event_at: number;
  status: 'pending' | 'delivered' | 'dead';
  attempt_count: number;
  next_at: number;
  /** Whoever claimed it may send until then. */
  lease_until: number;
  lease_token: string | null;
  last_status: number | null;
  last_error: string | null;
  created_at: number;
  finished_at: number | null;
}

/** The delivery log: one row per try. */
export interface WebhookAttemptsTable {
  endpoint_id: string;
  message_id: string;
  number: number;
  at: number;
  duration_ms: number;
  /** HTTP status; null when there was no answer. */
  status: number | null;
  error: string | null;
  /** The first bytes of what the receiver answered. */
  answer: string | null;
}
