import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { Db, DbTransaction } from '../db/index.js';
import type { WebhookEndpointsTable } from '../db/schema.js';
import { newSecret, parseSecrets, rotate } from './secrets.js';
import {
  DEFAULT_WEBHOOK_EVENTS,
  WEBHOOK_EVENTS,
  type WebhookEndpoint,
  type WebhookEvent,
  type WithSecret,
} from './types.js';

export interface EndpointRequest {
  readonly accountId: string;
  /** http or https; where it may lead is checked by the guard, now and at every send. */
  readonly url: string;
  readonly description?: string;
  /** How generations end, unless told. */
  readonly events?: readonly WebhookEvent[];
}

export interface EndpointChange {
  readonly url?: string;
  readonly description?: string;
  readonly events?: readonly WebhookEvent[];
  /** Turning it on again forgets its failures. */
  readonly enabled?: boolean;
}

interface EndpointsOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Throws when the guard would not let anything be sent there. Literal addresses only: names are looked up at each send. */
  readonly checkUrl: (url: string) => void;
}

const MAX_PER_ACCOUNT = 20;
const MAX_URL_CHARS = 2_000;
const MAX_DESCRIPTION_CHARS = 200;

/** The addresses that accounts want to be told at. All reads and writes are scoped to the account. */
export class Endpoints {
  readonly #options: EndpointsOptions;

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }

  /** Throws `request_invalid`, and what the guard throws. */
  async create(request: EndpointRequest): Promise<WithSecret> {
    const { db, clock } = this.#options;
    const { accountId, description = '' } = request;
    const events = checkEvents(request.events ?? DEFAULT_WEBHOOK_EVENTS);
    this.#checkUrl(request.url);
    checkDescription(description);
    const nowMs = clock.now();
    const secret = newSecret();
    const row: WebhookEndpointsTable = {
      id: newId(),
      account_id: accountId,
      url: request.url,
      description,
      events,
      secrets: JSON.stringify([{ secret, expiresAt: null }]),
      enabled: 1,
      disabled_reason: null,
      failure_count: 0,
      failing_since: null,
      paused_until: 0,
      created_at: nowMs,
      updated_at: nowMs,
    };
    await db.transaction(async (tx) => {
      const { count } = await tx
        .selectFrom('webhook_endpoints')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', accountId)
        .executeTakeFirstOrThrow();
      if (count >= MAX_PER_ACCOUNT)
        throw invalid('url', `An account has at most ${MAX_PER_ACCOUNT} webhook endpoints.`);
      await tx.insertInto('webhook_endpoints').values(row).execute();
      await subscribe(tx, row);
    });
    return { endpoint: toEndpoint(row), secret };
  }

  async list(accountId: string): Promise<WebhookEndpoint[]> {
    const rows = await this.#options.db.kysely
      .selectFrom('webhook_endpoints')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('id')
      .execute();
    return rows.map(toEndpoint);
  }

  /** Throws `not_found`. */
  async get(id: string, accountId: string): Promise<WebhookEndpoint> {
    const row = await this.#options.db.kysely
      .selectFrom('webhook_endpoints')
      .selectAll()
      .where('id', '=', id)
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    if (row === undefined) throw missing(id);
    return toEndpoint(row);
  }

  /** Throws `not_found`, `request_invalid`. */
  async update(id: string, accountId: string, change: EndpointChange): Promise<WebhookEndpoint> {
    const { db, clock } = this.#options;
    if (change.url !== undefined) this.#checkUrl(change.url);
    if (change.description !== undefined) checkDescription(change.description);
    const events = change.events === undefined ? undefined : checkEvents(change.events);
    const fresh = { disabled_reason: null, failure_count: 0, failing_since: null, paused_until: 0 };
    await db.transaction(async (tx) => {
      const changed = await tx
        .updateTable('webhook_endpoints')
        .set({
          updated_at: clock.now(),
          ...(change.url === undefined ? {} : { url: change.url, ...fresh }),
          ...(change.description === undefined ? {} : { description: change.description }),
          ...(events === undefined ? {} : { events }),
          ...(change.enabled === undefined ? {} : { enabled: change.enabled ? 1 : 0, ...fresh }),
        })
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .returningAll()
        .executeTakeFirst();
      if (changed === undefined) throw missing(id);
      await subscribe(tx, changed);
    });
    db.changes.publish('webhooks');
    return this.get(id, accountId);
  }

  /** With its outbox and log. Throws `not_found`. */
  async remove(id: string, accountId: string): Promise<void> {
    await this.#options.db.transaction(async (tx) => {
      const removed = await tx
        .deleteFrom('webhook_endpoints')
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      if (removed.numDeletedRows === 0n) throw missing(id);
      await removeBelongings(tx, id);
    });
  }

  /** All endpoints of an account, with their outboxes and logs. */
  async removeAccount(accountId: string): Promise<void> {
    await this.#options.db.transaction(async (tx) => {
      const removed = await tx
        .deleteFrom('webhook_endpoints')
        .where('account_id', '=', accountId)
        .returning('id')
        .execute();
      for (const { id } of removed) await removeBelongings(tx, id);
    });
  }

  /** A new secret; the old one signs beside it for `overlapMs`, so that the receiver can change over. Throws `not_found`. */
  async rotateSecret(id: string, accountId: string, overlapMs: number): Promise<WithSecret> {
    const { db, clock } = this.#options;
    const secrets = await db.transaction(async (tx) => {
      const row = await tx
        .selectFrom('webhook_endpoints')
        .select('secrets')
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) throw missing(id);
      const nowMs = clock.now();
      const rotated = rotate(parseSecrets(row.secrets), nowMs + overlapMs, nowMs);
      await tx
        .updateTable('webhook_endpoints')
        .set({ secrets: JSON.stringify(rotated), updated_at: nowMs })
        .where('id', '=', id)
        .execute();
      return rotated;
    });
    return { endpoint: await this.get(id, accountId), secret: secrets[0]?.secret ?? '' };
  }

  #checkUrl(url: string): void {
    if (url.length > MAX_URL_CHARS) throw invalid('url', `url has more than ${MAX_URL_CHARS} characters.`);
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw invalid('url', 'url is not an address such as https://example.org/hook.');
    }
    if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') throw invalid('url', 'url must be http or https.');
    if (parsed.username !== '' || parsed.password !== '') {
      throw invalid('url', 'url must not hold credentials: the signature tells the receiver who we are.');
    }
    this.#options.checkUrl(url);
  }
}

