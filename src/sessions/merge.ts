import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import type { SessionContext } from './context.js';
import { insertEvents } from './events.js';
import { closeGate, passGate } from './gate.js';
import { movePreferences } from './preferences.js';
import { ACCOUNT_PLATFORM, isGuest } from './rules.js';
import type { Linked } from './types.js';

/**
 * Two accounts become one, in one transaction. Which of them goes:
 *
 * - A guest goes, and takes all that it owns along (`Belonging`). While one of its generations is open it cannot go: the
 *   points held for that one would have two owners.
 * - Of two guests, the newer.
 * - Of two others, the one that owns nothing; the newer when neither does. When both own something they stay two: whose
 *   points and plan should count is for people to decide.
 *
 * The session of an account on Easel itself stays with its account, which keys may still use.
 *
 * Order of locks: identities by id, gates by account, then what belongs to the accounts, sessions, and the ledger last.
 */
export async function mergeAccounts(
  tx: DbTransaction,
  context: SessionContext,
  oneId: string,
  otherId: string,
  nowMs: number,
): Promise<Linked> {
  if (oneId === otherId) return { accountId: oneId, mergedFrom: null, moved: {} };
  const identities = await tx
    .selectFrom('session_identities')
    .selectAll()
    .where('account_id', 'in', [oneId, otherId])
    .orderBy('id')
    .forUpdate()
    .execute();
  for (const id of [oneId, otherId].sort()) await passGate(tx, id, nowMs);
  const since = (id: string) =>
    Math.min(...identities.filter((row) => row.account_id === id).map((row) => row.created_at));
  const goingId = await whoGoes(tx, context, newestFirst(oneId, otherId, since));
  const stayingId = goingId === oneId ? otherId : oneId;

  const moved = isGuest(goingId) ? await moveBelongings(tx, context, goingId, stayingId) : {};
  await movePreferences(tx, goingId, stayingId, context.settings.maxRecentInputs);
  await tx.deleteFrom('session_link_codes').where('account_id', '=', goingId).execute();
  if (isGuest(goingId)) await closeGate(tx, goingId, stayingId);
  await moveIdentities(tx, goingId, stayingId, nowMs);
  return { accountId: stayingId, mergedFrom: goingId, moved };
}

function newestFirst(oneId: string, otherId: string, since: (id: string) => number): readonly [string, string] {
  // An account without an identity is older than any: it was there before somebody came by a platform.
  const age = (id: string) => (Number.isFinite(since(id)) ? since(id) : 0);
  return age(oneId) > age(otherId) ? [oneId, otherId] : [otherId, oneId];
}

async function whoGoes(
  tx: DbTransaction,
  context: SessionContext,
  [newer, older]: readonly [string, string],
): Promise<string> {
  if (isGuest(newer) !== isGuest(older)) return isGuest(newer) ? newer : older;
  if (isGuest(newer)) return newer;
  const owned = [];
  for (const id of [newer, older]) {
    const owns = await countBelongings(tx, context, id);
    if (Object.keys(owns).length === 0) return id;
    owned.push(owns);
  }
  throw new EaselError('session_link_refused', 'Both accounts own something, and neither is a guest.', {
    hint: 'Use one of the accounts, or empty the other.',
    details: { owns: owned },
  });
}

async function countBelongings(
  tx: DbTransaction,
  { belongings }: SessionContext,
  accountId: string,
): Promise<Record<string, number>> {
  const owns: Record<string, number> = {};
  for (const belonging of belongings) {
    const count = await belonging.count(tx, accountId);
    if (count > 0) owns[belonging.kind] = count;
  }
  return owns;
}

async function moveBelongings(
  tx: DbTransaction,
  { belongings }: SessionContext,
  fromId: string,
  toId: string,
): Promise<Record<string, number>> {
  const moved: Record<string, number> = {};
  for (const { kind, busy } of belongings) {
    const going = (await busy?.(tx, fromId)) ?? 0;
    if (going === 0) continue;
    throw new EaselError('session_link_refused', `The guest has ${going} ${kind} that are not done.`, {
      retryable: true,
      hint: 'Wait until they have ended, or cancel them, and try again.',
      details: { busy: { [kind]: going } },
    });
  }
  for (const belonging of belongings) {
    const count = await belonging.move(tx, fromId, toId);
    if (count > 0) moved[belonging.kind] = count;
  }
  return moved;
}

async function moveIdentities(tx: DbTransaction, fromId: string, toId: string, nowMs: number): Promise<void> {
  const identities = await tx
    .updateTable('session_identities')
    .set({ account_id: toId })
    .where('account_id', '=', fromId)
    .where('platform', '!=', ACCOUNT_PLATFORM)
    .returningAll()
    .execute();
  if (identities.length === 0) return;
  const sessions = await tx
    .updateTable('sessions')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where(
      'identity_id',
      'in',
      identities.map((row) => row.id),
    )
    .where('expires_at', '>', nowMs)
    .returningAll()
    .execute();
  const events = sessions.flatMap((session) => {
    const identity = identities.find(({ id }) => id === session.identity_id);
    if (identity === undefined) return [];
    const { platform, user_id, account_id } = identity;
    return [{ ...session, platform, user_id, account_id }];
  });
  await insertEvents(tx, 'updated', events, nowMs);
}
