import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** A signing secret; several are valid while a new one takes over. */
export interface StoredSecret {
  readonly secret: string;
  /** Signs until then; null for the newest. */
  readonly expiresAt: number | null;
}

/** 32 random bytes, as Standard Webhooks writes secrets (24 to 64 bytes, base64, with a prefix). */
export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

export function parseSecrets(text: string): StoredSecret[] {
  return JSON.parse(text) as StoredSecret[];
}

/** The new secret first; the old ones sign beside it until `overlapUntil`, so that no receiver misses a message. */
export function rotate(secrets: readonly StoredSecret[], overlapUntil: number, nowMs: number): StoredSecret[] {
  const kept = secrets
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > nowMs)
    .map(({ secret, expiresAt }) => ({ secret, expiresAt: Math.min(expiresAt ?? overlapUntil, overlapUntil) }))
    .filter(({ expiresAt }) => expiresAt > nowMs);
  return [{ secret: newSecret(), expiresAt: null }, ...kept];
}

/** The headers of a message at the time of this try: one signature per valid secret. */
export function signedHeaders(
  secrets: readonly StoredSecret[],
  message: { readonly id: string; readonly body: string; readonly nowMs: number },
): Record<string, string> {
  const at = new Date(message.nowMs);
  const signatures = secrets
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > message.nowMs)
    .map(({ secret }) => new Webhook(secret).sign(message.id, at, message.body));
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(Math.floor(message.nowMs / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}
