import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Backend } from '../../backends/spec.js';
import { type Clock, sleep } from '../../core/clock.js';
import { toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db, DbReader, DbTransaction } from '../../db/index.js';
import type { ClaimedJob, ClaimingBackend, ClaimPolicy, EndedRun } from '../seams.js';
import { type AvoidNotes, readAvoids } from './avoids.js';
import { readHeld } from './candidates.js';
import type { FactsStore } from './facts-store.js';
import { type DispatchTraits, FleetBooks } from './fleet-books.js';
import { FleetView, isLive, stateOf, unknownState } from './fleet-view.js';
import { Offers, type OfferTraits } from './offers.js';
import { type BackendState, DUE_WINDOW, type LaneNumber, type PairChoice, type WaitingJob } from './policy.js';
import type { QueueBooks } from './queue-books.js';
import { chooseNext, type RoundView } from './round.js';
import { CountsCache, NeedsCache, RoundReads } from './round-reads.js';
import { SqlSource } from './sql-source.js';

/**
 * Dispatch on one node: answers its idle backends which jobs to claim. Backends that ask at the same moment are decided
 * together, the best (backend, job) pair first. An answer is no promise: the claim is a guarded update, and another node
 * may be faster; the answer then names what to try next.
 */
export interface DispatcherOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly books: QueueBooks;
  readonly facts: FactsStore;
  readonly onModelLoad?: (backendId: string) => void;
}

interface Asking {
  readonly backendId: string;
  readonly answer: (ids: readonly string[]) => void;
  readonly fail: (error: unknown) => void;
}

/** A backend that does not say what it has is not waited for any longer. */
const OFFER_PATIENCE_MS = 10_000;
/** Between an answer and its claim; longer than any claim takes that still succeeds. */
const RESERVED_MS = 5_000;
/** What other backends of this node may find taken, besides the job they were told first. */
const MAX_CHOICES = 8;
const MAX_TOGETHER = 16;
const AVOIDS_KEPT_MS = 100;

export class Dispatcher implements ClaimPolicy {
  readonly offers: Offers;
  readonly fleet: FleetBooks;
  readonly #options: DispatcherOptions;
  readonly #view: FleetView;
  readonly #needs: NeedsCache;
  readonly #counts: CountsCache;
  readonly #stop = new AbortController();
  readonly #asking = new Map<string, Asking>();
  readonly #reserved = new Map<string, { readonly backendId: string; readonly until: number }>();
  /** What the backend was told, by job: the claim needs more of it than its id. */
  readonly #told = new Map<string, ReadonlyMap<string, WaitingJob>>();
  #avoids: { readonly notes: AvoidNotes; readonly until: number } | null = null;
  #deciding: Promise<void> | null = null;
  #hadWork = false;

  constructor(options: DispatcherOptions) {
    const { db, clock, logger, facts } = options;
    this.#options = options;
    this.offers = new Offers(db, clock, logger);
    this.fleet = new FleetBooks(clock, facts, options.onModelLoad);
    this.#view = new FleetView(db.kysely, clock);
    this.#needs = new NeedsCache(clock);
    this.#counts = new CountsCache(clock);
  }

  attach(backend: Backend, traits: DispatchTraits & OfferTraits): void {
    this.offers.attach(backend, traits);
    this.fleet.attach(backend, traits, () => this.offers.doubt(backend.id));
  }

  detach(backendId: string): void {
    this.offers.detach(backendId);
    this.fleet.detach(backendId);
    this.#told.delete(backendId);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#deciding;
    for (const backendId of this.fleet.ids) this.detach(backendId);
  }

