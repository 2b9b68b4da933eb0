import type { AttemptResult, Backend } from '../backends/spec.js';
import { sleep, type Timer } from '../core/clock.js';
import { type EaselError, toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import { leaseLost, shuttingDown } from './attempt-errors.js';
import { type AttemptEnvironment, AttemptRun, type AttemptStart } from './attempt-run.js';
import { claimNext } from './claim.js';
import { acquireLease, type HeldLease, type LeaseIdentity, releaseLease, renewLease } from './lease.js';
import type { ClaimPolicy } from './seams.js';
import { type OpenAttempt, openAttempts } from './store.js';

/**
 * One backend's worker on this node.
 *
 *   stopped -> waiting for the lease -> owning: adopt what is open, then claim while a slot is free -> stopped
 *                  ^------------------------- lease lost (all runs abandoned) ----'
 *
 * A slot is held from the claim until the backend has finished executing; copying outputs happens after that, so that a
 * slow disk does not leave a GPU idle. While the backend is out of reach nothing is claimed: jobs wait in our queue, where
 * another backend can take them, and not in a dead one's.
 */
export interface RunnerOptions {
  readonly env: AttemptEnvironment;
  readonly backend: Backend;
  readonly identity: LeaseIdentity;
  readonly policy: ClaimPolicy;
  /** Prompts of ours that the backend may have at a time. ComfyUI runs one; a second would only wait in its queue. */
  readonly concurrency: number;
  readonly timing: RunnerTiming;
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

export class BackendRunner {
  readonly #options: RunnerOptions;
  readonly #logger: Logger;
  readonly #runs = new Map<string, AttemptRun>();
  readonly #finished = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #lease: HeldLease | null = null;
  #onBackend = 0;
  #reachable = true;
  #straysDueAt = 0;
  #wake: (() => void) | null = null;
  #woken = false;
  #loop: Promise<void> | null = null;
  #unsubscribe: (() => void) | null = null;
  #renewal: Timer | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#logger = options.env.logger.child({ backend: options.backend.id });
  }

  start(): void {
    if (this.#loop !== null) return;
    const queue = this.#options.env.db.changes.subscribe('queue', () => this.#wakeUp());
    const cancels = this.#options.env.db.changes.subscribe('cancel', () => void this.#noticeCancels().catch(() => {}));
    this.#unsubscribe = () => {
      queue();
      cancels();
    };
    this.#loop = this.#main();
  }

  /** Stops claiming and leaves running work to be adopted; gives the lease back. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#stop.abort(shuttingDown());
    this.#wakeUp();
    for (const run of this.#runs.values()) run.abandon(shuttingDown());
    await this.#loop;
    await Promise.all(this.#finished);
    this.#renewal?.cancel();
    const lease = this.#lease;
    this.#lease = null;
    if (lease !== null) {
      await releaseLease(this.#options.env.db, lease, this.#now()).catch((error: unknown) => {
        this.#logger.warn({ err: toEaselError(error) }, 'the lease could not be given back; it will run out');
      });
    }
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
        if (this.#lease === null && !(await this.#takeLease())) {
          await this.#pause();
          continue;
        }
        if (this.#lease !== null && this.#now() >= this.#straysDueAt) await this.#adoptStrays(this.#lease);
        if (!this.#reachable) await this.#untilReachable(signal);
        await this.#claimWhileFree();
      } catch (thrown) {
        if (signal.aborted) return;
        this.#straysDueAt = 0;
        this.#logger.error({ err: toEaselError(thrown) }, 'the backend loop had to start over');
      }
      await this.#pause();
    }
  }

  async #takeLease(): Promise<boolean> {
    const { env, backend, identity, timing } = this.#options;
    const lease = await acquireLease(env.db, {
      backendId: backend.id,
      kind: backend.kind,
      url: backend.displayUrl,
      identity,
      leaseMs: timing.leaseMs,
      nowMs: this.#now(),
    });
    if (lease === null) return false;
    this.#lease = lease;
    this.#scheduleRenewal();
    this.#logger.info({ epoch: lease.epoch }, 'this node owns the backend');
    await this.#adoptStrays(lease);
    return true;
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

  #scheduleRenewal(): void {
    const { env, timing } = this.#options;
    this.#renewal = env.clock.setTimer(() => void this.#renew(), timing.leaseMs / 3);
  }

  async #renew(): Promise<void> {
    const lease = this.#lease;
    if (lease === null || this.#stop.signal.aborted) return;
    const { env, timing } = this.#options;
    try {
      const renewed = await renewLease(env.db, lease, timing.leaseMs, this.#now());
      if (this.#lease !== lease) return;
      if (renewed === null) {
        this.#loseLease(lease);
        return;
      }
      this.#lease = renewed;
    } catch (thrown) {
      // The database is away. Our work goes on: should another node take over meanwhile, the fence stops our writes.
      this.#logger.warn({ err: toEaselError(thrown) }, 'the lease could not be renewed');
    }
    this.#scheduleRenewal();
  }

  #loseLease(lease: HeldLease): void {
    this.#logger.warn({ epoch: lease.epoch }, 'this node lost the backend to another owner');
    this.#lease = null;
    for (const run of this.#runs.values()) run.abandon(leaseLost(lease.backendId));
    this.#wakeUp();
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
    while (this.#reachable && this.#onBackend < concurrency && this.#runs.size < concurrency + MAX_COLLECTING) {
      const lease = this.#lease;
      if (lease === null || this.#stop.signal.aborted) return;
      const claim = await claimNext({ db: env.db, clock: env.clock, policy }, lease, identity.owner);
      if (claim === null) return;
      env.hub.publish(claim.event);
      await env.probe('claimed', claim);
      this.#launch(claim, lease, { kind: 'fresh', isMarkedSent: claim.isMarkedSent });
    }
  }

  #launch(
    ids: { readonly attemptId: string; readonly generationId: string },
    lease: HeldLease,
    start: AttemptStart,
  ): void {
    const { env, backend } = this.#options;
    const attempt = {
      attemptId: ids.attemptId,
      generationId: ids.generationId,
      epoch: lease.epoch,
      backendId: backend.id,
    };
    this.#onBackend += 1;
    const run = new AttemptRun(env, backend, attempt, () => {
      this.#onBackend -= 1;
      this.#wakeUp();
    });
    this.#runs.set(ids.attemptId, run);
    if (this.#stop.signal.aborted) run.abandon(shuttingDown());
    else if (this.#lease?.epoch !== lease.epoch) run.abandon(leaseLost(backend.id));
    const done = run.run(start).then((error) => {
      this.#runs.delete(ids.attemptId);
      this.#finished.delete(done);
      // Abandoned under a lease that was lost and taken again meanwhile: now it can be adopted.
      if (this.#lease !== null && this.#lease.epoch !== lease.epoch) this.#straysDueAt = 0;
      if (error !== null && blamesBackend(error)) this.#reachable = false;
      this.#wakeUp();
    });
    this.#finished.add(done);
  }

  /** Health checks with growing pauses until the backend answers as a ComfyUI does. */
  async #untilReachable(signal: AbortSignal): Promise<void> {
    const { env, backend, timing, random } = this.#options;
    for (let tries = 0; !signal.aborted && this.#lease !== null; tries += 1) {
      const health = await backend.health({ signal });
      if (health.state === 'ready') {
        this.#reachable = true;
        return;
      }
      if (tries === 0)
        this.#logger.warn({ state: health.state, detail: health.error?.message }, 'the backend cannot take work');
      const ceilingMs = Math.min(timing.maxHealthPauseMs, 250 * 2 ** Math.min(tries, 10));
      await sleep(env.clock, ceilingMs * (0.5 + random() / 2), signal);
    }
  }

  async #noticeCancels(): Promise<void> {
    if (this.#runs.size === 0) return;
    const rows = await this.#options.env.db.kysely
      .selectFrom('generations')
      .select('id')
      .where(
        'id',
        'in',
        [...this.#runs.values()].map((run) => run.attempt.generationId),
      )
      .where('cancel_requested_at', 'is not', null)
      .execute();
    for (const row of rows) this.findRun(row.id)?.requestCancel();
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Until woken, or the tick (with jitter, so that many nodes do not ask at the same moment). */
  async #pause(): Promise<void> {
    const { env, timing, random } = this.#options;
    if (!this.#woken && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = env.clock.setTimer(resolve, timing.tickMs * (0.75 + random() / 2));
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = null;
      // At the tick, in case the notification of a cancel was lost.
      if (!this.#woken) await this.#noticeCancels().catch(() => {});
    }
    this.#woken = false;
  }

  #now(): number {
    return this.#options.env.clock.now();
  }
}

/** Errors after which the next job would meet the same fate: look at the backend's health before claiming again. */
function blamesBackend(error: EaselError): boolean {
  return (
    error.code === 'backend_unreachable' ||
    error.code === 'backend_not_comfyui' ||
    error.code === 'backend_unauthorized' ||
    error.code === 'backend_overloaded' ||
    error.code === 'backend_failed' ||
    error.code === 'backend_protocol'
  );
}
