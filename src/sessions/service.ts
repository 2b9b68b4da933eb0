import type { Clock } from '../core/clock.js';
import type { JsonValue } from '../core/json.js';
import type { Logger } from '../core/log.js';
import { PeriodicSweep } from '../core/periodic.js';
import type { Db } from '../db/index.js';
import { type ChangeOptions, type ChangeSession, changeSession } from './change.js';
import type { SessionContext } from './context.js';
import { EventFeed, type SessionListener } from './events.js';
import { claimGuest, createLinkCode, redeemLinkCode } from './link.js';
import { forgetAccount, removeSessions, touchSessions } from './many.js';
import { openSession } from './open.js';
import { readPreferences } from './preferences.js';
import { liveSessions, NO_PREFERENCES, withContents } from './read.js';
import { checkAccountId, invalid, notFound } from './rules.js';
import { sweepSessions } from './sweep.js';
import type {
  Belonging,
  Identity,
  LinkCode,
  Linked,
  OpenedSession,
  OpenSession,
  Preferences,
  Session,
  SessionEventType,
  SessionSettings,
  SessionSweepReport,
} from './types.js';

export interface SessionsOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: SessionSettings & { readonly sweepMs: number };
  /** What accounts own elsewhere; moved in this order when a guest becomes part of an account. */
  readonly belongings?: readonly Belonging[];
  /** How often listeners look for events when no hint came, in milliseconds; 1 s unless told. */
  readonly tickMs?: number;
}

export interface SessionListOptions {
  /** Only those of this account, of this platform. */
  readonly accountId?: string;
  readonly platform?: string;
  /** Oldest first, starting after this id (the last of the page before). */
  readonly after?: string;
  /** 1 to 200; 50 unless told. */
  readonly limit?: number;
}

/** More ids in one statement than that help nobody. */
const MAX_BATCH = 1_000;

/** Users of platforms, their sessions, and what is remembered of them; `types.ts` has the words. */
export class Sessions {
  readonly #context: SessionContext;
  readonly #sweeper: PeriodicSweep;

