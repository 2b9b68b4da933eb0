import type { Clock } from '../../core/clock.js';
import { EaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import { OPEN_ATTEMPT_STATUSES } from '../../core/statuses.js';
import type { Db } from '../../db/index.js';
import type { BackendState, HealthSnapshot } from '../backend-health.js';
import { type BackendRow, finishRemoval, insertAdded, readBackendRows } from './rows.js';

/**
 * The backends of the fleet, as the database that all nodes share knows them: of the configurations of the nodes, and added
 * here at run time. Needs no running node; every node sees a change at once by its notification, or at its next tick.
 *
 * The settings of an added backend are kept as they were given, credentials included, in the `settings` column: whoever can
 * read the database can read them. They leave it only for the nodes that open the backend; all that is shown is masked.
 */
export interface BackendsOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly catalogue: BackendCatalogue;
}

/** What the configuration knows of backends, and this room may not import. */
export interface BackendCatalogue {
  /** Checks the settings of a backend and fills in defaults. Throws `config_invalid`. */
  parse(settings: unknown): ParsedBackend;
  /** The same settings, fit to be shown. */
  mask(settings: unknown): unknown;
}

export interface ParsedBackend {
  readonly id: string;
  readonly kind: string;
  /** Without credentials. */
  readonly displayUrl: string;
  /** JSON-safe. */
  readonly settings: unknown;
}

export interface BackendInfo {
  readonly id: string;
  readonly kind: string;
  /** Without credentials. */
  readonly url: string;
  readonly origin: 'config' | 'added';
  readonly desired: 'active' | 'draining' | 'removing' | 'evicting';
  /** As its owner sees it; `booting` while no node looks after it. */
  readonly state: BackendState;
  readonly since: number;
  /** The node that owns it, or null. */
  readonly owner: string | null;
  readonly circuit: HealthSnapshot['circuit'];
  readonly retryAt: number | null;
  readonly version: string | null;
  readonly vramBytes: number | null;
  readonly error: HealthSnapshot['error'];
  /** Attempts of ours that are under way on it. */
  readonly openAttempts: number;
  /** Masked; null for a backend of the configuration, which only its node knows. */
  readonly settings: unknown;
}

export class Backends {
  readonly #options: BackendsOptions;

  constructor(options: BackendsOptions) {
    this.#options = options;
  }

  async list(): Promise<BackendInfo[]> {
    const { db, clock } = this.#options;
    const rows = await readBackendRows(db.kysely);
    const counts = await db.kysely
      .selectFrom('attempts')
      .select((eb) => ['backend_id', eb.fn.countAll<number>().as('count')])
      .where('status', 'in', OPEN_ATTEMPT_STATUSES)
      .groupBy('backend_id')
      .execute();
    const nowMs = clock.now();
    return rows.map((row) => this.#info(row, counts.find((open) => open.backend_id === row.id)?.count ?? 0, nowMs));
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<BackendInfo> {
    const found = (await this.list()).find((backend) => backend.id === id);
    if (found === undefined) throw notFound(id);
    return found;
  }

  /**
   * Adds a backend for all nodes. It is not asked whether it is there: it may be booting.
   * Throws `config_invalid`, `backend_exists`, `request_invalid` (an engine inside a process cannot be added to others).
   */
  async add(settings: unknown): Promise<BackendInfo> {
    const { db, clock, catalogue, logger } = this.#options;
    const parsed = catalogue.parse(settings);
    if (parsed.kind === 'embedded') {
      throw new EaselError(
        'request_invalid',
        'An embedded engine lives in one process and cannot be added to a fleet.',
        {
          hint: 'Put it into the configuration, or add the address of `easel engine`.',
        },
      );
    }
    const { id, kind, displayUrl: url } = parsed;
    const text = JSON.stringify(parsed.settings);
    await db.transaction((tx) => insertAdded(tx, { id, kind, url, settings: text }, clock.now()));
    logger.info({ backend: id, url }, 'a backend is added');
    this.#tell();
    return this.get(id);
  }

  /** No new work; what runs goes on. Throws `not_found`. */
  drain(id: string): Promise<BackendInfo> {
    return this.#desire(id, 'draining');
  }

  /** Ends draining, and a removal that has not happened yet. Throws `not_found`. */
  resume(id: string): Promise<BackendInfo> {
    return this.#desire(id, 'active');
  }

  /**
   * Drains it, and takes it away once it is empty. `force` does not wait: what runs is stopped there and goes to another
   * backend. Null: it is gone already. Throws `not_found`, `backend_configured`.
   */
  async remove(id: string, options: { readonly force?: boolean } = {}): Promise<BackendInfo | null> {
    const { db, clock } = this.#options;
    const backend = await this.get(id);
    // The row of a backend that no living node has in its configuration may go.
    if (backend.origin === 'config' && backend.owner !== null) {
      throw new EaselError('backend_configured', `Backend ${id} stands in the configuration of ${backend.owner}.`);
    }
    await this.#desire(id, options.force === true ? 'evicting' : 'removing');
    if (backend.owner === null && (await finishRemoval(db, id, null, clock.now()))) {
      this.#tell();
      return null;
    }
    return (await this.list()).find((left) => left.id === id) ?? null;
  }

  async #desire(id: string, desired: BackendInfo['desired']): Promise<BackendInfo> {
    const { db, clock, logger } = this.#options;
    const changed = await db.transaction((tx) =>
      tx
        .updateTable('backends')
        .set({ desired, updated_at: clock.now() })
        .where('id', '=', id)
        .where('desired', '!=', 'gone')
        .executeTakeFirst(),
    );
    if (changed.numUpdatedRows === 0n) throw notFound(id);
    logger.info({ backend: id, desired }, 'a backend is wanted otherwise');
    this.#tell();
    return this.get(id);
  }

  #tell(): void {
    const { changes } = this.#options.db;
    changes.publish('backends');
    changes.publish('queue');
  }

  #info(row: BackendRow, openAttempts: number, nowMs: number): BackendInfo {
    const owner = row.lease_until > nowMs ? row.owner_node : null;
    const health = row.state_detail === null ? null : (JSON.parse(row.state_detail) as HealthSnapshot);
    const isDraining = row.desired !== 'active';
    // What a former owner saw may be long over.
    const state = isDraining ? 'draining' : owner === null ? 'booting' : (row.state as BackendState);
    return {
      id: row.id,
      kind: row.kind,
      url: row.url,
      origin: row.origin,
      desired: row.desired === 'gone' ? 'removing' : row.desired,
      state,
      since: row.state_since,
      owner,
      circuit: health?.circuit ?? 'closed',
      retryAt: owner === null ? null : (health?.retryAt ?? null),
      version: health?.version ?? null,
      vramBytes: row.vram_bytes === 0 ? null : row.vram_bytes,
      error: owner === null ? null : (health?.error ?? null),
      openAttempts,
      settings: row.settings === null ? null : this.#options.catalogue.mask(JSON.parse(row.settings)),
    };
  }
}

function notFound(id: string): EaselError {
  return new EaselError('not_found', `There is no backend ${id}.`, {
    hint: 'Run `easel backends list` to see what there is.',
  });
}
