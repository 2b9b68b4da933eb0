import type { Clock } from '../../core/clock.js';
import { isId } from '../../core/ids.js';
import type { Db } from '../../db/index.js';
import type { EventHub } from '../event-hub.js';
import { nullWhileAway, readEvents } from '../read.js';
import type { Reader } from '../store.js';
import { type DurableEvent, type GenerationEvent, isTerminalEvent, type LiveEvent } from '../types.js';
import { Wake } from '../wake.js';
import { type AccountWatch, type ChangedGeneration, changedSince, LOOK_BACK_MS } from './account-watch.js';

/** One event of an account's stream. */
export interface AccountEvent {
  readonly event: GenerationEvent;
  /** Resumes after it; null for live events, which are sent once. */
  readonly cursor: string | null;
}

export interface AccountFeedOptions {
  /** From where on: the cursor of the last event that was seen. From now on unless given. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

interface Context {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: EventHub;
  readonly watch: AccountWatch;
  readonly tickMs: number;
  /** Follow a generation that runs elsewhere. */
  readonly want: (generationId: string) => () => void;
}

const MAX_LIVE = 64;
const MOST_RUNNING = 200;
/** For so long it is remembered how far a generation was told; longer than anything is looked for again. */
const REMEMBER_MS = 4 * LOOK_BACK_MS;

/** The place of an event in the stream of its account, as text. */
function cursorOf({ at, generationId, seq }: DurableEvent): string {
  return `${at}.${generationId}.${seq}`;
}

/** The time of a cursor, in milliseconds; null when it is none. */
export function cursorTime(cursor: string): number | null {
  const [at = '', id = '', seq = '', ...rest] = cursor.split('.');
  return /^\d{1,15}$/.test(at) && isId(id) && /^\d{1,9}$/.test(seq) && rest.length === 0 ? Number(at) : null;
}

/**
 * The events of all generations of an account as they happen, on whatever node. Within a generation in order and without
 * gaps: its numbers say what is missing, whatever order the database shows them in. Whoever resumes may be told the events
 * of the last few seconds twice, and misses none. Ends with its signal, by throwing.
 */
export async function* followAccount(
  context: Context,
  accountId: string,
  { after, signal }: AccountFeedOptions,
): AsyncGenerator<AccountEvent, void, undefined> {
  const { db, clock, hub, watch, tickMs, want } = context;
  const wake = new Wake(clock);
  const changed = new Map<string, ChangedGeneration>();
  const note = (change: ChangedGeneration) => {
    const { generationId, firstSeq, lastSeq } = change;
    const { firstSeq: first = firstSeq, lastSeq: last = lastSeq } = changed.get(generationId) ?? {};
    const both = { generationId, firstSeq: Math.min(first, firstSeq), lastSeq: Math.max(last, lastSeq) };
    if (told.isNews(both)) changed.set(generationId, both);
  };
  const told = new Told();
  const live = new Map<string, LiveEvent>();
  const running = new Map<string, () => void>();
  const resumedAt = after === undefined ? null : cursorTime(after);
  const begunAt = clock.now();
  let forgotAt = begunAt;

  const poke = () => wake.poke();
  const unwatch = watch.add(accountId, (change) => {
    note(change);
    if (changed.size > 0) poke();
  });
  const unsubscribe = hub.subscribeAll((event) => {
    if ('seq' in event || !running.has(event.generationId)) return;
    // Of what changes all the time, the newest.
    const key = `${event.generationId} ${event.type}`;
    live.delete(key);
    if (live.size < MAX_LIVE) live.set(key, event);
    poke();
  });
  signal?.addEventListener('abort', poke);
  const follow = (id: string) => {
    if (!running.has(id) && running.size < MOST_RUNNING) running.set(id, want(id));
  };
  const leave = (id: string) => {
    running.get(id)?.();
    running.delete(id);
  };
  /** In the order of time, so that a cursor never runs ahead of what is told after it. */
  const news = async (changes: readonly ChangedGeneration[]): Promise<DurableEvent[]> => {
    const read = await Promise.all(
      changes.map((change) => {
        const before = told.before(change);
        return readEvents(db.kysely, change.generationId, before, Math.max(1, change.lastSeq - before));
      }),
    );
    const events = read.flat().sort((a, b) => a.at - b.at || a.seq - b.seq);
    for (const event of events) {
      told.add(event);
      if (event.type === 'started') follow(event.generationId);
      if (isTerminalEvent(event)) leave(event.generationId);
    }
    // What was before the stream began is nothing new; the watch looks back a little.
    return resumedAt === null ? events.filter(({ at }) => at >= begunAt) : events;
  };
  try {
    for (const id of await runningOf(db.kysely, accountId)) follow(id);
    if (resumedAt !== null) {
      for await (const page of changedSince(db.kysely, [accountId], Math.min(resumedAt, begunAt) - LOOK_BACK_MS)) {
        for (const event of await news(page.filter((change) => told.isNews(change)))) {
          yield { event, cursor: cursorOf(event) };
        }
      }
    }
    for (;;) {
      signal?.throwIfAborted();
      const due = [...changed.values()].filter((change) => told.isNews(change));
      changed.clear();
      const events = await nullWhileAway(news(due));
      if (events === null) for (const change of due) note(change);
      for (const event of events ?? []) yield { event, cursor: cursorOf(event) };
      const pictures = [...live.values()];
      live.clear();
      for (const event of pictures) if (running.has(event.generationId)) yield { event, cursor: null };
      // By the clock, since a busy account leaves no pause.
      if (clock.now() - forgotAt >= REMEMBER_MS) {
        forgotAt = clock.now();
        told.forget(forgotAt - REMEMBER_MS);
      }
      if (signal?.aborted || (events !== null && changed.size > 0)) continue;
      await wake.wait(tickMs);
    }
  } finally {
    unwatch();
    unsubscribe();
    for (const end of running.values()) end();
    signal?.removeEventListener('abort', poke);
  }
}

/** How far each generation was told. */
class Told {
  readonly #newest = new Map<string, { readonly seq: number; readonly at: number }>();

  isNews({ generationId, lastSeq }: ChangedGeneration): boolean {
    return (this.#newest.get(generationId)?.seq ?? 0) < lastSeq;
  }

  /** The number after which to go on: for a generation that was not told of yet, the one before its first change. */
  before({ generationId, firstSeq }: ChangedGeneration): number {
    return this.#newest.get(generationId)?.seq ?? firstSeq - 1;
  }

  add({ generationId, seq, at }: DurableEvent): void {
    this.#newest.set(generationId, { seq, at });
  }

  forget(beforeMs: number): void {
    for (const [id, { at }] of this.#newest) if (at < beforeMs) this.#newest.delete(id);
  }
}

async function runningOf(db: Reader, accountId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('generations')
    .select('id')
    .where('account_id', '=', accountId)
    .where('status', 'in', ['running', 'collecting'])
    .limit(MOST_RUNNING)
    .execute();
  return rows.map(({ id }) => id);
}
