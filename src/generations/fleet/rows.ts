import { EaselError } from '../../core/errors.js';
import { OPEN_ATTEMPT_STATUSES } from '../../core/statuses.js';
import type { Db } from '../../db/index.js';
import type { Database } from '../../db/schema.js';
import type { HealthSnapshot } from '../backend-health.js';
import type { HeldLease } from '../lease.js';
import type { Reader, Writer } from '../store.js';
import type { FleetView } from './fairness.js';

/** The rows of `backends` and `nodes`: all that the processes of a fleet know of each other. */
export type BackendRow = Database['backends'];

export function readBackendRows(db: Reader): Promise<BackendRow[]> {
  return db.selectFrom('backends').selectAll().where('desired', '!=', 'gone').orderBy('id').execute();
}

export async function readFleetView(db: Reader, rows: readonly BackendRow[], nowMs: number): Promise<FleetView> {
  const nodes = await db.selectFrom('nodes').select(['id', 'backends']).where('alive_until', '>', nowMs).execute();
  return {
    nodes: nodes.map((node) => ({ id: node.id, backendIds: JSON.parse(node.backends) as string[] })),
    owners: new Map(
      rows.flatMap(({ id, owner_node: owner, lease_until: until }) =>
        owner !== null && until > nowMs ? [[id, owner] as const] : [],
      ),
    ),
  };
}

/** A backend of the configuration gets its row, or its row back. What somebody wants of it (draining) stays. */
export async function ensureConfigured(
  tx: Writer,
  backend: { readonly id: string; readonly kind: string; readonly url: string },
  nowMs: number,
): Promise<void> {
  const { id, kind, url } = backend;
  await tx
    .insertInto('backends')
    .values({ ...newRow(id, nowMs), kind, url, origin: 'config' })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({ kind, url, origin: 'config', settings: null, updated_at: nowMs }),
    )
    .execute();
  await tx
    .updateTable('backends')
    .set({ desired: 'active' })
    .where('id', '=', id)
    .where('desired', '=', 'gone')
    .execute();
}

/** Throws `backend_exists`. */
export async function insertAdded(
  tx: Writer,
  backend: { readonly id: string; readonly kind: string; readonly url: string; readonly settings: string },
  nowMs: number,
): Promise<void> {
  const { id, kind, url, settings } = backend;
  const earlier = await tx.selectFrom('backends').selectAll().where('id', '=', id).executeTakeFirst();
  if (earlier === undefined) {
    await tx
      .insertInto('backends')
      .values({ ...newRow(id, nowMs), kind, url, origin: 'added', settings, settings_version: 1 })
      .execute();
    return;
  }
  if (earlier.desired !== 'gone') throw new EaselError('backend_exists', `There is a backend ${id} already.`);
  await tx
    .updateTable('backends')
    .set({
      kind,
      url,
      settings,
      origin: 'added',
      desired: 'active',
      settings_version: earlier.settings_version + 1,
      state: 'booting',
      state_since: nowMs,
      state_detail: null,
      vram_bytes: 0,
      updated_at: nowMs,
    })
    .where('id', '=', id)
    .where('desired', '=', 'gone')
    .execute();
}

function newRow(id: string, nowMs: number): Omit<BackendRow, 'kind' | 'url' | 'origin'> {
  return {
    id,
    owner_node: null,
    lease_until: 0,
    epoch: 0,
    created_at: nowMs,
    updated_at: nowMs,
    desired: 'active',
    state: 'booting',
    state_since: nowMs,
    state_detail: null,
    vram_bytes: 0,
    settings_version: 0,
    settings: null,
    dispatch: null,
  };
}

/** What the owner sees; another node's view cannot overwrite it. */
export async function storeHealth(
  db: Db,
  lease: HeldLease,
  health: HealthSnapshot,
  vramBytes: number,
  nowMs: number,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .updateTable('backends')
      .set({
        state: health.state,
        state_since: health.since,
        state_detail: JSON.stringify(health),
        vram_bytes: vramBytes,
        updated_at: nowMs,
      })
      .where('id', '=', lease.backendId)
      .where('epoch', '=', lease.epoch)
      .execute();
  });
}

/**
 * Ends a removal: when nothing of ours is open on it any more, and nobody else owns it. Its settings, and with them its
 * secrets, are erased. True when it is gone.
 */
export async function finishRemoval(db: Db, backendId: string, owner: string | null, nowMs: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    const open = await tx
      .selectFrom('attempts')
      .select('id')
      .where('backend_id', '=', backendId)
      .where('status', 'in', OPEN_ATTEMPT_STATUSES)
      .limit(1)
      .executeTakeFirst();
    if (open !== undefined) return false;
    const gone = await tx
      .updateTable('backends')
      .set({ desired: 'gone', settings: null, owner_node: null, lease_until: 0, state_detail: null, updated_at: nowMs })
      .where('id', '=', backendId)
      .where('desired', 'in', ['removing', 'evicting'])
      .where((eb) =>
        eb.or([
          eb('owner_node', 'is', null),
          eb('lease_until', '<=', nowMs),
          ...(owner === null ? [] : [eb('owner_node', '=', owner)]),
        ]),
      )
      .executeTakeFirst();
    return gone.numUpdatedRows > 0n;
  });
}
