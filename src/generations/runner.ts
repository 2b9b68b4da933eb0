import type { AttemptResult, Backend } from '../backends/spec.js';
import { toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';

import { evicted, leaseLost, shuttingDown } from './attempt-errors.js';
import { type AttemptEnvironment, AttemptRun, type AttemptStart } from './attempt-run.js';
import { BackendHealthMachine, blamesBackend, type HealthOptions, type HealthSnapshot } from './backend-health.js';
import { claimNext } from './claim.js';
import { closedAttempts, reopenAttempt } from './fleet/readopt.js';
import { type BackendRow, storeHealth } from './fleet/rows.js';
import { type HeldLease, type LeaseIdentity, renewLease } from './lease.js';
import { type OwnedBackend, ownedBackend } from './owned-backend.js';
import type { ClaimPolicy } from './seams.js';
import { type OpenAttempt, openAttempts } from './store.js';
import { Wake } from './wake.js';

/**
 * One backend's worker on this node. The fleet gives it the lease and takes it away:
 *
 *   without lease --own--> adopt what is open, then look and claim while a slot is free --disown--> without lease
 *
 * A slot is held from the claim until the backend has finished executing; copying outputs happens after that, so that a
 * slow disk does not leave a GPU idle. How many slots there are is for its health to say (`backend-health.ts`): while it
 * is out of reach nothing is claimed, and jobs wait in our queue, where another backend can take them.
 */
export interface RunnerOptions {
  readonly env: AttemptEnvironment;
  readonly backend: Backend;
  readonly identity: LeaseIdentity;
  readonly policy: ClaimPolicy;
  /** Prompts of ours that the backend may have at a time. ComfyUI runs one; a second would only wait in its queue. */
  readonly concurrency: number;
  readonly timing: RunnerTiming;
  readonly health: HealthOptions;
  /** A run that is silent for longer, and for three times what runs here usually take, is reported as stalled. */
  readonly stalledMs: number;
  readonly random: () => number;
}

export interface RunnerTiming {
  readonly leaseMs: number;
  /** Floor of every wake-up: a lost notification costs at most this. */
  readonly tickMs: number;
  /** Longest pause between two health checks of a backend that is out of reach. */
  readonly maxHealthPauseMs: number;
}

export const DEFAULT_TIMING: RunnerTiming = { leaseMs: 15_000, tickMs: 1_000, maxHealthPauseMs: 15_000 };

/** Attempts whose backend run is over but whose outputs are still being copied; beyond this nothing new is claimed. */
const MAX_COLLECTING = 8;
const STRAY_CHECK_MS = 30_000;
const LOOK_LIMIT_MS = 5_000;

export class BackendRunner {
  readonly backend: Backend;
  readonly #options: RunnerOptions;
  readonly #logger: Logger;
  readonly #owned: OwnedBackend;
  readonly #health: BackendHealthMachine;
  readonly #runs = new Map<string, AttemptRun>();
  readonly #finished = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #wake: Wake;
  #lease: HeldLease | null = null;
  #desired: BackendRow['desired'] = 'active';
  /** No claims until it can be given to another node. */
  #handingOver = false;
  #onBackend = 0;
  #straysDueAt = 0;
  #looksForClosed = false;
  #vramBytes = 0;
  #usualRunMs = 0;
  #healthIsStored = true;
  #loop: Promise<void> | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(options: RunnerOptions) {
    const { env, backend, random, health } = options;
    this.#options = options;
    this.backend = backend;
    this.#wake = new Wake(env.clock);
    this.#logger = env.logger.child({ backend: backend.id });
    this.#owned = ownedBackend(backend, () => this.#prove());
    this.#health = new BackendHealthMachine({
      clock: env.clock,
      random,
      options: health,
      onChange: (snapshot) => this.#onHealth(snapshot),
    });
  }

  start(): void {
    if (this.#loop !== null) return;
    const { changes } = this.#options.env.db;
    const parts = [
      changes.subscribe('queue', () => this.#wake.poke()),
      changes.subscribe('cancel', () => void this.#noticeCancels().catch(() => {})),
      this.backend.onEvent((event) => {
        if (event.type !== 'disconnected' && event.type !== 'connected') return;
        this.#health.doubt();
        this.#wake.poke();
      }),
    ];
    this.#unsubscribe = () => {
      for (const unsubscribe of parts) unsubscribe();
    };
    this.#loop = this.#main();
  }

  /** Stops claiming and leaves running work to be adopted. Returns the lease that it still held. */
  async stop(): Promise<HeldLease | null> {
    this.#unsubscribe?.();
    this.#stop.abort(shuttingDown());
    this.#wake.poke();
    for (const run of this.#runs.values()) run.abandon(shuttingDown());
    await this.#loop;
    await Promise.all(this.#finished);
    this.#options.policy.detach?.(this.backend.id);
    const lease = this.#lease;
    this.#lease = null;
    return lease;
  }

  get lease(): HeldLease | null {
    return this.#lease;
  }

  get health(): HealthSnapshot {
    return this.#health.snapshot;
  }

  /** Nothing of ours is under way here. */
  get isIdle(): boolean {
    return this.#runs.size === 0;
  }

  own(lease: HeldLease): void {
    this.#lease = lease;
    this.#handingOver = false;
    this.#straysDueAt = 0;
    this.#looksForClosed = true;
    this.#health.reset();
    this.#healthIsStored = false;
    this.#logger.info({ epoch: lease.epoch }, 'this node owns the backend');
    this.#wake.poke();
  }

  /** The heartbeat held. */
  extend(lease: HeldLease): void {
    if (this.#lease?.epoch === lease.epoch) this.#lease = lease;
  }

  /** Another node owns it, or shall. */
  disown(): void {
    const lease = this.#lease;
    if (lease === null) return;
    this.#logger.warn({ epoch: lease.epoch }, 'this node does not own the backend any more');
    this.#lease = null;
    for (const run of this.#runs.values()) run.abandon(leaseLost(lease.backendId));
    this.#wake.poke();
  }

  desire(desired: BackendRow['desired']): void {
    if (desired === 'evicting') for (const run of this.#runs.values()) run.evict(evicted(this.backend.id));
    if (desired === this.#desired) return;
    this.#desired = desired;
    this.#health.drain(desired !== 'active');
    this.#wake.poke();
  }

  handOver(isHandingOver: boolean): void {
    this.#handingOver = isHandingOver;
    if (!isHandingOver) this.#wake.poke();
  }

  /** Null when this node does not run the attempt. */
  findRun(generationId: string): AttemptRun | null {
    for (const run of this.#runs.values()) if (run.attempt.generationId === generationId) return run;
    return null;
  }

  async #main(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const lease = this.#lease;
        if (lease !== null) {
          if (this.#now() >= this.#straysDueAt) await this.#adoptStrays(lease);
          if (this.#now() >= this.#health.lookDueAt) await this.#look(lease, signal);
          if (!this.#healthIsStored) await this.#storeHealth();
          await this.#claimWhileFree();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        this.#straysDueAt = 0;
        this.#logger.error({ err: toEaselError(thrown) }, 'the backend loop had to start over');
      }
      await this.#pause();
    }
  }

  /** One look at the backend, and at runs that would not stop. */
  async #look(lease: HeldLease, signal: AbortSignal): Promise<void> {
    const { backend } = this;
    const health = await backend.health({ signal, timeoutMs: LOOK_LIMIT_MS });
    if (signal.aborted || this.#lease?.epoch !== lease.epoch) return;
    if (health.vramBytes !== undefined && health.vramBytes !== this.#vramBytes) {
      this.#vramBytes = health.vramBytes;
      this.#healthIsStored = false;
    }
    this.#health.looked(health);
    if (health.state !== 'ready') return;
    for (const attemptId of this.#health.wedgedBy) {
      const seen = await backend.find(attemptId, { signal, timeoutMs: LOOK_LIMIT_MS }).catch(() => null);
      if (seen !== null && seen.state !== 'running') this.#health.freed(attemptId);
    }
    if (this.#looksForClosed) await this.#adoptClosed(lease, signal);
  }

  /**
   * Adopts the open attempts that nobody here follows: all of them when the lease is new, and later any whose claim was
   * committed although its COMMIT went unanswered.
   */
  async #adoptStrays(lease: HeldLease): Promise<void> {
    this.#straysDueAt = this.#now() + STRAY_CHECK_MS;
    for (const attempt of await openAttempts(this.#options.env.db.kysely, lease.backendId)) {
      if (attempt.epoch === lease.epoch && !this.#runs.has(attempt.id)) this.#adopt(attempt, lease);
    }
  }

  /** Once per ownership: prompts of ours that the backend has although their attempts were closed (`readopt.ts`). */
  async #adoptClosed(lease: HeldLease, signal: AbortSignal): Promise<void> {
    const { env, identity } = this.#options;
    const promptIds = (await this.backend.listOpen?.({ signal, timeoutMs: LOOK_LIMIT_MS })) ?? [];
    for (const attempt of await closedAttempts(env.db, lease.backendId, promptIds)) {
      const ids = { generation: attempt.generation_id, attempt: attempt.id };
      const event = await reopenAttempt(env.db, lease, identity.owner, attempt, this.#now());
      if (event === null) {
        this.#logger.warn(ids, 'the backend has a run that nobody waits for; stopping it');
        await this.#owned.cancel(attempt.id, { signal }).catch((error: unknown) => {
          this.#logger.warn({ ...ids, err: toEaselError(error) }, 'the run could not be stopped');
        });
        continue;
      }
      this.#logger.info(ids, 'the backend has a run that was given up; following it again');
      env.hub.publish(event);
      const start: AttemptStart = { kind: 'adopted', sent: true, confirmed: true, result: null };
      this.#launch({ attemptId: attempt.id, generationId: attempt.generation_id }, lease, start);
    }
    this.#looksForClosed = false;
  }

  #adopt(attempt: OpenAttempt, lease: HeldLease): void {
    this.#logger.info(
      { generation: attempt.generationId, attempt: attempt.id, status: attempt.status },
      'adopting an open attempt',
    );
    const start: AttemptStart = {
      kind: 'adopted',
      sent: attempt.status !== 'claimed',
      confirmed: attempt.confirmedAt !== null,
      result: attempt.result === null ? null : (JSON.parse(attempt.result) as AttemptResult),
    };
    this.#launch({ attemptId: attempt.id, generationId: attempt.generationId }, lease, start);
  }

  async #claimWhileFree(): Promise<void> {
    const { env, policy, identity, concurrency } = this.#options;
    while (
      !this.#handingOver &&
      this.#onBackend < this.#health.slots(concurrency) &&
      this.#runs.size < concurrency + MAX_COLLECTING
    ) {
      const lease = this.#lease;
      if (lease === null || this.#stop.signal.aborted) return;
      const claim = await claimNext({ db: env.db, clock: env.clock, policy }, lease, identity.owner);
      if (claim === null) return;
      env.hub.publish(claim.event);
      await env.probe('claimed', claim);
      this.#launch(claim, lease, { kind: 'fresh', isMarkedSent: claim.isMarkedSent, number: claim.number });
    }
  }

  #launch(
    ids: { readonly attemptId: string; readonly generationId: string },
    lease: HeldLease,
    start: AttemptStart,
  ): void {
    const { env } = this.#options;
    const { attemptId, generationId } = ids;
    const attempt = { attemptId, generationId, epoch: lease.epoch, backendId: this.backend.id };
    const launchedAt = this.#now();
    this.#onBackend += 1;
    const run = new AttemptRun(env, this.#owned, attempt, {
      onBackendFree: () => {
        this.#onBackend -= 1;
        this.#options.policy.left?.(attempt);
        this.#health.silent(attemptId, false);
        this.#usualRunMs = learn(this.#usualRunMs, this.#now() - launchedAt);
        this.#wake.poke();
      },
      onAccepted: () => this.#health.accepted(),
      onSilent: (isSilent) => {
        if (isSilent) this.#logger.warn({ generation: generationId, attempt: attemptId }, 'a run is silent');
        this.#health.silent(attemptId, isSilent);
      },
      onWedged: () => this.#health.wedged(attemptId),
      stalledMs: () =>
        Math.min(env.limits.silenceMs, Math.max(this.#options.stalledMs, Math.round(3 * this.#usualRunMs))),
    });
    this.#runs.set(attemptId, run);
    if (this.#stop.signal.aborted) run.abandon(shuttingDown());
    else if (this.#lease?.epoch !== lease.epoch) run.abandon(leaseLost(this.backend.id));
    else if (this.#desired === 'evicting') run.evict(evicted(this.backend.id));
    const done = run.run(start).then((error) => {
      this.#runs.delete(attemptId);
      this.#finished.delete(done);
      // Abandoned under a lease that was lost and taken again meanwhile: now it can be adopted.
      if (this.#lease !== null && this.#lease.epoch !== lease.epoch) this.#straysDueAt = 0;
      if (error !== null && blamesBackend(error)) this.#health.failed(error);
      this.#wake.poke();
    });
    this.#finished.add(done);
  }

  /**
   * Before anything is changed on the backend: is it still ours? Within the lease nobody else can have taken it; after it
   * (we were paused, or the database was away) only the database can tell. Rejects with `lease_lost`.
   */
  async #prove(): Promise<void> {
    const lease = this.#lease;
    if (lease === null) throw leaseLost(this.backend.id);
    if (this.#now() < lease.untilMs) return;
    const { env, timing } = this.#options;
    const renewed = await renewLease(env.db, lease, timing.leaseMs, this.#now());
    if (renewed === null) {
      this.disown();
      throw leaseLost(this.backend.id);
    }
    this.extend(renewed);
  }

  #onHealth(snapshot: HealthSnapshot): void {
    this.#healthIsStored = false;
    const { state, circuit, error } = snapshot;
    if (state === 'ready') this.#logger.info({ state, circuit }, 'health of the backend');
    else this.#logger.warn({ state, circuit, code: error?.code, detail: error?.message }, 'health of the backend');
    this.#wake.poke();
  }

  async #storeHealth(): Promise<void> {
    const lease = this.#lease;
    if (lease === null) return;
    const { db } = this.#options.env;
    this.#healthIsStored = true;
    try {
      await storeHealth(db, lease, this.#health.snapshot, this.#vramBytes, this.#now());
      db.changes.publish('backends');
    } catch (error) {
      this.#healthIsStored = false;
      throw error;
    }
  }

  async #noticeCancels(): Promise<void> {
    if (this.#runs.size === 0) return;
    const ids = [...this.#runs.values()].map((run) => run.attempt.generationId);
    const rows = await this.#options.env.db.kysely
      .selectFrom('generations')
      .select('id')
      .where('id', 'in', ids)
      .where('cancel_requested_at', 'is not', null)
      .execute();
    for (const row of rows) this.findRun(row.id)?.requestCancel();
  }

  /** Until poked, a look is due, or the tick (with jitter, so that many nodes do not ask at the same moment). */
  async #pause(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { timing, random } = this.#options;
    const tickMs = timing.tickMs * (0.75 + random() / 2);
    const lookInMs = this.#lease === null ? tickMs : Math.max(1, this.#health.lookDueAt - this.#now());
    const poked = await this.#wake.wait(Math.min(tickMs, lookInMs));
    // At the tick, in case the notification of a cancel was lost.
    if (!poked) await this.#noticeCancels().catch(() => {});
  }

  #now(): number {
    return this.#options.env.clock.now();
  }
}

/** A moving mean that a single odd run does not upset. */
function learn(meanMs: number, seenMs: number): number {
  return meanMs === 0 ? seenMs : meanMs + (seenMs - meanMs) / 5;
}
