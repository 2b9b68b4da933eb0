import type { Backend } from '../../backends/spec.js';
import type { Clock, Timer } from '../../core/clock.js';
import { toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import type { DispatchTraits } from '../dispatch/fleet-books.js';
import type { OfferTraits } from '../dispatch/offers.js';
import { acquireLease, forgetNode, isLeaseFree, type LeaseIdentity, releaseLease, renewAll } from '../lease.js';
import type { BackendRunner, RunnerTiming } from '../runner.js';
import { Wake } from '../wake.js';
import { type FleetView, isNext, surplus } from './fairness.js';
import { type BackendRow, ensureConfigured, finishRemoval, readBackendRows, readFleetView } from './rows.js';

/**
 * This node's part of the fleet: a runner per backend that it could own, the leases of those that it does own.
 *
 * Three things happen, each on its own:
 * - heartbeat, every third of a lease: this node lives, the leases of its runners are extended, in one transaction
 * - tick, or as soon as somebody changed a backend: read all rows; open backends that were added and close those that are
 *   gone; tell the runners what is wanted; take free leases, give surplus ones away (`fairness.ts`), finish removals
 * - the runners work
 *
 * A notification that is lost costs a tick. Whatever two nodes do at the same moment, the guarded updates let one win.
 */
export interface FleetOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly identity: LeaseIdentity;
  readonly timing: RunnerTiming;
  readonly random: () => number;
  readonly configured: readonly ManagedBackend[];
  /** Makes the adapter of a backend that was added at run time; without it this node runs the configured ones only. */
  readonly open?: OpenBackend;
  readonly runnerOf: (managed: ManagedBackend) => BackendRunner;
}

export interface ManagedBackend {
  readonly backend: Backend;
  /** 1 unless told. */
  readonly concurrency?: number;
  /** What dispatch should know of it; a common backend unless told. */
  readonly traits?: Partial<Omit<DispatchTraits, 'concurrency'> & OfferTraits>;
}

/** From what `Backends.add` stored. Throws when this node cannot make sense of it. */
export type OpenBackend = (settings: unknown) => ManagedBackend;

interface Member {
  readonly runner: BackendRunner;
  readonly isAdded: boolean;
  readonly settingsVersion: number;
}

interface Unusable {
  readonly settingsVersion: number;
  /** Null until its settings change. */
  readonly retryAt: number | null;
}

