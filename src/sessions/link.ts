import { createHash, randomInt } from 'node:crypto';
import { EaselError } from '../core/errors.js';
import type { DbTransaction } from '../db/index.js';
import type { SessionContext } from './context.js';
import { mergeAccounts } from './merge.js';
import { liveSessions } from './read.js';
import { checkAccountId, invalid, isGuest, notFound } from './rules.js';
import type { LinkCode, Linked } from './types.js';

/**
 * Linking by a code: a person who is known on one platform asks there for a code, and enters it on another.
 *
 * A code works once and for minutes, and there is one per account at a time. What is stored cannot be turned back into it
 * before it has run out. Wrong codes are counted by who tries them.
 */
const LETTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const GROUPS = [5, 5];

function newCode(): string {
  return GROUPS.map((length) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')).join('-');
}

function hashOf(code: string): string {
  const plain = code.toUpperCase().replace(/[^0-9A-Z]/g, '');
  return createHash('sha256').update(plain).digest('hex');
}

export async function createLinkCode(context: SessionContext, accountId: string): Promise<LinkCode> {
  const { db, clock, settings } = context;
  const nowMs = clock.now();
  const code = newCode();
  const row = { hash: hashOf(code), created_at: nowMs, expires_at: nowMs + settings.linkCodeMs };
  await db.transaction((tx) =>
    tx
      .insertInto('session_link_codes')
      .values({ ...row, account_id: accountId })
      .onConflict((conflict) => conflict.column('account_id').doUpdateSet(row))
      .execute(),
  );
  return { code, accountId, expiresAt: row.expires_at };
}

type Tried =
  | { readonly linked: Linked }
  | { readonly wrong: 'invalid' | 'attempts'; readonly retryAfterSeconds: number };

export async function redeemLinkCode(context: SessionContext, sessionId: string, code: string): Promise<Linked> {
  const { db, feed } = context;
  // A wrong code is counted, and what throws would not be.
  const tried = await db.transaction((tx) => tryCode(tx, context, sessionId, code));
  if ('linked' in tried) {
    feed.publish();
    return tried.linked;
  }
  if (tried.wrong === 'invalid') throw new EaselError('session_code_invalid', 'The code does not work.');
  const { retryAfterSeconds } = tried;
  throw new EaselError('session_code_attempts', 'Too many codes were wrong.', { details: { retryAfterSeconds } });
}

async function tryCode(tx: DbTransaction, context: SessionContext, sessionId: string, code: string): Promise<Tried> {
  const { clock, settings } = context;
  const nowMs = clock.now();
  const session = await tx
    .selectFrom('sessions')
    .select('identity_id')
    .where('id', '=', sessionId)
    .where('expires_at', '>', nowMs)
    .executeTakeFirst();
  if (session === undefined) throw notFound(sessionId);
  // The attempts of one identity come one by one.
  const attempts = await tx
    .insertInto('session_link_attempts')
    .values({ identity_id: session.identity_id, failures: 0, since: nowMs })
    .onConflict((conflict) =>
      conflict.column('identity_id').doUpdateSet((eb) => ({ failures: eb.ref('session_link_attempts.failures') })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  const isOver = attempts.since + settings.linkCodeMs <= nowMs;
  const failures = isOver ? 0 : attempts.failures;
  const since = isOver ? nowMs : attempts.since;
  if (failures >= settings.maxCodeAttempts) {
    const waitMs = Math.min(settings.linkCodeMs, since + settings.linkCodeMs - nowMs);
    return { wrong: 'attempts', retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }
  const used = await tx
    .deleteFrom('session_link_codes')
    .where('hash', '=', hashOf(code))
    .where('expires_at', '>', nowMs)
    .returning('account_id')
    .executeTakeFirst();
  if (used === undefined) {
    await tx
      .updateTable('session_link_attempts')
      .set({ failures: failures + 1, since })
      .where('identity_id', '=', session.identity_id)
      .execute();
    return { wrong: 'invalid', retryAfterSeconds: 0 };
  }
  await tx.deleteFrom('session_link_attempts').where('identity_id', '=', session.identity_id).execute();
  const identity = await tx
    .selectFrom('session_identities')
    .select('account_id')
    .where('id', '=', session.identity_id)
    .executeTakeFirstOrThrow();
  const linked = await mergeAccounts(tx, context, used.account_id, identity.account_id, nowMs);
  return { linked };
}

/** Without a code, where somebody else has made sure: the guest becomes part of the account. */
export async function claimGuest(context: SessionContext, sessionId: string, accountId: string): Promise<Linked> {
  const { db, clock, feed } = context;
  checkAccountId(accountId);
  const linked = await db.transaction(async (tx) => {
    const nowMs = clock.now();
    const row = await liveSessions(tx, nowMs).where('sessions.id', '=', sessionId).executeTakeFirst();
    if (row === undefined) throw notFound(sessionId);
    if (!isGuest(row.account_id) && row.account_id !== accountId) {
      throw new EaselError('session_link_refused', `Session ${sessionId} belongs to an account that is no guest.`, {
        hint: 'Link the two accounts by a code.',
      });
    }
    if (isGuest(accountId)) throw invalid('accountId', 'A guest cannot claim another.');
    return mergeAccounts(tx, context, accountId, row.account_id, nowMs);
  });
  feed.publish();
  return linked;
}
