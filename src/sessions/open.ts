import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { DbTransaction } from '../db/index.js';
import type { SessionContext } from './context.js';
import { insertEvents } from './events.js';
import { liveSessions, type SessionRow, withContents } from './read.js';
import {
  ACCOUNT_PLATFORM,
  checkAccountId,
  checkPlatform,
  checkUserId,
  idleMsOf,
  invalid,
  newGuestId,
} from './rules.js';
import type { OpenedSession, OpenSession } from './types.js';

/**
 * Get or create. Usually the session is there, and one statement finds and touches it; all else stands in line at the row of
 * the identity, so that two nodes that see a newcomer at the same time make one session.
 */
export async function openSession(context: SessionContext, request: OpenSession): Promise<OpenedSession> {
  const { platform, userId, accountId } = request;
  checkPlatform(platform);
  checkUserId(userId);
  if (accountId !== undefined) checkAccountId(accountId);
  if (platform === ACCOUNT_PLATFORM && accountId !== userId) {
    throw invalid('accountId', `On the platform "${ACCOUNT_PLATFORM}" the user is the account: give it as accountId.`);
  }
  const touched = await touchExisting(context, request);
  if (touched !== null) return { session: await complete(context, touched), isNew: false, isReturning: true };
  const { row, isNew, isReturning } = await context.db.transaction((tx) => openUnderLock(tx, context, request));
  if (isNew) context.feed.publish();
  return { session: await complete(context, row), isNew, isReturning };
}

async function complete({ db }: SessionContext, row: SessionRow) {
  const [session] = await withContents(db.kysely, [row]);
  return session!;
}

async function touchExisting(
  { db, clock }: SessionContext,
  { platform, userId, accountId }: OpenSession,
): Promise<SessionRow | null> {
  const identity = await db.kysely
    .selectFrom('session_identities')
    .selectAll()
    .where('platform', '=', platform)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (identity === undefined) return null;
  checkOwner(identity, accountId);
  const nowMs = clock.now();
  const session = await db.transaction((tx) =>
    touch(tx, nowMs).where('identity_id', '=', identity.id).returningAll().executeTakeFirst(),
  );
  if (session === undefined) return null;
  return { ...session, platform, user_id: userId, account_id: identity.account_id };
}

/** Of live sessions; a clock that went back takes nothing away from them. Narrow it down. */
export function touch(tx: DbTransaction, nowMs: number) {
  return tx
    .updateTable('sessions')
    .set((eb) => ({
      touched_at: eb.case().when('touched_at', '>', nowMs).then(eb.ref('touched_at')).else(nowMs).end(),
      expires_at: eb
        .case()
        .when('expires_at', '>', eb(eb.val(nowMs), '+', eb.ref('idle_ms')))
        .then(eb.ref('expires_at'))
        .else(eb(eb.val(nowMs), '+', eb.ref('idle_ms')))
        .end(),
    }))
    .where('expires_at', '>', nowMs);
}

async function openUnderLock(
  tx: DbTransaction,
  { clock, settings }: SessionContext,
  { platform, userId, accountId }: OpenSession,
): Promise<{ readonly row: SessionRow; readonly isNew: boolean; readonly isReturning: boolean }> {
  const nowMs = clock.now();
  const made = await tx
    .insertInto('session_identities')
    .values({
      id: newId(),
      platform,
      user_id: userId,
      account_id: accountId ?? newGuestId(),
      created_at: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['platform', 'user_id']).doNothing())
    .executeTakeFirst();
  const identity = await tx
    .selectFrom('session_identities')
    .selectAll()
    .where('platform', '=', platform)
    .where('user_id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  checkOwner(identity, accountId);
  const isReturning = made.numInsertedOrUpdatedRows === 0n;
  const user = { platform, user_id: userId, account_id: identity.account_id };
  // Somebody else may have made one meanwhile.
  const existing = await touch(tx, nowMs).where('identity_id', '=', identity.id).returningAll().executeTakeFirst();
  if (existing !== undefined) return { row: { ...existing, ...user }, isNew: false, isReturning };
  const over = await tx.deleteFrom('sessions').where('identity_id', '=', identity.id).returningAll().execute();
  await insertEvents(
    tx,
    'expired',
    over.map((row) => ({ ...row, ...user, revision: row.revision + 1 })),
    nowMs,
  );
  const idleMs = idleMsOf(platform, settings);
  const session = {
    id: newId(),
    identity_id: identity.id,
    revision: 1,
    idle_ms: idleMs,
    created_at: nowMs,
    touched_at: nowMs,
    expires_at: nowMs + idleMs,
  };
  await tx.insertInto('sessions').values(session).execute();
  const row = { ...session, ...user };
  await insertEvents(tx, 'created', [row], nowMs);
  return { row, isNew: true, isReturning };
}

function checkOwner(
  identity: { readonly platform: string; readonly user_id: string; readonly account_id: string },
  accountId: string | undefined,
): void {
  if (accountId === undefined || accountId === identity.account_id) return;
  throw new EaselError(
    'session_identity_taken',
    `The user ${identity.user_id} of ${identity.platform} belongs to another account than ${accountId}.`,
  );
}

/** A live session, locked until COMMIT. */
export async function lockSession(tx: DbTransaction, id: string, nowMs: number): Promise<SessionRow | null> {
  const locked = await tx.selectFrom('sessions').select('id').where('id', '=', id).forUpdate().executeTakeFirst();
  if (locked === undefined) return null;
  return (await liveSessions(tx, nowMs).where('sessions.id', '=', id).executeTakeFirst()) ?? null;
}
