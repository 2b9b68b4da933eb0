import { setImmediate } from 'node:timers/promises';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import type { Db } from '../../src/db/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import {
  enqueueWebhooks,
  type OutgoingWebhook,
  type WebhookAnswer,
  Webhooks,
  type WebhooksOptions,
} from '../../src/webhooks/index.js';
import { sampleRows } from '../db/rows.js';

export const ANN = 'ann';
export const OK: WebhookAnswer = { status: 200, retryAfterMs: null, text: 'ok' };

export interface Received extends OutgoingWebhook {
  readonly at: number;
  readonly id: string;
}

/** Webhooks on a virtual clock, with a receiver that the test answers for. */
export function makeWebhooks(
  db: Db,
  receive: (message: Received) => WebhookAnswer | Promise<WebhookAnswer>,
  options: Partial<WebhooksOptions> = {},
) {
  const clock = options.clock instanceof VirtualClock ? options.clock : new VirtualClock();
  const activity = activities.get(clock) ?? new Activity();
  activities.set(clock, activity);
  const received: Received[] = [];
  const webhooks = new Webhooks({
    db: activity.watch(db),
    clock,
    logger: silentLogger,
    checkUrl: () => {},
    describe: async (id) => ({ id }),
    random: () => 0.5,
    tickMs: 10_000,
    send: async (message) => {
      const entry = { ...message, at: clock.now(), id: message.headers['webhook-id'] ?? '' };
      received.push(entry);
      return receive(entry);
    },
    ...options,
  });
  return { clock, webhooks, received };
}

/** Counts what is under way in the database, which takes its time however still the virtual clock stands. */
class Activity {
  #underWay = 0;

  watch(db: Db): Db {
    const reads = db.kysely.withPlugin({
      transformQuery: ({ node }) => {
        this.#underWay += 1;
        return node;
      },
      transformResult: async ({ result }) => {
        this.#underWay -= 1;
        return result;
      },
    });
    const transaction: Db['transaction'] = async (work, options) => {
      this.#underWay += 1;
      try {
        return await db.transaction(work, options);
      } finally {
        this.#underWay -= 1;
      }
    };
    return new Proxy(db, {
      get: (target, key) => {
        if (key === 'kysely') return reads;
        if (key === 'transaction') return transaction;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Nothing is under way, and nothing begins in the turns after. */
  async whenIdle(): Promise<void> {
    for (let idleTurns = 0; idleTurns < 5; idleTurns += 1) {
      if (this.#underWay > 0) idleTurns = -1;
      await setImmediate();
    }
  }
}

const activities = new WeakMap<VirtualClock, Activity>();

/** Everything that is due now has come to rest. */
export async function rest(clock: VirtualClock): Promise<void> {
  await clock.whenPending();
  await activities.get(clock)?.whenIdle();
}

/** Moves time on as far as told, always after everything that is due has come to rest. */
export async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const end = clock.now() + ms;
  for (;;) {
    await rest(clock);
    const next = clock.nextDueAt;
    if (next === null || next > end) break;
    await clock.advanceToNext();
  }
  await clock.advance(Math.max(0, end - clock.now()));
  await activities.get(clock)?.whenIdle();
}

export async function makeGeneration(db: Db, accountId = ANN): Promise<string> {
  const id = newId();
  const row = { ...sampleRows().generations, id, account_id: accountId, idempotency_key: null };
  await db.transaction((tx) => tx.insertInto('generations').values(row).execute());
  return id;
}

/** What a generation's transactions do. */
export async function tell(db: Db, generationId: string, types: readonly string[], at: number): Promise<void> {
  for (const [index, type] of types.entries()) {
    await db.transaction((tx) => enqueueWebhooks(tx, { generationId, seq: index + 1, type, at }));
  }
}
