import type { JsonObject } from '../core/json.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import { canonicalLocale, decodeObject, decodeValue, encodeValue, invalid } from './rules.js';
import type { PreferenceChanges, Preferences, SessionSettings } from './types.js';

/** One row per preference, so that two nodes that change different ones lose nothing. */

const INPUTS = 'inputs:';
const MAX_NAME_CHARS = 200;

export async function readPreferences(
  db: DbReader | DbTransaction,
  accountIds: readonly string[],
): Promise<Map<string, Preferences>> {
  const rows = await db
    .selectFrom('session_preferences')
    .select(['account_id', 'name', 'value'])
    .where('account_id', 'in', accountIds)
    // The last inputs that were stored come first.
    .orderBy('updated_at', 'desc')
    .orderBy('name')
    .execute();
  const found = new Map<
    string,
    { locale: string | null; workflow: string | null; backend: string | null; inputs: [string, JsonObject][] }
  >();
  for (const { account_id: accountId, name, value } of rows) {
    const entry = found.get(accountId) ?? { locale: null, workflow: null, backend: null, inputs: [] };
    found.set(accountId, entry);
    if (name.startsWith(INPUTS)) entry.inputs.push([name.slice(INPUTS.length), decodeObject(value)]);
    else if (name === 'locale' || name === 'workflow' || name === 'backend') entry[name] = String(decodeValue(value));
  }
  return new Map([...found].map(([id, { inputs, ...rest }]) => [id, { ...rest, inputs: Object.fromEntries(inputs) }]));
}

/** The rows that these changes come to: name and JSON, or null to forget. Throws `request_invalid`, `session_limit`. */
export function preferenceRows(changes: PreferenceChanges, settings: SessionSettings): Map<string, string | null> {
  const rows = new Map<string, string | null>();
  const { locale, workflow, backend, inputs = {} } = changes;
  if (locale !== undefined) rows.set('locale', locale === null ? null : JSON.stringify(canonicalLocale(locale)));
  for (const [name, value] of [
    ['workflow', workflow],
    ['backend', backend],
  ] as const) {
    if (value === undefined) continue;
    if (value !== null) checkName(name, value);
    rows.set(name, value === null ? null : JSON.stringify(value));
  }
  for (const [name, value] of Object.entries(inputs)) {
    checkName('inputs', name);
    rows.set(INPUTS + name, value === null ? null : encodeValue(`inputs of ${name}`, value, settings));
  }
  return rows;
}

function checkName(field: string, name: string): void {
  if (name === '' || name.length > MAX_NAME_CHARS || name === '__proto__' || /[\p{Cc}\p{Surrogate}]/u.test(name))
    throw invalid(field, `${field}: a name has 1 to ${MAX_NAME_CHARS} characters.`);
}

export async function writePreferences(
  tx: DbTransaction,
  accountId: string,
  rows: ReadonlyMap<string, string | null>,
  { nowMs, maxRecentInputs }: { readonly nowMs: number; readonly maxRecentInputs: number },
): Promise<void> {
  for (const [name, value] of rows) {
    if (value === null) {
      await tx.deleteFrom('session_preferences').where('account_id', '=', accountId).where('name', '=', name).execute();
      continue;
    }
    await tx
      .insertInto('session_preferences')
      .values({ account_id: accountId, name, value, updated_at: nowMs })
      .onConflict((conflict) => conflict.columns(['account_id', 'name']).doUpdateSet({ value, updated_at: nowMs }))
      .execute();
  }
  if ([...rows].some(([name, value]) => name.startsWith(INPUTS) && value !== null))
    await forgetOldest(tx, accountId, maxRecentInputs);
}

async function forgetOldest(tx: DbTransaction, accountId: string, keep: number): Promise<void> {
  const old = await tx
    .selectFrom('session_preferences')
    .select('name')
    .where('account_id', '=', accountId)
    .where('name', '>=', INPUTS)
    // The character after the colon: everything that begins with `inputs:`.
    .where('name', '<', 'inputs;')
    .orderBy('updated_at', 'desc')
    .orderBy('name')
    .limit(1_000)
    .offset(keep)
    .execute();
  if (old.length === 0) return;
  await tx
    .deleteFrom('session_preferences')
    .where('account_id', '=', accountId)
    .where(
      'name',
      'in',
      old.map((row) => row.name),
    )
    .execute();
}

/** What the account that stays does not have itself, it takes over. */
export async function movePreferences(
  tx: DbTransaction,
  fromId: string,
  toId: string,
  maxRecentInputs: number,
): Promise<void> {
  const rows = await tx.deleteFrom('session_preferences').where('account_id', '=', fromId).returningAll().execute();
  for (const row of rows) {
    await tx
      .insertInto('session_preferences')
      .values({ ...row, account_id: toId })
      .onConflict((conflict) => conflict.columns(['account_id', 'name']).doNothing())
      .execute();
  }
  if (rows.length > 0) await forgetOldest(tx, toId, maxRecentInputs);
}
