import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import type { SessionContext } from './context.js';
import { insertEvents } from './events.js';
import { lockSession, touch } from './open.js';
import { preferenceRows, writePreferences } from './preferences.js';
import { type SessionRow, withContents } from './read.js';
import { checkName, encodeValue, notFound, tooMuch } from './rules.js';
import type { Session, SessionChanges } from './types.js';

/**
 * Changes of a session: each value is a row of its own, written under the lock of the session. Two nodes that change
 * different values lose nothing; one that computes a value from the last gives a function, which sees what is stored.
 */
export type ChangeSession = SessionChanges | ((session: Session) => SessionChanges);

export interface ChangeOptions {
  /** Only while the session has this revision. */
  readonly ifRevision?: number;
}

export async function changeSession(
  context: SessionContext,
  id: string,
  change: ChangeSession,
  { ifRevision }: ChangeOptions = {},
): Promise<Session> {
  const { db, clock, feed } = context;
  const { session, isChanged } = await db.transaction(async (tx) => {
    const nowMs = clock.now();
    // What is written to the account must not be overtaken by its linking to another.
    const identity = await tx
      .selectFrom('session_identities')
      .select('id')
      .where('id', '=', (eb) => eb.selectFrom('sessions').select('identity_id').where('id', '=', id))
      .forUpdate()
      .executeTakeFirst();
    const row = identity === undefined ? null : await lockSession(tx, id, nowMs);
    if (row === null) throw notFound(id);
    if (ifRevision !== undefined && ifRevision !== row.revision) {
      throw new EaselError('session_conflict', `Session ${id} has revision ${row.revision}, and not ${ifRevision}.`, {
        details: { revision: row.revision },
      });
    }
    const changes = typeof change === 'function' ? change(await read(tx, row)) : change;
    const changed = await write(tx, context, row, changes, nowMs);
    const touched = await touch(tx, nowMs)
      .where('id', '=', id)
      .set((eb) => ({ revision: eb('revision', '+', changed.length === 0 ? 0 : 1) }))
      .returningAll()
      .executeTakeFirstOrThrow();
    const after = { ...row, ...touched };
    if (changed.length > 0) await insertEvents(tx, 'updated', [after], nowMs, changed);
    return { session: await read(tx, after), isChanged: changed.length > 0 };
  });
  if (isChanged) feed.publish();
  return session;
}

async function read(tx: DbTransaction, row: SessionRow): Promise<Session> {
  const [session] = await withContents(tx, [row]);
  return session!;
}

/** Returns the names of what was changed. */
async function write(
  tx: DbTransaction,
  { settings }: SessionContext,
  row: SessionRow,
  { values = {}, ...preferences }: SessionChanges,
  nowMs: number,
): Promise<string[]> {
  const entries = Object.entries(values).map(([name, value]) => {
    checkName(name);
    return { name, text: value === undefined ? null : encodeValue(name, value, settings) };
  });
  const wanted = preferenceRows(preferences, settings);
  const sizes = new Map(
    (await tx.selectFrom('session_values').select(['name', 'bytes']).where('session_id', '=', row.id).execute()).map(
      ({ name, bytes }) => [name, bytes],
    ),
  );
  for (const { name, text } of entries) {
    if (text === null) sizes.delete(name);
    else sizes.set(name, Buffer.byteLength(text));
  }
  if (entries.some(({ text }) => text !== null)) checkTotals(sizes, settings);
  for (const { name, text } of entries) await writeValue(tx, row.id, name, text, nowMs);
  await writePreferences(tx, row.account_id, wanted, { nowMs, maxRecentInputs: settings.maxRecentInputs });
  return [...entries.map(({ name }) => name), ...wanted.keys()];
}

async function writeValue(
  tx: DbTransaction,
  sessionId: string,
  name: string,
  text: string | null,
  nowMs: number,
): Promise<void> {
  if (text === null) {
    await tx.deleteFrom('session_values').where('session_id', '=', sessionId).where('name', '=', name).execute();
    return;
  }
  const set = { value: text, bytes: Buffer.byteLength(text), updated_at: nowMs };
  await tx
    .insertInto('session_values')
    .values({ session_id: sessionId, name, ...set })
    .onConflict((conflict) => conflict.columns(['session_id', 'name']).doUpdateSet(set))
    .execute();
}

function checkTotals(
  sizes: ReadonlyMap<string, number>,
  { maxValues, maxTotalBytes }: { readonly maxValues: number; readonly maxTotalBytes: number },
): void {
  if (sizes.size > maxValues)
    throw tooMuch(`The session would hold ${sizes.size} values; ${maxValues} are allowed.`, { maxValues });
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (bytes > maxTotalBytes)
    throw tooMuch(`The session would hold ${bytes} bytes; ${maxTotalBytes} are allowed.`, { bytes, maxTotalBytes });
}
