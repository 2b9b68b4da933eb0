import type { Clock } from '../../core/clock.js';
import type { DbReader } from '../../db/index.js';
import type { Refusal } from './needs.js';
import type { BackendState } from './policy.js';
import { type Residency, residentModels } from './residency.js';

/** What the owner of a backend tells other nodes of it, with its row: as of its last claim, or a second after it fell idle. */
export interface PublishedBackend extends Residency {
  readonly speed: number;
  readonly io: number;
  readonly busyUntil: number;
  readonly runsInteractive: boolean;
}

export interface FleetRow {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly desired: string;
  readonly isOwned: boolean;
  readonly published: PublishedBackend | null;
}

/** All backends that were not removed. A few hundred at most, so they are read whole. */
export async function readFleet(db: DbReader, nowMs: number): Promise<FleetRow[]> {
  const rows = await db
    .selectFrom('backends')
    .select(['id', 'kind', 'state', 'desired', 'lease_until', 'dispatch'])
    .where('desired', '!=', 'gone')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    state: row.state,
    desired: row.desired,
    isOwned: row.lease_until > nowMs,
    published: row.dispatch === null ? null : (JSON.parse(row.dispatch) as PublishedBackend),
  }));
}

/** By backend, why it cannot run what needs this, as far as its owner has found out. */
export async function readRefusals(db: DbReader, needsKey: string): Promise<ReadonlyMap<string, Refusal>> {
  const rows = await db
    .selectFrom('dispatch_refusals')
    .select(['backend_id', 'reason'])
    .where('needs_key', '=', needsKey)
    .execute();
  return new Map(rows.map((row) => [row.backend_id, JSON.parse(row.reason) as Refusal]));
}

export function isLive(row: FleetRow): boolean {
  return row.isOwned && row.desired === 'active' && row.state === 'ready';
}

export function stateOf(row: FleetRow): BackendState {
  const { id, published } = row;
  if (published === null) return unknownState(id);
  const { speed, io, loraKey, busyUntil, runsInteractive } = published;
  return { id, speed, io, resident: residentModels(published), loraKey, busyUntil, runsInteractive };
}

/** Of a backend that nobody has told anything of. */
export function unknownState(id: string): BackendState {
  return { id, speed: 1, io: 1, resident: [], loraKey: '', busyUntil: 0, runsInteractive: false };
}

/** The fleet as of a moment ago. */
export class FleetView {
  readonly #db: DbReader;
  readonly #clock: Clock;
  #rows: readonly FleetRow[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(db: DbReader, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  async rows(): Promise<readonly FleetRow[]> {
    const nowMs = this.#clock.now();
    if (nowMs - this.#readAt >= KEPT_MS || nowMs < this.#readAt) {
      this.#rows = await readFleet(this.#db, nowMs);
      this.#readAt = nowMs;
    }
    return this.#rows;
  }
}

/** Loads take seconds: what another backend did in this time changes no decision that matters. */
const KEPT_MS = 250;
