import type { Reader } from '../store.js';
import { Looker } from './looker.js';
import { EVENTS_TOPIC, type WatchOptions } from './watch.js';

/** Events that were written to a generation of a followed account. */
export interface ChangedGeneration {
  readonly generationId: string;
  /** The first and the last number among them. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * A transaction commits some time after the time that its events carry, and clocks of nodes differ: for so long events of
 * a time are looked for. Nodes whose clocks differ by more may hide events from one another's account streams.
 */
export const LOOK_BACK_MS = 5_000;
/** After a notification; what was slower than this is found at the next tick. */
const QUICK_LOOK_BACK_MS = 500;
const ROWS_PER_QUERY = 1_000;

type Listener = (changed: ChangedGeneration) => void;

/**
 * Notices events of whole accounts, on whatever node they were written, for all streams of this process together. It tells
 * the same change several times; who listens knows how far each generation was told.
 */
export class AccountWatch {
  readonly #options: WatchOptions;
  readonly #looker: Looker;
  readonly #listeners = new Map<string, Set<Listener>>();
  #lookedAt = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { clock, tickMs } = options;
    this.#looker = new Looker({ clock, tickMs, look: (isTick) => this.#look(isTick) });
  }

  add(accountId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(accountId) ?? new Set();
    this.#listeners.set(accountId, listeners.add(listener));
    if (this.#unsubscribe === null) {
      this.#lookedAt = this.#options.clock.now();
      this.#unsubscribe = this.#options.db.changes.subscribe(EVENTS_TOPIC, () => this.#looker.hint());
      this.#looker.begin();
    }
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(accountId) === listeners) this.#listeners.delete(accountId);
      if (this.#listeners.size > 0) return;
      this.#looker.end();
      this.#unsubscribe?.();
      this.#unsubscribe = null;
    };
  }

  async #look(isTick: boolean): Promise<void> {
    const { db, clock } = this.#options;
    const nowMs = clock.now();
    const sinceMs = Math.min(this.#lookedAt, nowMs) - (isTick ? LOOK_BACK_MS : QUICK_LOOK_BACK_MS);
    for await (const page of changedSince(db.kysely, [...this.#listeners.keys()], sinceMs)) {
      for (const { accountId, ...changed } of page) {
        for (const listener of this.#listeners.get(accountId) ?? []) listener(changed);
      }
    }
    // Not after a quick look: what it did not reach must still be reached by the next tick.
    if (isTick) this.#lookedAt = nowMs;
  }
}

/** Page by page, in the order of time. */
export async function* changedSince(
  db: Reader,
  accountIds: readonly string[],
  sinceMs: number,
): AsyncGenerator<(ChangedGeneration & { readonly accountId: string })[], void, undefined> {
  let from = { at: sinceMs, generationId: '', seq: 0 };
  for (;;) {
    const rows = await db
      .selectFrom('events')
      .innerJoin('generations', 'generations.id', 'events.generation_id')
      .select(['generations.account_id as accountId', 'events.created_at as at'])
      .select(['events.generation_id as generationId', 'events.seq as seq'])
      .where('generations.account_id', 'in', accountIds)
      .where('events.created_at', '>=', from.at)
      .where((eb) =>
        eb.or([
          eb('events.created_at', '>', from.at),
          eb('events.generation_id', '>', from.generationId),
          eb.and([eb('events.generation_id', '=', from.generationId), eb('events.seq', '>', from.seq)]),
        ]),
      )
      .orderBy('events.created_at')
      .orderBy('events.generation_id')
      .orderBy('events.seq')
      .limit(ROWS_PER_QUERY)
      .execute();
    const found = new Map<string, { accountId: string; generationId: string; firstSeq: number; lastSeq: number }>();
    for (const { accountId, generationId, seq } of rows) {
      const entry = found.get(generationId);
      if (entry === undefined) found.set(generationId, { accountId, generationId, firstSeq: seq, lastSeq: seq });
      else {
        entry.firstSeq = Math.min(entry.firstSeq, seq);
        entry.lastSeq = Math.max(entry.lastSeq, seq);
      }
    }
    yield [...found.values()];
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_PER_QUERY) return;
    from = last;
  }
}