/** A free backend that others do not take for so many ticks is taken by whoever is there. */
const PATIENCE_TICKS = 3;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  readonly #backends: Backend[] = [];
  readonly #unusable = new Map<string, Unusable>();
  readonly #freeSince = new Map<string, number>();
  readonly #wake: Wake;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #beat: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
    for (const managed of options.configured) this.#addMember(managed, false, 0);
  }

  /** Of this process, whoever owns them. A live list: it changes as backends are added and removed. */
  get backends(): readonly Backend[] {
    return this.#backends;
  }

  get runners(): readonly BackendRunner[] {
    return [...this.#members.values()].map((member) => member.runner);
  }

  start(): void {
    if (this.#unsubscribe !== null) return;
    this.#unsubscribe = this.#options.db.changes.subscribe('backends', () => this.#wake.poke());
    for (const runner of this.runners) runner.start();
    this.#loop = this.#main();
  }

  /** Leaves what runs to be adopted, and gives the leases back. */
  async stop(): Promise<void> {
    if (this.#unsubscribe === null) return;
    this.#unsubscribe();
    this.#stop.abort();
    this.#timer?.cancel();
    this.#wake.poke();
    await this.#loop;
    await this.#beat;
    const { db, clock, identity, logger } = this.#options;
    await Promise.all([...this.#members].map(([id, member]) => this.#retire(id, member)));
    await forgetNode(db, identity.owner, clock.now()).catch((error: unknown) =>
      logger.warn({ err: toEaselError(error) }, 'the node could not be taken off the list'),
    );
  }

  async #main(): Promise<void> {
    const { timing, random, logger, db, clock } = this.#options;
    let isKnown = false;
    while (!this.#stop.signal.aborted) {
      try {
        if (!isKnown) {
          await db.transaction(async (tx) => {
            for (const { runner, isAdded } of this.#members.values()) {
              const { id, kind, displayUrl: url } = runner.backend;
              if (!isAdded) await ensureConfigured(tx, { id, kind, url }, clock.now());
            }
          });
          await this.#heartbeat();
          isKnown = true;
          this.#scheduleBeat();
        }
        await this.#tick();
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        logger.warn({ err: toEaselError(thrown) }, 'the fleet could not be looked after');
      }
      await this.#wake.wait(timing.tickMs * (0.75 + random() / 2));
    }
  }

  #scheduleBeat(): void {
    const { clock, timing, logger } = this.#options;
    if (this.#stop.signal.aborted) return;
    this.#timer = clock.setTimer(() => {
      this.#beat = this.#heartbeat()
        // The database is away. Our work goes on: should another node take over meanwhile, the fence stops our writes.
        .catch((error: unknown) => logger.warn({ err: toEaselError(error) }, 'the leases could not be renewed'))
        .then(() => this.#scheduleBeat());
    }, timing.leaseMs / 3);
  }

  async #heartbeat(): Promise<void> {
    const { db, clock, identity, timing } = this.#options;
    const before = new Map([...this.#members].map(([id, member]) => [id, member.runner.lease]));
    const heldIds = [...before].flatMap(([id, lease]) => (lease === null ? [] : [id]));
    const node = { identity, backendIds: [...this.#members.keys()], heldIds, leaseMs: timing.leaseMs };
    const held = await renewAll(db, node, clock.now());
    for (const [id, { runner }] of this.#members) {
      const lease = runner.lease;
      // One that was taken or lost while the answer was on its way is not concerned.
      if (lease === null || before.get(id)?.epoch !== lease.epoch) continue;
      const renewed = held.get(id);
      if (renewed?.epoch === lease.epoch) runner.extend(renewed);
      else runner.disown();
    }
  }

  async #tick(): Promise<void> {
    const { db, clock, identity } = this.#options;
    const rows = await readBackendRows(db.kysely);
    await this.#syncMembers(rows);
    const nowMs = clock.now();
    const told = await readFleetView(db.kysely, rows, nowMs);
    // A process of this machine that died is no rival, although its heartbeat has not run out.
    const view = { ...told, nodes: told.nodes.filter((node) => identity.isAlive(node.id)) };
    for (const row of rows) {
      const runner = this.#members.get(row.id)?.runner;
      if (runner === undefined || this.#stop.signal.aborted) continue;
      runner.desire(row.desired);
      if (runner.lease === null) await this.#takeIfNext(row, runner, view, nowMs);
      else if (row.desired === 'removing' || row.desired === 'evicting') await this.#remove(runner);
    }
    await this.#giveAway(view);
  }

  async #takeIfNext(row: BackendRow, runner: BackendRunner, view: FleetView, nowMs: number): Promise<void> {
    const { db, identity, timing, clock } = this.#options;
    // What we let go of is given up only when nothing of it is left here; then it can be taken anew.
    if (!isLeaseFree(row, identity, nowMs) || !runner.isIdle) {
      this.#freeSince.delete(row.id);
      return;
    }
    const freeSince = this.#freeSince.get(row.id) ?? nowMs;
    this.#freeSince.set(row.id, freeSince);
    const isPatient = nowMs - freeSince < PATIENCE_TICKS * timing.tickMs;
    const owners = new Map([...view.owners, ...this.#ownedNow()]);
    if (isPatient && !isNext({ nodes: view.nodes, owners }, identity.owner, row.id)) return;
    const request = { backendId: row.id, identity, leaseMs: timing.leaseMs, nowMs: clock.now() };
    const lease = await acquireLease(db, request);
    this.#freeSince.delete(row.id);
    if (lease !== null) runner.own(lease);
  }

  /** One surplus backend at a time stops claiming, and is given away once nothing runs on it. */
  async #giveAway(view: FleetView): Promise<void> {
    const { db, clock, identity, logger } = this.#options;
    const [given] = surplus(view, identity.owner);
    for (const [id, { runner }] of this.#members) {
      runner.handOver(id === given);
      const { lease } = runner;
      if (id !== given || lease === null || !runner.isIdle) continue;
      logger.info({ backend: id }, 'giving the backend to a node that has fewer');
      runner.disown();
      await releaseLease(db, lease, clock.now());
      db.changes.publish('backends');
    }
  }

  async #remove(runner: BackendRunner): Promise<void> {
    const { db, clock, identity, logger } = this.#options;
    if (!runner.isIdle || !(await finishRemoval(db, runner.backend.id, identity.owner, clock.now()))) return;
    logger.info({ backend: runner.backend.id }, 'the backend is removed');
    runner.disown();
    db.changes.publish('backends');
  }

  /** Opens what was added or changed, closes what is gone. */
  async #syncMembers(rows: readonly BackendRow[]): Promise<void> {
    const { open } = this.#options;
    for (const [id, member] of this.#members) {
      const row = rows.find((candidate) => candidate.id === id);
      const isSame = row !== undefined && (!member.isAdded || row.settings_version === member.settingsVersion);
      if (isSame || (!member.isAdded && row === undefined)) continue;
      if (!member.runner.isIdle) {
        member.runner.disown();
        continue;
      }
      await this.#close(id, member);
    }
    for (const row of rows) {
      if (row.origin !== 'added' || open === undefined || this.#members.has(row.id)) continue;
      const unusable = this.#unusable.get(row.id);
      const isSame = unusable?.settingsVersion === row.settings_version;
      if (isSame && (unusable.retryAt ?? Number.POSITIVE_INFINITY) > this.#options.clock.now()) continue;
      await this.#open(row, open);
    }
  }

  async #open(row: BackendRow, open: OpenBackend): Promise<void> {
    const { logger, clock, timing } = this.#options;
    const id = row.id;
    let managed: ManagedBackend;
    try {
      managed = open(JSON.parse(row.settings ?? 'null'));
    } catch (error) {
      // Tried again when its settings change; other nodes may understand them.
      this.#unusable.set(id, { settingsVersion: row.settings_version, retryAt: null });
      logger.error({ backend: id, err: toEaselError(error) }, 'an added backend cannot be used by this node');
      return;
    }
    try {
      await managed.backend.start();
    } catch (error) {
      const retryAt = clock.now() + timing.maxHealthPauseMs;
      this.#unusable.set(id, { settingsVersion: row.settings_version, retryAt });
      logger.warn({ backend: id, err: toEaselError(error) }, 'an added backend did not start; it is tried again');
      await this.#closeAdapter(managed.backend);
      return;
    }
    this.#unusable.delete(id);
    this.#addMember(managed, true, row.settings_version).runner.start();
    logger.info({ backend: id }, 'a backend was added');
  }

  async #close(id: string, member: Member): Promise<void> {
    this.#members.delete(id);
    this.#backends.splice(this.#backends.indexOf(member.runner.backend), 1);
    await this.#retire(id, member);
  }

  /** Never rejects: without a database the lease runs out by itself, and what this node has opened is closed all the same. */
  async #retire(id: string, { runner, isAdded }: Member): Promise<void> {
    const { db, clock, logger } = this.#options;
    const lease = await runner.stop();
    if (lease !== null)
      await releaseLease(db, lease, clock.now()).catch((error: unknown) =>
        logger.warn({ backend: id, err: toEaselError(error) }, 'a lease could not be given back'),
      );
    if (isAdded) await this.#closeAdapter(runner.backend);
  }

  /** Never rejects. */
  async #closeAdapter(backend: Backend): Promise<void> {
    await backend
      .close()
      .catch((error: unknown) =>
        this.#options.logger.warn({ backend: backend.id, err: toEaselError(error) }, 'a backend did not close cleanly'),
      );
  }

  #addMember(managed: ManagedBackend, isAdded: boolean, settingsVersion: number): Member {
    const member = { runner: this.#options.runnerOf(managed), isAdded, settingsVersion };
    this.#members.set(managed.backend.id, member);
    this.#backends.push(managed.backend);
    return member;
  }

  #ownedNow(): (readonly [string, string])[] {
    const { owner } = this.#options.identity;
    return [...this.#members].flatMap(([id, { runner }]) => (runner.lease === null ? [] : [[id, owner] as const]));
  }
}
