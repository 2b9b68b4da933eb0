import type { Clock } from '../../core/clock.js';
import type { Db } from '../../db/index.js';
import { Looker } from './looker.js';

/** Published after a commit that wrote events, for followers on other nodes and for those of whole accounts. */
export const EVENTS_TOPIC = 'events';

export interface WatchOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** The longest time until an event of another node is noticed when a notification was lost. */
  readonly tickMs: number;
}

interface Watcher {
  readonly seenSeq: () => number;
  readonly wake: () => void;
}

const IDS_PER_QUERY = 500;

/**
 * Notices durable events that other nodes wrote, for all followers of this process together: one small query per tick or
 * burst of notifications, however many they are. Events of this process come by the hub and are not waited for here.
 * Nothing runs while nobody follows.
 */
export class EventWatch {
  readonly #db: Db;
  readonly #looker: Looker;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #unsubscribe: (() => void) | null = null;

  constructor({ db, clock, tickMs }: WatchOptions) {
    this.#db = db;
    this.#looker = new Looker({ clock, tickMs, look: () => this.#look() });
  }

  /** `wake` is called when there are events after `seenSeq()`. Returns the unsubscribe function. */
  add(generationId: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(generationId) ?? new Set();
    this.#watchers.set(generationId, watchers.add(watcher));
    this.#begin();
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(generationId) === watchers) this.#watchers.delete(generationId);
      if (this.#watchers.size > 0) return;
      this.#looker.end();
      this.#unsubscribe?.();
      this.#unsubscribe = null;
    };
  }

  #begin(): void {
    if (this.#unsubscribe !== null) return;
    // Processes that share an SQLite file cannot notify one another; what comes there is our own, and known.
    this.#unsubscribe =
      this.#db.dialect === 'sqlite' ? () => {} : this.#db.changes.subscribe(EVENTS_TOPIC, () => this.#looker.hint());
    this.#looker.begin();
  }

  async #look(): Promise<void> {
    const ids = [...this.#watchers.keys()];
    for (let from = 0; from < ids.length; from += IDS_PER_QUERY) {
      const rows = await this.#db.kysely
        .selectFrom('generations')
        .select(['id', 'event_seq'])
        .where('id', 'in', ids.slice(from, from + IDS_PER_QUERY))
        .execute();
      for (const { id, event_seq: newest } of rows) {
        for (const watcher of this.#watchers.get(id) ?? []) if (watcher.seenSeq() < newest) watcher.wake();
      }
    }
  }
}