  async candidates(_db: DbReader, backend: ClaimingBackend): Promise<readonly string[]> {
    await this.#awaitOffer(backend.id);
    for (const [id, reserved] of this.#reserved) {
      if (reserved.backendId === backend.id || reserved.until <= this.#options.clock.now()) this.#reserved.delete(id);
    }
    return new Promise((answer, fail) => {
      this.#asking.set(backend.id, { backendId: backend.id, answer, fail });
      this.#deciding ??= this.#decideAll();
    });
  }

  /** The backend as it will be after what it was told first. Should another job be claimed, the next claim puts it right. */
  publish(backendId: string): { readonly dispatch?: string } {
    const [first] = this.#told.get(backendId)?.values() ?? [];
    const published = first === undefined ? null : this.fleet.published(backendId, first);
    return published === null ? {} : { dispatch: JSON.stringify(published) };
  }

  async claimed(tx: DbTransaction, claim: ClaimedJob): Promise<void> {
    const job = this.#told.get(claim.backendId)?.get(claim.generationId);
    if (job !== undefined) await this.#options.books.claimed(tx, job);
  }

  began(claim: ClaimedJob): void {
    const job = this.#told.get(claim.backendId)?.get(claim.generationId);
    if (job !== undefined) this.fleet.begin(claim.backendId, claim.attemptId, job);
    this.#told.delete(claim.backendId);
  }

  /** The event that tells the end of a run may get lost. */
  left({ backendId, attemptId }: Pick<ClaimedJob, 'attemptId' | 'backendId'>): void {
    this.fleet.book(backendId)?.end(attemptId);
  }

  async ending(tx: DbTransaction, run: EndedRun): Promise<() => Promise<void>> {
    const { books, facts } = this.#options;
    const { workMs, sample } = this.fleet.measure(run.backendId, run.attemptId, run.runMs);
    await books.chargeAccount(tx, run, workMs);
    if (run.isSuccess && Object.keys(sample).length > 0) await facts.learn(tx, run.model_key, sample);
    return () => books.settleLane(tx, run, workMs);
  }

  async capable(db: DbReader, generationId: string, backendIds: readonly string[]): Promise<readonly string[]> {
    const refused = await db
      .selectFrom('generations')
      .innerJoin('dispatch_refusals', 'dispatch_refusals.needs_key', 'generations.needs_key')
      .select('dispatch_refusals.backend_id as backend_id')
      .where('generations.id', '=', generationId)
      .where('dispatch_refusals.backend_id', 'in', [...backendIds])
      .execute();
    const refusing = new Set(refused.map((row) => row.backend_id));
    return backendIds.filter((id) => !refusing.has(id));
  }

  async #awaitOffer(backendId: string): Promise<void> {
    if (this.offers.isKnown(backendId)) return;
    const { signal } = this.#stop;
    const patience = new AbortController();
    const stop = AbortSignal.any([signal, patience.signal]);
    await Promise.race([
      this.offers.ready(backendId, signal),
      sleep(this.#options.clock, OFFER_PATIENCE_MS, stop).catch(() => {}),
    ]);
    patience.abort();
  }

  async #decideAll(): Promise<void> {
    // The same notification wakes all backends of the node: let them all ask.
    await nextTurn();
    while (this.#asking.size > 0) {
      const together = [...this.#asking.values()].slice(0, MAX_TOGETHER);
      for (const { backendId } of together) this.#asking.delete(backendId);
      try {
        await this.#decide(together);
      } catch (error) {
        for (const one of together) one.fail(toEaselError(error));
      }
    }
    // In the same breath as the last look at who asks: whoever asked in between would never be answered.
    this.#deciding = null;
  }

  async #decide(together: readonly Asking[]): Promise<void> {
    const { db, clock, books } = this.#options;
    const nowMs = clock.now();
    const reads = new RoundReads(new SqlSource(db.kysely, nowMs), this.#needs, this.#counts);
    const left = new Map(together.map((asking) => [asking.backendId, asking]));
    const states = await this.#states(left.keys());
    // Where there was work a moment ago there probably still is: one wait less for what will be read next.
    if (this.#hadWork) for (const id of left.keys()) readHeld(reads, states.get(id)!, 0).catch(() => {});
    this.#hadWork = await this.#hasWork(reads);
    if (this.#hadWork) {
      const avoids = await this.#avoided();
      const lanes = [await books.lane(0), await books.lane(1)] as const;
      while (left.size > 0) {
        const pair = await this.#choose(reads, left, states, { nowMs, avoids, lanes });
        const asking = pair === null ? undefined : left.get(pair.backend.id);
        if (pair === null || asking === undefined) break;
        left.delete(pair.backend.id);
        states.set(pair.backend.id, this.#answer(asking, pair, nowMs));
      }
    }
    for (const asking of left.values()) asking.answer([]);
  }

  async #hasWork(reads: RoundReads): Promise<boolean> {
    return (await reads.due(0, DUE_WINDOW)).length > 0 || (await reads.due(1, DUE_WINDOW)).length > 0;
  }

  /** A moment old: the claim looks again, and refuses what must stay away. */
  async #avoided(): Promise<AvoidNotes> {
    const nowMs = this.#options.clock.now();
    if (this.#avoids === null || nowMs >= this.#avoids.until || nowMs < this.#avoids.until - AVOIDS_KEPT_MS)
      this.#avoids = { notes: await readAvoids(this.#options.db.kysely), until: nowMs + AVOIDS_KEPT_MS };
    return this.#avoids.notes;
  }

  /** Returns the state that the backend will be in. */
  #answer(asking: Asking, { backend, choices }: PairChoice, nowMs: number): BackendState {
    const jobs = choices.slice(0, MAX_CHOICES).map((choice) => choice.job);
    const [first] = jobs;
    this.#told.set(backend.id, new Map(jobs.map((job) => [job.id, job])));
    asking.answer(jobs.map((job) => job.id));
    if (first === undefined) return backend;
    this.#reserved.set(first.id, { backendId: backend.id, until: nowMs + RESERVED_MS });
    const facts = this.#options.facts.of(first.modelKey);
    return this.fleet.book(backend.id)?.with(first, facts, nowMs).state() ?? backend;
  }

  /** All that runs now, as this node knows it: its own backends exactly, others as they were last published. */
  async #states(asking: Iterable<string>): Promise<Map<string, BackendState>> {
    const states = new Map<string, BackendState>();
    for (const row of await this.#view.rows()) {
      if (isLive(row)) states.set(row.id, this.fleet.book(row.id)?.state() ?? stateOf(row));
    }
    for (const id of asking) states.set(id, this.fleet.book(id)?.state() ?? unknownState(id));
    return states;
  }

