import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { ApiKeysTable } from '../db/schema.js';
import { isScope, SCOPES, type Scope, USER_SCOPES } from './scopes.js';

export interface ApiKey {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** The first characters, to tell keys apart. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  /** What budgets of points know it by; stays the same when the key is rotated. */
  readonly budgetKey: string;
  readonly ratePerMinute: number | null;
  readonly maxConcurrent: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Within a minute or so. */
  readonly lastUsedAt: number | null;
}

export interface NewKey {
  readonly accountId: string;
  readonly name: string;
  /** What a program of one user needs, unless told. */
  readonly scopes?: readonly Scope[];
  readonly expiresAt?: number | null;
  readonly ratePerMinute?: number | null;
  readonly maxConcurrent?: number | null;
}

export interface KeysOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `easel_` and 32 random bytes in base64url: too long to guess, and easy to find where it was committed by mistake. */
const PREFIX = 'easel_';
const SECRET = /^easel_[A-Za-z0-9_-]{43}$/;
const SHOWN_CHARS = PREFIX.length + 6;
const MAX_NAME_CHARS = 100;
/** Told after a key was revoked or given an end, for whatever stays open on the strength of it. */
const KEYS_TOPIC = 'keys';
/** How often the time of last use is written, at most. */
const USE_MS = 60_000;

/**
 * Keys of the API. A key is shown once, when it is made; what is stored cannot be turned back into it. Every request looks
 * its key up, so that a revoked one is refused at once on every node.
 */
export class Keys {
  readonly #options: KeysOptions;
  readonly #writing = new Set<Promise<void>>();
  readonly #usedAt = new Map<string, number>();

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  /** Throws `request_invalid`. The secret is told this once. */
  create(request: NewKey): Promise<{ readonly key: ApiKey; readonly secret: string }> {
    return this.#make(request, null);
  }

