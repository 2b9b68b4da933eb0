import { webhookSchema } from './schemas.js';

/** What a webhook claims (comfydeploy.md 4). It carries no signature, so it is a hint to read the run and nothing more. */
export interface WebhookReport {
  readonly runId: string;
  readonly status: string | null;
  /** `run.updated`, `run.output`; null from the legacy API. */
  readonly eventType: string | null;
}

/** Null when the body is not such a report. Nothing of `outputs` is read: they come unsigned, and their URLs too. */
export function parseWebhook(body: unknown): WebhookReport | null {
  const parsed = webhookSchema.safeParse(body);
  if (!parsed.success) return null;
  return { runId: parsed.data.run_id, status: parsed.data.status, eventType: parsed.data.event_type };
}
