import { isGenerationTerminal } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { EventHub } from './event-hub.js';
import type { EventWatch } from './live/watch.js';
import { nullWhileAway, readEvents } from './read.js';
import { type GenerationEvent, isTerminalEvent } from './types.js';

export interface FollowOptions {
  /** Resume: durable events up to and including this `seq` were seen already. 0 begins at the beginning. */
  readonly afterSeq?: number;
  readonly signal?: AbortSignal;
  /** Include `progress`, `preview` and `warning`, which are sent once and cannot be resumed. True unless told. */
  readonly live?: boolean;
}

/** Previews are large and only the newest matters: a slow follower loses older ones instead of our memory. */
const MAX_BUFFERED_LIVE = 64;

/**
 * The events of one generation, from `afterSeq` on, ending after its terminal event.
 *
 * Durable events come from the database, in order and without gaps, whichever node wrote them; the hub and the watch only
 * say when to read. Live events pass through as they come.
 */
export async function* followGeneration(
  context: { readonly db: Db; readonly hub: EventHub; readonly watch: EventWatch },
  generationId: string,
  options: FollowOptions = {},
): AsyncGenerator<GenerationEvent, void, undefined> {
  const { db, hub, watch } = context;
  const { signal } = options;
  const live: GenerationEvent[] = [];
  let durableHint = true;
  let wake: (() => void) | null = null;
  const poke = () => wake?.();
  const unsubscribe = hub.subscribe(generationId, (event) => {
    if ('seq' in event) durableHint = true;
    else if (options.live !== false) {
      if (live.length >= MAX_BUFFERED_LIVE) live.splice(0, live.length - MAX_BUFFERED_LIVE + 1);
      live.push(event);
    }
    poke();
  });
  signal?.addEventListener('abort', poke);
  let seq = options.afterSeq ?? 0;
  const unwatch = watch.add(generationId, {
    seenSeq: () => seq,
    wake: () => {
      durableHint = true;
      poke();
    },
  });
  try {
    if (seq > 0) {
      const last = await lastEvent(db, generationId);
      if (last === null || (last.isTerminal && last.seq <= seq)) return;
      // A number that was never given out must not hide the events to come, or the follower would wait for good.
      seq = Math.min(seq, last.seq);
    }
    for (;;) {
      signal?.throwIfAborted();
      if (durableHint) {
        durableHint = false;
        // What was heard live before a durable event belongs before it: a bar must not move after "succeeded".
        yield* live.splice(0);
        const events = await nullWhileAway(readEvents(db.kysely, generationId, seq));
        for (const event of events ?? []) {
          seq = event.seq;
          yield event;
          if (isTerminalEvent(event)) return;
        }
        if (durableHint) continue;
      }
      if (live.length > 0) {
        yield* live.splice(0);
        continue;
      }
      if (signal?.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
  } finally {
    unsubscribe();
    unwatch();
    signal?.removeEventListener('abort', poke);
  }
}

async function lastEvent(
  db: Db,
  generationId: string,
): Promise<{ readonly seq: number; readonly isTerminal: boolean } | null> {
  const row = await db.kysely
    .selectFrom('generations')
    .select(['status', 'event_seq'])
    .where('id', '=', generationId)
    .executeTakeFirst();
  return row === undefined ? null : { seq: row.event_seq, isTerminal: isGenerationTerminal(row.status) };
}
