import type { JsonValue } from '../core/json.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import { readPreferences } from './preferences.js';
import { decodeValue, isGuest } from './rules.js';
import type { Preferences, Session } from './types.js';

type Reader = DbReader | DbTransaction;

export interface SessionRow {
  readonly id: string;
  readonly identity_id: string;
  readonly revision: number;
  readonly idle_ms: number;
  readonly created_at: number;
  readonly touched_at: number;
  readonly expires_at: number;
  readonly platform: string;
  readonly user_id: string;
  readonly account_id: string;
}

/** Live sessions with their identity. */
export function liveSessions(db: Reader, nowMs: number) {
  return db
    .selectFrom('sessions')
    .innerJoin('session_identities as identity', 'identity.id', 'sessions.identity_id')
    .selectAll('sessions')
    .select(['identity.platform', 'identity.user_id', 'identity.account_id'])
    .where('sessions.expires_at', '>', nowMs);
}

/** With values and preferences, in as many queries whether it is one or a hundred. */
export async function withContents(db: Reader, rows: readonly SessionRow[]): Promise<Session[]> {
  if (rows.length === 0) return [];
  const [values, preferences] = await Promise.all([
    readValues(
      db,
      rows.map((row) => row.id),
    ),
    readPreferences(db, [...new Set(rows.map((row) => row.account_id))]),
  ]);
  return rows.map((row) => toSession(row, values.get(row.id) ?? [], preferences.get(row.account_id) ?? NO_PREFERENCES));
}

export const NO_PREFERENCES: Preferences = { locale: null, workflow: null, backend: null, inputs: {} };

async function readValues(db: Reader, ids: readonly string[]): Promise<Map<string, [string, JsonValue][]>> {
  const rows = await db
    .selectFrom('session_values')
    .select(['session_id', 'name', 'value'])
    .where('session_id', 'in', ids)
    .orderBy('session_id')
    .orderBy('name')
    .execute();
  const found = new Map<string, [string, JsonValue][]>();
  for (const { session_id: id, name, value } of rows) {
    const list = found.get(id) ?? [];
    list.push([name, decodeValue(value)]);
    found.set(id, list);
  }
  return found;
}

function toSession(row: SessionRow, values: readonly [string, JsonValue][], preferences: Preferences): Session {
  return {
    id: row.id,
    platform: row.platform,
    userId: row.user_id,
    accountId: row.account_id,
    isGuest: isGuest(row.account_id),
    revision: row.revision,
    createdAt: row.created_at,
    touchedAt: row.touched_at,
    expiresAt: row.expires_at,
    values: Object.fromEntries(values),
    preferences,
  };
}
