import type { Readable } from 'node:stream';
import type { Backend } from '../backends/spec.js';
import type { Clock } from '../core/clock.js';
import { GenerationError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import { isGenerationTerminal, OPEN_GENERATION_STATUSES } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { AttachedFile, MediaStore, OpenedMedia } from '../media/index.js';
import type { AttemptEnvironment } from './attempt-run.js';
import { DEFAULT_HEALTH, type HealthOptions } from './backend-health.js';
import { createDispatch, type Dispatch, type DispatchOptions, managedTraits } from './dispatch/create.js';
import type { Unservable } from './dispatch/unservable.js';
import { explainWait, type Why } from './dispatch/why.js';
import { EventHub } from './event-hub.js';
import { failUnservable } from './fail-unservable.js';
import { Fleet, type ManagedBackend, type OpenBackend } from './fleet/fleet.js';
import type { FollowOptions } from './follow.js';
import { type AttachOptions, type Intake, plainIntake } from './intake.js';
import { type LeaseIdentity, processIdentity } from './lease.js';
import type { AccountEvent, AccountFeedOptions } from './live/account-feed.js';
import { Followers } from './live/followers.js';
import { type AcceptedGraph, readAcceptedGraph } from './payload.js';
import { type ListOptions, listGenerations, readGeneration } from './read.js';
import { rerunRequest } from './rerun.js';
import { DEFAULT_RETRY, type RetryPolicyOptions } from './retry-policy.js';
import { BackendRunner, DEFAULT_TIMING, type RunnerTiming } from './runner.js';
import { type Billing, type ClaimPolicy, freeBilling, noProbe, type Probe } from './seams.js';
import { type SettleContext, settleQueued } from './settle.js';
import { appendEvent } from './store.js';
import { findSubmitted, submitGeneration } from './submit.js';
import { type GenerationSweepReport, Sweeper } from './sweep.js';
import {
  DEFAULT_LIMITS,
  type Generation,
  type GenerationEvent,
  type GenerationLimits,
  type GenerationRequest,
} from './types.js';
import { type Admission, openAdmission } from './waiting/admission.js';
import { type QueuePosition, readPosition } from './waiting/position.js';

export interface GenerationsOptions {
  readonly db: Db;
  readonly media: MediaStore;
  /** Looks at what comes with requests, as `Media` does; files are stored as they come unless given. */
  readonly intake?: Intake;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backends: readonly ManagedBackend[];
  /** Makes the adapters of backends that are added at run time; without it only `backends` are run. */
  readonly open?: OpenBackend;
  readonly limits?: Partial<GenerationLimits>;
  readonly retry?: Partial<RetryPolicyOptions>;
  readonly timing?: Partial<RunnerTiming>;
  readonly health?: Partial<HealthOptions>;
  /** A run that is silent for so long, and three times longer than runs usually take there, counts as stalled. */
  readonly stalledMs?: number;
  readonly policy?: ClaimPolicy;
  readonly dispatch?: DispatchOptions;
  readonly billing?: Billing;
  /** Who may come in; everybody unless given. */
  readonly admission?: Admission;
  readonly probe?: Probe;
  /** Distinguishes this process from all others, with host and pid. */
  readonly instance: string;
  /** Who this process is among the nodes; made of host, pid and `instance` unless given. */
  readonly identity?: LeaseIdentity;
}

/** Loading a large model is silent for about as long. */
const DEFAULT_STALLED_MS = 60_000;

/** Submits, follows and ends generations; runs the backends that this node owns. See `types.ts` for the words. */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #limits: GenerationLimits;
  readonly #timing: RunnerTiming;
  readonly #hub = new EventHub();
  readonly #settle: SettleContext;
  readonly #dispatch: Dispatch;
  readonly #fleet: Fleet;
  readonly #sweeper: Sweeper;
  readonly #followers: Followers;
  readonly #intake: Intake;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    const retry = { ...DEFAULT_RETRY, ...options.retry };
    const { db, clock, logger, media } = options;
    const fail = (found: Unservable) => failUnservable(this.#settle, this.#hub, found);
    this.#dispatch = createDispatch({ db, clock, logger, hub: this.#hub, fail }, options.dispatch);
    const policy = options.policy ?? this.#dispatch.policy;
    const { capable, ending } = policy;
    this.#settle = {
      db,
      clock,
      billing: options.billing ?? freeBilling,
      retry,
      books: this.#dispatch.books,
      ...(capable === undefined ? {} : { capable: (...args) => capable.call(policy, ...args) }),
      ...(ending === undefined ? {} : { ending: (...args) => ending.call(policy, ...args) }),
    };
    const identity = options.identity ?? processIdentity(options.instance);
    this.#intake = options.intake ?? plainIntake({ db, clock, media, owner: identity.owner });
    const env: AttemptEnvironment = {
      db,
      clock,
      logger,
      media,
      hub: this.#hub,
      probe: options.probe ?? noProbe,
      limits: this.#limits,
      settle: this.#settle,
      owner: identity.owner,
    };
    const health = { ...DEFAULT_HEALTH, maxLookPauseMs: this.#timing.maxHealthPauseMs, ...options.health };
    this.#fleet = new Fleet({
      db,
      clock,
      logger,
      identity,
      timing: this.#timing,
      random: retry.random,
      configured: options.backends,
      ...(options.open === undefined ? {} : { open: options.open }),
      runnerOf: (managed) => {
        const { backend, concurrency } = managed;
        policy.attach?.(backend, managedTraits(managed));
        return new BackendRunner({
          env,
          backend,
          identity,
          health,
          policy,
          concurrency: concurrency ?? 1,
          timing: this.#timing,
          stalledMs: options.stalledMs ?? DEFAULT_STALLED_MS,
          random: retry.random,
        });
      },
    });
    this.#sweeper = new Sweeper({
      ...this.#settle,
      media,
      logger,
      hub: this.#hub,
      identity,
      random: retry.random,
      tickMs: this.#timing.tickMs,
    });
    const runs = (id: string) => this.#fleet.runners.some((runner) => runner.findRun(id) !== null);
    this.#followers = new Followers({ db, clock, logger, hub: this.#hub, runs, tickMs: this.#timing.tickMs });
  }

  /** Begins to work: takes backends, adopts what was left open, sweeps. */
  async start(): Promise<void> {
    this.#sweeper.start();
    this.#dispatch.watch.start();
    this.#followers.start();
    this.#fleet.start();
  }

  /** Stops working. Runs on backends go on and are adopted by the next start. */
  async stop(): Promise<void> {
    await Promise.all([this.#sweeper.stop(), this.#dispatch.stop(), this.#followers.stop(), this.#fleet.stop()]);
  }

  /**
   * Takes in an input file for a later submit. One that no submit uses is removed after an hour. Throws what the intake
   * throws: `media_invalid`, `media_too_complex`, `media_quota_exceeded`, `payload_too_large`, `storage_failed`.
   */
  attach(accountId: string, source: Readable | Uint8Array, options: AttachOptions): Promise<AttachedFile> {
    return this.#intake.attach(accountId, source, options);
  }

  /**
   * Accepts a generation; once this resolves it is durable and will end in exactly one terminal status.
   * Throws `graph_invalid`, `request_invalid`, `idempotency_conflict`, `not_found` (attachment, session),
   * `waiting_room_full`, `account_merged`, and what Billing throws.
   */
  async submit(request: GenerationRequest): Promise<Generation> {
    return (await this.accept(request)).generation;
  }

  /** `submit`, which also tells whether the generation is new or was made by an earlier submit under the same key. */
  async accept(request: GenerationRequest): Promise<{ readonly generation: Generation; readonly isNew: boolean }> {
    const { db, clock } = this.#options;
    const { admission = openAdmission } = this.#options;
    const { billing } = this.#settle;
    const { books } = this.#dispatch;
    const context = { db, clock, billing, admission, limits: this.#limits, books };
    const { id, event } = await submitGeneration(context, request);
    if (event !== null) {
      this.#hub.publish(event);
      db.changes.publish('queue');
      await this.#options.probe?.('submitted', { generationId: id });
    }
    return { generation: await this.get(id, request.accountId), isNew: event !== null };
  }

  /**
   * What an earlier submit under this key and digest made, or null: to be asked before work that a repeated request can do
   * without. Throws `idempotency_conflict`.
   */
  async findSubmitted(
    accountId: string,
    idempotencyKey: string,
    idempotencyDigest: string,
  ): Promise<Generation | null> {
    const id = await findSubmitted(this.#options.db, { accountId, idempotencyKey }, idempotencyDigest);
    return id === null ? null : this.get(id, accountId);
  }

  /** Null when there is none, or it belongs to another account. */
  find(id: string, accountId: string): Promise<Generation | null> {
    return readGeneration(this.#options.db, id, accountId);
  }

  /** Throws `not_found`. */
  async get(id: string, accountId: string): Promise<Generation> {
    const generation = await this.find(id, accountId);
    if (generation === null) throw new GenerationError('not_found', `There is no generation ${id}.`);
    return generation;
  }

  /** The graph as it was accepted, with every change that was made to the graph of its workflow. Throws `not_found`. */
  async graphOf(id: string, accountId: string): Promise<AcceptedGraph> {
    const generation = await this.get(id, accountId);
    const accepted = await readAcceptedGraph(this.#options.db, generation.id);
    if (accepted === null)
      throw new GenerationError('not_found', `The graph of generation ${id} is not kept any more.`);
    return accepted;
  }

  /** Why it waits: what is due before it, and why no backend takes it now. Throws `not_found`. */
  why(id: string, accountId: string): Promise<Why> {
    return explainWait(this.#options.db.kysely, id, accountId, this.#options.clock.now());
  }

  /** Its place in line and when it will begin. Null unless it waits. */
  position(id: string, accountId: string): Promise<QueuePosition | null> {
    const { db, clock } = this.#options;
    return readPosition(db, id, accountId, clock.now());
  }

  list(options: ListOptions): Promise<Generation[]> {
    return listGenerations(this.#options.db, options);
  }

  /** Follows a generation until its end; see `follow.ts`. Throws `not_found` at the first step. */
  async *events(
    id: string,
    accountId: string,
    options: FollowOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    await this.get(id, accountId);
    yield* this.#followers.generation(id, options);
  }

  /** Follows all generations of an account, from now on or after a cursor; see `live/account-feed.ts`. */
  accountEvents(accountId: string, options: AccountFeedOptions = {}): AsyncGenerator<AccountEvent, void, undefined> {
    return this.#followers.account(accountId, options);
  }

  /** Resolves with the ended generation. Throws `wait_timeout`, after which it goes on all the same. */
  async wait(
    id: string,
    accountId: string,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Generation> {
    const stop = new AbortController();
    const onAbort = () => stop.abort(options.signal?.reason);
    if (options.signal?.aborted) onAbort();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const { timeoutMs } = options;
    const timer =
      timeoutMs === undefined
        ? null
        : this.#options.clock.setTimer(() => {
            stop.abort(
              new GenerationError('wait_timeout', `The generation did not end within ${timeoutMs} ms; it goes on.`),
            );
          }, timeoutMs);
    try {
      for await (const _ of this.events(id, accountId, { live: false, signal: stop.signal }));
      return await this.get(id, accountId);
    } finally {
      timer?.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Asks for the end of a generation. In the queue it is gone at once; on a backend it is stopped there and verified,
   * which takes a moment: follow it. A run that succeeds first stays a success. Ended ones are returned as they are.
   */
  async cancel(id: string, accountId: string): Promise<Generation> {
    const { db, clock } = this.#options;
    const generation = await this.get(id, accountId);
    if (isGenerationTerminal(generation.status)) return generation;
    const gone = await settleQueued(
      this.#settle,
      id,
      'cancelled',
      new GenerationError('cancelled', 'Cancelled while it waited.'),
    );
    if (gone !== null) {
      this.#hub.publish(gone);
      return this.get(id, accountId);
    }
    const nowMs = clock.now();
    const event = await db.transaction(async (tx) => {
      const marked = await tx
        .updateTable('generations')
        .set({ cancel_requested_at: nowMs })
        .where('id', '=', id)
        .where('cancel_requested_at', 'is', null)
        .where('status', 'in', OPEN_GENERATION_STATUSES)
        .executeTakeFirst();
      return marked.numUpdatedRows === 0n ? null : appendEvent(tx, id, 'cancel_requested', {}, nowMs);
    });
    if (event !== null) this.#hub.publish(event);
    for (const runner of this.#fleet.runners) runner.findRun(id)?.requestCancel();
    db.changes.publish('cancel');
    return this.get(id, accountId);
  }

  /** Submits the same request anew, as a generation of its own. */
  async rerun(
    id: string,
    accountId: string,
    options: Pick<GenerationRequest, 'idempotencyKey' | 'idempotencyDigest' | 'billing'> = {},
  ): Promise<Generation> {
    const { db, clock } = this.#options;
    const request = await rerunRequest(db, await this.get(id, accountId), clock.now());
    return this.submit({ ...options, ...request });
  }

  /** Opens a stored output file. Throws `not_found`. The caller reads the stream to its end or destroys it. */
  async openOutput(
    id: string,
    accountId: string,
    ordinal: number,
    options: { readonly range?: { readonly start: number; readonly end?: number } } = {},
  ): Promise<OpenedMedia & { readonly contentType: string; readonly filename: string; readonly hash: string }> {
    const generation = await this.get(id, accountId);
    const output = generation.outputs.find((candidate) => candidate.ordinal === ordinal);
    if (output === undefined || output.hash === null) {
      throw new GenerationError('not_found', `Generation ${id} has no output file ${ordinal}.`);
    }
    const opened = await this.#options.media.open(output.hash, options);
    return { ...opened, contentType: output.contentType, filename: output.filename, hash: output.hash };
  }

  /** Does at once what otherwise happens from time to time: expires, gives up orphans, removes files of closed attempts. */
  sweep(): Promise<GenerationSweepReport> {
    return this.#sweeper.sweepOnce({ files: true });
  }

  /**
   * Every event that this process makes, of all generations and accounts: for metrics and the like. The listener must not
   * throw. Returns the unsubscribe function.
   */
  onEvent(listener: (event: GenerationEvent) => void): () => void {
    return this.#hub.subscribeAll(listener);
  }

  /** The adapters of this process: of the configuration, and those that were added at run time. A live list. */
  get backends(): readonly Backend[] {
    return this.#fleet.backends;
  }

  /** For tests: followed generations that were never let go. */
  get followers(): number {
    return this.#hub.size;
  }
}
