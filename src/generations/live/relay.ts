import type { Clock, Timer } from '../../core/clock.js';
import { toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { Db } from '../../db/index.js';
import type { EventHub } from '../event-hub.js';
import { type GenerationEvent, isTerminalEvent, type LiveEvent } from '../types.js';
import { changedStates, dropStates, expireStates, readWishes, wish, writeStates } from './relay-rows.js';

/**
 * Carries progress, previews and warnings between nodes, for followers on a node that does not run the generation.
 *
 * Nothing is carried that nobody asked for: a node with such a follower writes a wish, renewed as long as he stays; the
 * node that runs the generation then writes its newest state, at most four times per second, and both tell each other by
 * notifications, with a tick for lost ones. In a table and not in the notification itself, which has room for 8 kB and
 * would reach every node. A reader misses states, never the last one; steps are durable events and take another way.
 *
 * PostgreSQL only: one process usually has an SQLite file for itself, and others that share it can notify nobody.
 */
export interface RelayOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hub: EventHub;
  /** Does this process run it? */
  readonly runs: (generationId: string) => boolean;
  readonly tickMs: number;
}

const WISHES_TOPIC = 'live-wishes';
const STATES_TOPIC = 'live-states';
const WISH_MS = 15_000;
const RENEW_MS = 5_000;
const WRITE_PAUSE_MS = 250;
const READ_PAUSE_MS = 100;
const EXPIRE_MS = 60_000;
/** A larger preview stays on its node. */
const MAX_PREVIEW_BYTES = 256 * 1024;
/** Of one writing; what does not fit goes with the next, which has newer ones. */
const MAX_WRITE_BYTES = 4 * 1024 * 1024;

type Kind = LiveEvent['type'];