/** Writes down what the outbox goes by. */
async function subscribe(tx: DbTransaction, row: WebhookEndpointsTable): Promise<void> {
  await unsubscribe(tx, row.id);
  if (row.enabled === 0) return;
  const types = JSON.parse(row.events) as string[];
  await tx
    .insertInto('webhook_subscriptions')
    .values(types.map((type) => ({ account_id: row.account_id, type, endpoint_id: row.id })))
    .execute();
}

async function removeBelongings(tx: DbTransaction, endpointId: string): Promise<void> {
  await unsubscribe(tx, endpointId);
  await tx.deleteFrom('webhook_attempts').where('endpoint_id', '=', endpointId).execute();
  await tx.deleteFrom('webhook_deliveries').where('endpoint_id', '=', endpointId).execute();
}

/** Events from now on are not for this endpoint. */
export async function unsubscribe(tx: DbTransaction, endpointId: string): Promise<void> {
  await tx.deleteFrom('webhook_subscriptions').where('endpoint_id', '=', endpointId).execute();
}

function toEndpoint(row: WebhookEndpointsTable): WebhookEndpoint {
  return {
    id: row.id,
    accountId: row.account_id,
    url: row.url,
    description: row.description,
    events: JSON.parse(row.events) as WebhookEvent[],
    enabled: row.enabled === 1,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function checkEvents(events: readonly WebhookEvent[]): string {
  const unknown = events.find((event) => !WEBHOOK_EVENTS.includes(event));
  if (unknown !== undefined)
    throw invalid('events', `"${unknown}" is no event. Known are ${WEBHOOK_EVENTS.join(', ')}.`);
  if (events.length === 0) throw invalid('events', 'events must name at least one.');
  return JSON.stringify(WEBHOOK_EVENTS.filter((event) => events.includes(event)));
}

function checkDescription(text: string): void {
  if (text.length > MAX_DESCRIPTION_CHARS) {
    throw invalid('description', `description has more than ${MAX_DESCRIPTION_CHARS} characters.`);
  }
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}

function missing(id: string): EaselError {
  return new EaselError('not_found', `There is no webhook endpoint ${id}.`);
}
