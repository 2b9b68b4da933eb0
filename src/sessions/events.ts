import type { Clock, Timer } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Db, DbTransaction } from '../db/index.js';
import type { SessionEventsTable } from '../db/schema.js';
import type { SessionRow } from './read.js';
import { SESSION_EVENT_TYPES, type SessionEvent, type SessionEventType } from './types.js';

/**
 * Events of sessions between nodes. They are rows, written in the transaction that makes them; a node that listens looks for
 * new ones at every tick, and soon after a hint.
 *
 * What is promised: every node that listens is told each event once, after its commit, those of one session in order,
 * usually within a tenth of a second and at the latest at the next tick. Nobody is told what happened before it began to
 * listen, or while it could not reach the database for longer than events are kept.
 */
const TOPIC = 'sessions';

/** A transaction commits some time after the time that its events carry, and clocks of nodes differ: by so much at most. */
const LOOK_BACK_MS = 5_000;
export const EVENTS_KEPT_MS = 5 * 60_000;
const HINT_PAUSE_MS = 30;
const PAGE = 500;

/** `seq` is the session's new revision. */
export async function insertEvents(
  tx: DbTransaction,
  type: SessionEventType,
  rows: readonly Omit<SessionRow, 'idle_ms' | 'expires_at' | 'created_at'>[],
  nowMs: number,
  changed: readonly string[] = [],
): Promise<void> {
  if (rows.length === 0) return;
  const data = JSON.stringify(changed.length === 0 ? {} : { changed });
  await tx
    .insertInto('session_events')
    .values(
      rows.map((row) => ({
        session_id: row.id,
        seq: row.revision,
        type,
        platform: row.platform,
        user_id: row.user_id,
        account_id: row.account_id,
        data,
        // A clock that goes back must not put an event before those that it followed.
        at: Math.max(nowMs, row.touched_at),
      })),
    )
    .execute();
}

export interface EventFeedOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tickMs: number;
}

/** Of an event, in the order in which they are read. */
type Place = Pick<SessionEventsTable, 'at' | 'session_id' | 'seq'>;

export type SessionListener = (event: SessionEvent) => void;

/** Looks only while somebody listens. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #listeners = new Map<SessionEventType, Set<SessionListener>>();
  /** How far each session was told: looks overlap. */
  readonly #told = new Map<string, { readonly seq: number; readonly at: number }>();
  #unsubscribe: (() => void) | null = null;
  #timer: Timer | null = null;
  #timerAt = 0;
  #looking: Promise<void> | null = null;
  #isHinted = false;
  #since = 0;
  #begunAt = 0;

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  /** After COMMIT. */
  publish(): void {
    this.#options.db.changes.publish(TOPIC);
  }

  /** The listener must not throw; if it does, that is logged. Returns the unsubscribe function. */
  on(type: SessionEventType, listener: SessionListener): () => void {
    // A wrapper of its own per call, so that the same function added twice is also removed one at a time.
    const entry: SessionListener = (event) => listener(event);
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(entry));
    if (this.#unsubscribe === null) this.#begin();
    return () => {
      listeners.delete(entry);
      if ([...this.#listeners.values()].every((set) => set.size === 0)) this.#end();
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#end();
    await this.#looking;
  }

  #begin(): void {
    const { db, clock, tickMs } = this.#options;
    this.#begunAt = clock.now();
    this.#since = this.#begunAt;
    this.#unsubscribe = db.changes.subscribe(TOPIC, () => {
      this.#isHinted = true;
      this.#lookIn(HINT_PAUSE_MS);
    });
    this.#lookIn(tickMs);
  }

  #end(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#told.clear();
  }

  #lookIn(delayMs: number): void {
    const { clock } = this.#options;
    const dueAt = clock.now() + delayMs;
    if (this.#unsubscribe === null || this.#looking !== null) return;
    if (this.#timer !== null && this.#timerAt <= dueAt) return;
    this.#timer?.cancel();
    this.#timerAt = dueAt;
    this.#timer = clock.setTimer(
      () => {
        this.#timer = null;
        this.#isHinted = false;
        this.#looking = this.#look()
          .catch((error: unknown) =>
            this.#options.logger.debug({ err: error }, 'events of sessions could not be read; the next look comes'),
          )
          .finally(() => {
            this.#looking = null;
            this.#lookIn(this.#isHinted ? HINT_PAUSE_MS : this.#options.tickMs);
          });
      },
      delayMs,
      { unref: true },
    );
  }

  async #look(): Promise<void> {
    const nowMs = this.#options.clock.now();
    // The clock was put back: what happens now lies before the time at which listening began.
    if (nowMs < this.#begunAt) this.#begunAt = nowMs - LOOK_BACK_MS;
    const from = Math.max(Math.min(this.#since, nowMs) - LOOK_BACK_MS, this.#begunAt);
    let after: Place = { at: from, session_id: '', seq: 0 };
    for (;;) {
      const page = await this.#read(after);
      for (const event of page.flatMap(toEvent)) {
        if (this.#isOld(event)) continue;
        // Committed while the pages before were being read.
        for (const missed of await this.#missedBefore(event)) this.#tell(missed);
        this.#tell(event);
      }
      // Of the rows, and not of those events among them that are known here: a page is full all the same.
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE || this.#unsubscribe === null) break;
      after = last;
    }
    this.#since = nowMs;
    for (const [id, { at }] of this.#told) if (at < from - LOOK_BACK_MS) this.#told.delete(id);
  }

  #isOld({ sessionId, seq }: SessionEvent): boolean {
    return (this.#told.get(sessionId)?.seq ?? 0) >= seq;
  }

  async #missedBefore({ sessionId, seq }: SessionEvent): Promise<SessionEvent[]> {
    const told = this.#told.get(sessionId)?.seq ?? 0;
    if (told === seq - 1) return [];
    const rows = await this.#rows()
      .where('session_id', '=', sessionId)
      .where('seq', '>', told)
      .where('seq', '<', seq)
      .where('at', '>=', this.#begunAt)
      .orderBy('seq')
      .execute();
    return rows.flatMap(toEvent);
  }

  #rows() {
    return this.#options.db.kysely.selectFrom('session_events').selectAll();
  }

  #read(after: Place): Promise<SessionEventsTable[]> {
    return this.#rows()
      .where('at', '>=', after.at)
      .where((eb) =>
        eb.or([
          eb('at', '>', after.at),
          eb('session_id', '>', after.session_id),
          eb.and([eb('session_id', '=', after.session_id), eb('seq', '>', after.seq)]),
        ]),
      )
      .orderBy('at')
      .orderBy('session_id')
      .orderBy('seq')
      .limit(PAGE)
      .execute();
  }

  #tell(event: SessionEvent): void {
    this.#told.set(event.sessionId, event);
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        this.#options.logger.error({ err: error, event: event.type }, 'a listener of sessions threw');
      }
    }
  }
}

function toEvent(row: SessionEventsTable): SessionEvent[] {
  const type = SESSION_EVENT_TYPES.find((known) => known === row.type);
  // Of a newer Easel on the same database.
  if (type === undefined) return [];
  const { changed = [] } = JSON.parse(row.data) as { readonly changed?: readonly string[] };
  return [
    {
      type,
      sessionId: row.session_id,
      platform: row.platform,
      userId: row.user_id,
      accountId: row.account_id,
      seq: row.seq,
      at: row.at,
      changed,
    },
  ];
}