  async #choose(
    reads: RoundReads,
    left: ReadonlyMap<string, Asking>,
    states: ReadonlyMap<string, BackendState>,
    now: {
      readonly nowMs: number;
      readonly avoids: AvoidNotes;
      readonly lanes: readonly [RoundLane, RoundLane];
    },
  ): Promise<PairChoice | null> {
    const { facts } = this.#options;
    const idle = [...left.keys()].map((id) => states.get(id)!);
    for (let tries = 0; ; tries += 1) {
      const needs = new Set<string>();
      const models = new Set<string>();
      const view: RoundView = {
        nowMs: now.nowMs,
        backends: [...states.values()],
        lane: (lane: LaneNumber) => now.lanes[lane],
        facts: (key) => {
          models.add(key);
          return facts.of(key);
        },
        canRun: (backendId, { id, needsKey }) => {
          if (id !== undefined) {
            if ((this.#reserved.get(id)?.backendId ?? backendId) !== backendId) return false;
            if (now.avoids.get(id)?.has(backendId)) return false;
          }
          const refusal = needsKey === '' ? null : this.offers.refusal(backendId, needsKey);
          if (refusal === undefined) needs.add(needsKey);
          return refusal === null || refusal === undefined;
        },
      };
      const pair = await chooseNext(reads, idle, view, (id) => this.fleet.weight(id));
      // The first look at a kind of job: read what is known of it, and decide again.
      const isNews = (await facts.load(models)) || needs.size > 0;
      if (!isNews || tries >= MAX_LOOKS) return pair;
      await this.offers.load(needs);
    }
  }
}

type RoundLane = Awaited<ReturnType<QueueBooks['lane']>>;

const MAX_LOOKS = 4;
