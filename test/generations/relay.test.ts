import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { EventHub } from '../../src/generations/event-hub.js';
import { LiveRelay } from '../../src/generations/live/relay.js';
import { changedStates, wish, writeStates } from '../../src/generations/live/relay-rows.js';
import type { GenerationEvent, LiveEvent } from '../../src/generations/types.js';
import { VirtualClock } from '../../src/testing/index.js';
import { makeKit } from '../helpers/databases.js';

const TICK_MS = 1_000;
const ID = 'g';

const warning = (clock: VirtualClock): LiveEvent => ({
  generationId: ID,
  type: 'warning',
  at: clock.now(),
  data: { nodeId: '1', message: 'slow' },
});

describe('the relay of live events', () => {
  const { createDb } = makeKit('sqlite');

  /** The relay asks for PostgreSQL only because SQLite cannot notify: here nobody waits for a notification. */
  function relayOn(db: Db, kysely: Db['kysely'], runs: () => boolean) {
    const clock = new VirtualClock();
    const hub = new EventHub();
    const facade = { dialect: 'postgres', kysely, changes: db.changes, transaction: db.transaction.bind(db) };
    const options = { db: facade as unknown as Db, clock, logger: silentLogger, hub, runs, tickMs: TICK_MS };
    return { relay: new LiveRelay(options), clock, hub };
  }

  test('tells a state once, however slowly it is read', async () => {
    const db = await createDb();
    let reads = 0;
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = db.kysely.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        const [row] = result.rows;
        if (row === undefined || !('revision' in row) || 'data' in row) return result;
        reads += 1;
        await gate;
        return result;
      },
    });
    const { relay, clock, hub } = relayOn(db, slow, () => false);
    await writeStates(db, [warning(clock)], 1);
    const told: GenerationEvent[] = [];
    hub.subscribe(ID, (event) => told.push(event));
    relay.want(ID);
    relay.start();
    await clock.advance(TICK_MS / 2);
    while (reads === 0) await nextTurn();
    await clock.advance(TICK_MS / 2);
    // The tick has come to its own reading, or left it to a later one.
    while (reads === 1 && clock.pending < 2) await nextTurn();
    open();
    await relay.stop();
    expect(told).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('leaves what it wrote of a run that went to another node to that node', async () => {
    const db = await createDb();
    let isHere = true;
    const { relay, clock, hub } = relayOn(db, db.kysely, () => isHere);
    const states = () => changedStates(db.kysely, [ID], new Map());
    await wish(db, [ID], clock.now() + 60_000);
    relay.start();
    await clock.advance(TICK_MS);
    await clock.whenPending(1);
    hub.publish(warning(clock));
    await clock.advance(TICK_MS / 2);
    while ((await states()).length === 0) await nextTurn();
    isHere = false;
    await clock.advance(61_000);
    await clock.whenPending(1);
    await writeStates(db, [warning(clock)], 2);
    hub.publish({ generationId: ID, seq: 9, at: clock.now(), type: 'succeeded', data: {} });
    await relay.stop();
    expect(await states()).toHaveLength(1);
  });
});
