import { Webhook } from 'standardwebhooks';
import type { Generation } from './types.js';

/** A message that Easel sent. `webhook.test` carries no generation. */
export interface WebhookMessage {
  /** `generation.succeeded`, `generation.failed`, … */
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly generation?: Generation | { readonly id: string; readonly deleted: true } };
  /** The same for every try: keep it to tell repeats. */
  readonly id: string;
}

type HeaderSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

const NAMES = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

/**
 * Checks that a request came from your Easel and is not older than five minutes (Standard Webhooks). `body` is the text as
 * it arrived: parsed and written again it is another. Throws WebhookVerificationError.
 */
export function verifyWebhook(body: string | Uint8Array, headers: HeaderSource, secret: string): WebhookMessage {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const found = Object.fromEntries(NAMES.map((name) => [name, headerOf(headers, name)]));
  new Webhook(secret).verify(text, found);
  return { ...(JSON.parse(text) as Omit<WebhookMessage, 'id'>), id: found['webhook-id'] ?? '' };
}

function headerOf(headers: HeaderSource, name: string): string {
  if (headers instanceof Headers) return headers.get(name) ?? '';
  const entry = Object.entries(headers).find(([each]) => each.toLowerCase() === name);
  return [entry?.[1] ?? ''].flat()[0] ?? '';
}