  constructor({ belongings = [], tickMs = 1_000, ...options }: SessionsOptions) {
    const { db, clock, logger, settings } = options;
    const feed = new EventFeed({ db, clock, logger, tickMs });
    this.#context = { db, clock, logger, settings, feed, belongings };
    this.#sweeper = new PeriodicSweep({
      ...{ clock, logger, what: 'sessions', everyMs: settings.sweepMs },
      // Sessions end all the time.
      level: 'debug',
      sweep: (signal) => this.sweep(signal),
    });
  }

  /** Begins to sweep. */
  start(): void {
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop();
    await this.#context.feed.close();
  }

  /**
   * The live session of a user of a platform, touched; a new one when there is none. A user that nobody knows gets an
   * account of its own, a guest, unless `accountId` says whose it is. Throws `request_invalid`, `session_identity_taken`.
   */
  getOrCreate(request: OpenSession): Promise<OpenedSession> {
    return openSession(this.#context, request);
  }

  /** Without touching it. Throws `not_found`, also when it has expired. */
  async get(id: string): Promise<Session> {
    const [session] = await this.getMany([id]);
    if (session === undefined) throw notFound(id);
    return session;
  }

  /** The live session of a user, without touching it, or null. */
  async find(platform: string, userId: string): Promise<Session | null> {
    const { db, clock } = this.#context;
    const rows = await liveSessions(db.kysely, clock.now())
      .where('identity.platform', '=', platform)
      .where('identity.user_id', '=', userId)
      .execute();
    const [session] = await withContents(db.kysely, rows);
    return session ?? null;
  }

  /** Those that are live, in no order. At most 1,000 ids; throws `request_invalid`. */
  async getMany(ids: readonly string[]): Promise<Session[]> {
    const { db, clock } = this.#context;
    checkBatch(ids);
    if (ids.length === 0) return [];
    const rows = await liveSessions(db.kysely, clock.now()).where('sessions.id', 'in', ids).execute();
    return withContents(db.kysely, rows);
  }

  /**
   * Sets one value, and touches the session. What its JSON tells comes back: a whole number beyond 2^53 as a bigint. Throws
   * `not_found`, `session_limit`, `request_invalid`.
   */
  set(id: string, name: string, value: JsonValue): Promise<Session> {
    return this.update(id, { values: { [name]: value } });
  }

  /**
   * Changes values and preferences, and touches the session. Given a function, it is called within the transaction with what
   * is stored, perhaps more than once: it must do nothing but compute.
   *
   * Throws `not_found`, `session_limit`, `session_conflict`, `request_invalid`.
   */
  update(id: string, change: ChangeSession, options: ChangeOptions = {}): Promise<Session> {
    return changeSession(this.#context, id, change, options);
  }

  /** It is in use: its time begins anew. Throws `not_found`. */
  async touch(id: string): Promise<Session> {
    if ((await this.touchMany([id])).length === 0) throw notFound(id);
    return this.get(id);
  }

  /** Returns the ids of those that are live. At most 1,000; throws `request_invalid`. */
  async touchMany(ids: readonly string[]): Promise<string[]> {
    checkBatch(ids);
    return touchSessions(this.#context, ids);
  }

  /** Ends it now. What is remembered of its user stays. False when there is none. */
  async remove(id: string): Promise<boolean> {
    return (await this.removeMany([id])).length > 0;
  }

  /** Returns the ids of those that were live. At most 1,000; throws `request_invalid`. */
  async removeMany(ids: readonly string[]): Promise<string[]> {
    checkBatch(ids);
    return removeSessions(this.#context, ids);
  }

  async list({ accountId, platform, after, limit = 50 }: SessionListOptions = {}): Promise<Session[]> {
    const { db, clock } = this.#context;
    let query = liveSessions(db.kysely, clock.now())
      .orderBy('sessions.id')
      .limit(Math.min(200, Math.max(1, limit)));
    if (accountId !== undefined) query = query.where('identity.account_id', '=', accountId);
    if (platform !== undefined) query = query.where('identity.platform', '=', platform);
    if (after !== undefined) query = query.where('sessions.id', '>', after);
    return withContents(db.kysely, await query.execute());
  }

  /** What is remembered of an account, session or not. */
  async preferences(accountId: string): Promise<Preferences> {
    const found = await readPreferences(this.#context.db.kysely, [accountId]);
    return found.get(accountId) ?? NO_PREFERENCES;
  }

  /** The users of platforms that belong to an account. */
  async identities(accountId: string): Promise<Identity[]> {
    const rows = await this.#context.db.kysely
      .selectFrom('session_identities')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('id')
      .execute();
    return rows.map((row) => ({
      platform: row.platform,
      userId: row.user_id,
      accountId: row.account_id,
      createdAt: row.created_at,
    }));
  }

  /** A code by which another platform's user can be linked to the account of this session. Throws `not_found`. */
  async createLinkCode(id: string): Promise<LinkCode> {
    return createLinkCode(this.#context, (await this.get(id)).accountId);
  }

  /**
   * The user of this session enters a code from elsewhere; `merge.ts` says which account stays. Throws `not_found`,
   * `session_code_invalid`, `session_code_attempts`, `session_link_refused`, `account_merged`.
   */
  redeemLinkCode(id: string, code: string): Promise<Linked> {
    return redeemLinkCode(this.#context, id, code);
  }

  /** The guest of this session becomes part of an account. Throws as `redeemLinkCode` does. */
  claim(id: string, accountId: string): Promise<Linked> {
    return claimGuest(this.#context, id, accountId);
  }

  /** Removes all that is known of an account here: sessions, preferences, identities, codes. Returns how many sessions. */
  async forget(accountId: string): Promise<number> {
    checkAccountId(accountId);
    return forgetAccount(this.#context, accountId);
  }

  /**
   * Calls `listener` for every such event from now on, on whatever node it happened; `events.ts` says what is promised. The
   * listener must not throw. Returns the unsubscribe function.
   */
  on(type: SessionEventType, listener: SessionListener): () => void {
    return this.#context.feed.on(type, listener);
  }

  /** Does at once what otherwise happens from time to time: deletes what has expired. */
  sweep(signal?: AbortSignal): Promise<SessionSweepReport> {
    return sweepSessions(this.#context, signal);
  }
}

/** Leaving the rest out would look as if those sessions were over. */
function checkBatch(ids: readonly string[]): void {
  if (ids.length > MAX_BATCH) throw invalid('ids', `At most ${MAX_BATCH} sessions at once, and not ${ids.length}.`);
}