export class LiveRelay {
  readonly #options: RelayOptions;
  /** What followers of this process want, and by how many. */
  readonly #wanted = new Map<string, number>();
  readonly #renewedAt = new Map<string, number>();
  readonly #revisions = new Map<string, number>();
  /** What followers elsewhere want of us, and until when. */
  #wishes: ReadonlyMap<string, number> = new Map();
  readonly #unwritten = new Map<string, Map<Kind, LiveEvent>>();
  /** Of runs of this process. */
  readonly #written = new Set<string>();
  readonly #received = new WeakSet<GenerationEvent>();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #timers = new Map<'write' | 'read' | 'tick', Timer>();
  readonly #working = new Set<Promise<void>>();
  #expiredAt = 0;
  #isReading = false;
  #isStopped = true;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Follow a generation wherever it runs. Returns the function that ends it. */
  want(generationId: string): () => void {
    this.#wanted.set(generationId, (this.#wanted.get(generationId) ?? 0) + 1);
    this.#soon('read', READ_PAUSE_MS);
    let isWanted = true;
    return () => {
      if (!isWanted) return;
      isWanted = false;
      const left = (this.#wanted.get(generationId) ?? 1) - 1;
      if (left > 0) this.#wanted.set(generationId, left);
      else for (const map of [this.#wanted, this.#renewedAt]) map.delete(generationId);
    };
  }

  start(): void {
    const { db, hub, tickMs } = this.#options;
    if (!this.#isStopped || db.dialect === 'sqlite') return;
    this.#isStopped = false;
    this.#unsubscribe.push(
      hub.subscribeAll((event) => this.#accept(event)),
      db.changes.subscribe(WISHES_TOPIC, () => this.#run(() => this.#readWishes())),
      db.changes.subscribe(STATES_TOPIC, () => this.#soon('read', READ_PAUSE_MS)),
    );
    this.#soon('tick', tickMs);
    this.#soon('read', READ_PAUSE_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await Promise.all(this.#working);
  }

  /** An event that this process made, or that we brought here. */
  #accept(event: GenerationEvent): void {
    const { generationId } = event;
    if ('seq' in event) {
      if (!isTerminalEvent(event)) return;
      this.#unwritten.delete(generationId);
      if (this.#written.delete(generationId)) this.#run(() => dropStates(this.#options.db, [generationId]));
      return;
    }
    if (this.#received.has(event)) return;
    if ((this.#wishes.get(generationId) ?? 0) <= this.#options.clock.now()) return;
    if (event.type === 'preview' && event.data.bytes.length > MAX_PREVIEW_BYTES) return;
    const states = this.#unwritten.get(generationId) ?? new Map<Kind, LiveEvent>();
    this.#unwritten.set(generationId, states.set(event.type, event));
    this.#soon('write', WRITE_PAUSE_MS);
  }

  async #write(): Promise<void> {
    const { db, clock } = this.#options;
    const batch: LiveEvent[] = [];
    let bytes = 0;
    for (const [generationId, states] of this.#unwritten) {
      for (const [kind, event] of states) {
        if (bytes > MAX_WRITE_BYTES) break;
        bytes += event.type === 'preview' ? event.data.bytes.length : 0;
        batch.push(event);
        states.delete(kind);
      }
      if (states.size === 0) this.#unwritten.delete(generationId);
      this.#written.add(generationId);
    }
    await writeStates(db, batch, clock.now());
    db.changes.publish(STATES_TOPIC);
    if (this.#unwritten.size > 0) this.#soon('write', WRITE_PAUSE_MS);
  }

  /** One at a time: what two read at once would be told twice. */
  async #read(): Promise<void> {
    if (this.#isReading) {
      this.#soon('read', READ_PAUSE_MS);
      return;
    }
    this.#isReading = true;
    try {
      await this.#readStates();
    } finally {
      this.#isReading = false;
    }
  }

  async #readStates(): Promise<void> {
    const { db, runs, hub } = this.#options;
    const elsewhere = [...this.#wanted.keys()].filter((id) => !runs(id));
    if (elsewhere.length === 0) return;
    await this.#renew(elsewhere);
    for (const { event, revision } of await changedStates(db.kysely, elsewhere, this.#revisions)) {
      this.#revisions.set(`${event.generationId} ${event.type}`, revision);
      // Taken over by this process meanwhile: what it says itself is newer.
      if (runs(event.generationId) || !this.#wanted.has(event.generationId)) continue;
      this.#received.add(event);
      hub.publish(event);
    }
  }

  async #renew(ids: readonly string[]): Promise<void> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    const due = ids.filter((id) => nowMs - (this.#renewedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= RENEW_MS);
    if (due.length === 0) return;
    await wish(db, due, nowMs + WISH_MS);
    for (const id of due) if (this.#wanted.has(id)) this.#renewedAt.set(id, nowMs);
    db.changes.publish(WISHES_TOPIC);
  }

  async #readWishes(): Promise<void> {
    const { db, clock } = this.#options;
    this.#wishes = await readWishes(db.kysely, clock.now());
  }

  async #tick(): Promise<void> {
    const { db, clock, runs } = this.#options;
    const nowMs = clock.now();
    await this.#readWishes();
    await this.#read();
    if (nowMs - this.#expiredAt < EXPIRE_MS) return;
    this.#expiredAt = nowMs;
    for (const key of this.#revisions.keys()) {
      if (!this.#wanted.has(key.split(' ', 1)[0] ?? '')) this.#revisions.delete(key);
    }
    // Runs that went to another node end there, and what was written of them is that node's.
    for (const id of this.#written) if (!runs(id)) this.#written.delete(id);
    await expireStates(db, nowMs - EXPIRE_MS);
  }

  #soon(what: 'write' | 'read' | 'tick', delayMs: number): void {
    if (this.#isStopped || this.#timers.has(what)) return;
    const timer = this.#options.clock.setTimer(() => {
      this.#timers.delete(what);
      if (what === 'tick') this.#run(() => this.#tick().finally(() => this.#soon('tick', this.#options.tickMs)));
      else this.#run(() => (what === 'write' ? this.#write() : this.#read()));
    }, delayMs);
    this.#timers.set(what, timer);
  }

  /** What is lost here is a picture on the way. */
  #run(work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) =>
        this.#options.logger.debug({ err: toEaselError(error) }, 'live events were not carried'),
      )
      .finally(() => this.#working.delete(done));
    this.#working.add(done);
  }
}