  async #make(request: NewKey, budgetKey: string | null): Promise<{ readonly key: ApiKey; readonly secret: string }> {
    const { accountId, name, scopes = USER_SCOPES } = request;
    if (accountId === '' || accountId.length > 255 || accountId.startsWith('house:')) {
      throw invalid('account', 'An account id has 1 to 255 characters and does not begin with "house:".');
    }
    if (name === '' || name.length > MAX_NAME_CHARS)
      throw invalid('name', `name must have 1 to ${MAX_NAME_CHARS} characters.`);
    checkScopes(scopes);
    checkCount('ratePerMinute', request.ratePerMinute);
    checkCount('maxConcurrent', request.maxConcurrent);
    const nowMs = this.#options.clock.now();
    const expiresAt = request.expiresAt ?? null;
    if (expiresAt !== null && expiresAt <= nowMs) throw invalid('expiresAt', 'expiresAt must lie in the future.');
    const secret = `${PREFIX}${randomBytes(32).toString('base64url')}`;
    const id = newId();
    const row: ApiKeysTable = {
      id,
      account_id: accountId,
      name,
      prefix: secret.slice(0, SHOWN_CHARS),
      hash: hashOf(secret),
      scopes: JSON.stringify(scopes),
      budget_key: budgetKey ?? id,
      rate_per_minute: request.ratePerMinute ?? null,
      max_concurrent: request.maxConcurrent ?? null,
      created_at: nowMs,
      expires_at: expiresAt,
      revoked_at: null,
      last_used_at: null,
    };
    await this.#options.db.transaction((tx) => tx.insertInto('api_keys').values(row).execute());
    return { key: toKey(row), secret };
  }

  /** All of one account, or all there are. Newest last. */
  async list(accountId?: string): Promise<ApiKey[]> {
    let query = this.#options.db.kysely.selectFrom('api_keys').selectAll().orderBy('id');
    if (accountId !== undefined) query = query.where('account_id', '=', accountId);
    return (await query.execute()).map(toKey);
  }

  /** Is there any key that works? */
  async any(): Promise<boolean> {
    const row = await this.#options.db.kysely
      .selectFrom('api_keys')
      .select('id')
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', this.#options.clock.now())]))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** By its id, or by the characters that are shown of it. Works from the next request on. Throws `not_found`. */
  async revoke(idOrPrefix: string, accountId?: string): Promise<ApiKey> {
    const { db, clock } = this.#options;
    const revoked = await db.transaction(async (tx) => {
      let query = tx
        .selectFrom('api_keys')
        .selectAll()
        .where((eb) => eb.or([eb('id', '=', idOrPrefix), eb('prefix', '=', idOrPrefix)]));
      if (accountId !== undefined) query = query.where('account_id', '=', accountId);
      const [row, another] = await query.execute();
      if (row === undefined) throw new EaselError('not_found', `There is no key ${idOrPrefix}.`);
      if (another !== undefined) throw invalid('id', `Several keys begin with ${idOrPrefix}: name it by its id.`);
      const revokedAt = row.revoked_at ?? clock.now();
      await tx.updateTable('api_keys').set({ revoked_at: revokedAt }).where('id', '=', row.id).execute();
      return toKey({ ...row, revoked_at: revokedAt });
    });
    db.changes.publish(KEYS_TOPIC);
    return revoked;
  }

  /** Removes every key of an account, with what is known of them. Works from the next request on. */
  async removeAccount(accountId: string): Promise<void> {
    const { db } = this.#options;
    await db.transaction((tx) => tx.deleteFrom('api_keys').where('account_id', '=', accountId).execute());
    db.changes.publish(KEYS_TOPIC);
  }

  /** A new secret with all that the old key may do; the old one works for `overlapMs` more. Throws `not_found`. */
  async rotate(
    idOrPrefix: string,
    overlapMs: number,
    accountId?: string,
  ): Promise<{ readonly key: ApiKey; readonly secret: string }> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    const found = (await this.list(accountId)).filter(({ id, prefix }) => id === idOrPrefix || prefix === idOrPrefix);
    const [old] = found;
    if (old === undefined || old.revokedAt !== null)
      throw new EaselError('not_found', `There is no key ${idOrPrefix} in use.`);
    if (found.length > 1) throw invalid('id', `Several keys begin with ${idOrPrefix}: name it by its id.`);
    const made = await this.#make(old, old.budgetKey);
    const until = Math.min(old.expiresAt ?? Number.MAX_SAFE_INTEGER, nowMs + overlapMs);
    await db.transaction((tx) =>
      tx.updateTable('api_keys').set({ expires_at: until }).where('id', '=', old.id).execute(),
    );
    db.changes.publish(KEYS_TOPIC);
    return made;
  }

  /** The key behind a secret, or null when it is wrong, revoked or expired. */
  async verify(secret: string): Promise<ApiKey | null> {
    if (!SECRET.test(secret)) return null;
    const hash = hashOf(secret);
    const row = await this.#options.db.kysely
      .selectFrom('api_keys')
      .selectAll()
      .where('hash', '=', hash)
      .executeTakeFirst();
    if (row === undefined || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return null;
    const nowMs = this.#options.clock.now();
    if (row.revoked_at !== null || (row.expires_at !== null && row.expires_at <= nowMs)) return null;
    this.#noteUse(row, nowMs);
    return toKey(row);
  }

  /** Those of the keys, by id, that are neither revoked nor expired. */
  async working(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#options.db.kysely
      .selectFrom('api_keys')
      .select('id')
      .where('id', 'in', ids)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', this.#options.clock.now())]))
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** A key was revoked or given an end, on whatever node; a notification may be lost. Returns the unsubscribe function. */
  onChange(listener: () => void): () => void {
    return this.#options.db.changes.subscribe(KEYS_TOPIC, listener);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** Not waited for: nobody's request depends on it. */
  #noteUse({ id, last_used_at: before }: ApiKeysTable, nowMs: number): void {
    const known = Math.max(before ?? 0, this.#usedAt.get(id) ?? 0);
    if (nowMs - known < USE_MS) return;
    this.#usedAt.set(id, nowMs);
    const { db, logger } = this.#options;
    const done = db
      .transaction((tx) => tx.updateTable('api_keys').set({ last_used_at: nowMs }).where('id', '=', id).execute())
      .then(
        () => {},
        (error: unknown) => logger.debug({ err: error, key: id }, 'the use of a key was not written down'),
      )
      .finally(() => this.#writing.delete(done));
    this.#writing.add(done);
  }
}

function hashOf(secret: string): string {
  // No salt and no stretching: there are 256 random bits in it, and every request computes it.
  return createHash('sha256').update(secret).digest('hex');
}

function toKey(row: ApiKeysTable): ApiKey {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    prefix: row.prefix,
    scopes: (JSON.parse(row.scopes) as string[]).filter(isScope),
    budgetKey: row.budget_key,
    ratePerMinute: row.rate_per_minute,
    maxConcurrent: row.max_concurrent,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}

function checkScopes(scopes: readonly string[]): void {
  const unknown = scopes.find((scope) => !isScope(scope));
  if (unknown !== undefined) {
    throw invalid('scopes', `There is no scope "${unknown}". Known are ${Object.keys(SCOPES).join(', ')}.`);
  }
  if (scopes.length === 0) throw invalid('scopes', 'A key without a scope can do nothing.');
}

function checkCount(field: string, value: number | null | undefined): void {
  if (value === null || value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw invalid(field, `${field} must be a whole number above 0.`);
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}
