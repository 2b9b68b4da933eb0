import { hostname } from 'node:os';
import { OPEN_ATTEMPT_STATUSES } from '../core/statuses.js';
import type { Db } from '../db/index.js';

/**
 * A node owns a backend by a lease: a row that says who, until when, and the how-manieth owner this is (the epoch).
 *
 * Taking a lease raises the epoch and stamps it on the backend's open attempts in the same transaction. From then on
 * every write of the former owner, whose guarded updates name the old epoch, matches no row: a node that was paused past
 * its lease can still talk to ComfyUI, but it can no longer decide anything.
 */
export interface LeaseIdentity {
  /** `host:pid:random`; the first two let a restarted process see at once that its predecessor is dead. */
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
}

export interface HeldLease {
  readonly backendId: string;
  readonly epoch: number;
  readonly untilMs: number;
}

export function processIdentity(random: string, host = hostname(), pid = process.pid): LeaseIdentity {
  const owner = `${host}:${pid}:${random}`;
  return {
    owner,
    isAlive(other) {
      if (other === owner) return true;
      const [otherHost, otherPid] = splitOwner(other);
      if (otherHost !== host) return true; // Another machine: only its lease can tell.
      if (otherPid === pid) return false; // Our own pid, yet not us: that process is gone.
      return processExists(otherPid);
    },
  };
}

function splitOwner(owner: string): [host: string, pid: number] {
  const parts = owner.split(':');
  return [parts.slice(0, -2).join(':'), Number(parts.at(-2))];
}

function processExists(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export interface LeaseRequest {
  readonly backendId: string;
  readonly identity: LeaseIdentity;
  readonly leaseMs: number;
  readonly nowMs: number;
}

/** Takes the lease if it is free, run out, or held by a process that is dead. Null when somebody else holds it. */
export async function acquireLease(db: Db, request: LeaseRequest): Promise<HeldLease | null> {
  const { backendId, identity, nowMs } = request;
  const untilMs = nowMs + request.leaseMs;
  return db.transaction(async (tx) => {
    const row = await tx.selectFrom('backends').selectAll().where('id', '=', backendId).executeTakeFirst();
    if (row === undefined || row.desired === 'gone' || !isLeaseFree(row, identity, nowMs)) return null;
    const taken = await tx
      .updateTable('backends')
      .set({ owner_node: identity.owner, lease_until: untilMs, epoch: row.epoch + 1, updated_at: nowMs })
      .where('id', '=', backendId)
      .where('epoch', '=', row.epoch)
      .where('desired', '!=', 'gone')
      .executeTakeFirst();
    if (taken.numUpdatedRows === 0n) return null;
    await tx
      .updateTable('attempts')
      .set({ epoch: row.epoch + 1, node_id: identity.owner })
      .where('backend_id', '=', backendId)
      .where('status', 'in', OPEN_ATTEMPT_STATUSES)
      .execute();
    return { backendId, epoch: row.epoch + 1, untilMs };
  });
}

export function isLeaseFree(
  row: { readonly owner_node: string | null; readonly lease_until: number },
  identity: LeaseIdentity,
  nowMs: number,
): boolean {
  return row.owner_node === null || row.lease_until <= nowMs || !identity.isAlive(row.owner_node);
}

/** Extends one lease. Null when it was lost. */
export async function renewLease(db: Db, lease: HeldLease, leaseMs: number, nowMs: number): Promise<HeldLease | null> {
  const untilMs = nowMs + leaseMs;
  return db.transaction(async (tx) => {
    const renewed = await tx
      .updateTable('backends')
      .set({ lease_until: untilMs, updated_at: nowMs })
      .where('id', '=', lease.backendId)
      .where('epoch', '=', lease.epoch)
      .executeTakeFirst();
    return renewed.numUpdatedRows > 0n ? { ...lease, untilMs } : null;
  });
}

/**
 * The heartbeat of a node: says that it lives and which backends it could own, and extends the leases of those that it works
 * on, in one transaction however many they are. Returns the leases that it still holds. A lease that only bears its name,
 * because the answer to taking it or to giving it back was lost, runs out: extended, it would be nobody's for good.
 */
export async function renewAll(
  db: Db,
  node: {
    readonly identity: LeaseIdentity;
    /** That it could own. */
    readonly backendIds: readonly string[];
    /** That it works on. */
    readonly heldIds: readonly string[];
    readonly leaseMs: number;
  },
  nowMs: number,
): Promise<Map<string, HeldLease>> {
  const { owner } = node.identity;
  const untilMs = nowMs + node.leaseMs;
  const backends = JSON.stringify(node.backendIds);
  return db.transaction(async (tx) => {
    await tx
      .insertInto('nodes')
      .values({ id: owner, backends, alive_until: untilMs })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ backends, alive_until: untilMs }))
      .execute();
    if (node.heldIds.length === 0) return new Map();
    // Whoever takes a lease writes its own name, so a row that bears ours still has our epoch.
    const rows = await tx
      .updateTable('backends')
      .set({ lease_until: untilMs })
      .where('owner_node', '=', owner)
      .where('id', 'in', node.heldIds)
      .returning(['id', 'epoch'])
      .execute();
    return new Map(rows.map(({ id, epoch }) => [id, { backendId: id, epoch, untilMs }]));
  });
}

/** Gives a lease back, so that the next owner need not wait for it to run out. */
export async function releaseLease(db: Db, lease: HeldLease, nowMs: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .updateTable('backends')
      .set({ owner_node: null, lease_until: 0, updated_at: nowMs })
      .where('id', '=', lease.backendId)
      .where('epoch', '=', lease.epoch)
      .execute();
  });
}

/** The node is gone. Rows of nodes that died silently go with it. */
export async function forgetNode(db: Db, owner: string, nowMs: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .deleteFrom('nodes')
      .where((eb) => eb.or([eb('id', '=', owner), eb('alive_until', '<=', nowMs)]))
      .execute();
  });
}
