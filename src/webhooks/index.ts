export type { DeliveryFilter, DeliveryPage } from './deliveries.js';
export type { EndpointChange, EndpointRequest } from './endpoints.js';
export { enqueueWebhooks, isFollowed } from './outbox.js';
export { guardedSender } from './sender.js';
export { Webhooks, type WebhooksOptions } from './service.js';
export {
  type Delivery,
  type DeliveryStatus,
  type DeliveryTry,
  type DescribeGeneration,
  type OutgoingWebhook,
  WEBHOOK_EVENTS,
  type WebhookAnswer,
  type WebhookEndpoint,
  type WebhookEvent,
  type WebhookSender,
  type WithSecret,
} from './types.js';
