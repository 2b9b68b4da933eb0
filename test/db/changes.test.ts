import { describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/core/log.js';
import { type Db, openDatabase } from '../../src/db/index.js';
import { Deferred } from '../../src/testing/index.js';
import { describeEachDatabase, makeKit, withClient } from '../helpers/databases.js';
import { postgresAvailability } from '../helpers/postgres.js';
import { startTcpProxy } from '../helpers/tcp-proxy.js';

/** Resolves at the next call for this topic. */
function next(db: Db, topic: string): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = db.changes.subscribe(topic, () => {
      unsubscribe();
      resolve();
    });
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describeEachDatabase('the change feed', ({ createDb }) => {
  test('wakes the subscribers of a topic in this process, once for many publishes in a row', async () => {
    const db = await createDb();
    const woken = vi.fn();
    const other = vi.fn();
    db.changes.subscribe('queue', woken);
    db.changes.subscribe('other', other);
    const heard = next(db, 'queue');
    woken.mockClear();
    other.mockClear();
    for (let times = 0; times < 10; times++) db.changes.publish('queue');
    expect(woken, 'not within publish itself').not.toHaveBeenCalled();
    await heard;
    expect(woken).toHaveBeenCalledTimes(1);
    expect(other).not.toHaveBeenCalled();
  });

  test('ends with unsubscribe, one subscription at a time', async () => {
    const db = await createDb();
    const woken = vi.fn();
    const first = db.changes.subscribe('queue', woken);
    const second = db.changes.subscribe('queue', woken);
    first();
    first();
    const heard = next(db, 'queue');
    woken.mockClear();
    db.changes.publish('queue');
    await heard;
    expect(woken).toHaveBeenCalledTimes(1);
    second();
    db.changes.publish('queue');
    await turn();
    expect(woken).toHaveBeenCalledTimes(1);
  });

  test('a listener that throws is logged and does not disturb the others', async () => {
    const error = vi.fn();
    const db = await createDb({ logger: { ...silentLogger, error } });
    db.changes.subscribe('queue', () => {
      throw new Error('a fault');
    });
    const heard = next(db, 'queue');
    db.changes.publish('queue');
    await heard;
    expect(error).toHaveBeenCalled();
  });

  test('a closed feed is silent', async () => {
    const db = await createDb();
    const woken = vi.fn();
    db.changes.subscribe('queue', woken);
    db.changes.publish('queue');
    await db.close();
    woken.mockClear();
    db.changes.publish('queue');
    await turn();
    expect(woken).not.toHaveBeenCalled();
  });
});

const availability = postgresAvailability();
describe.runIf(availability.available)('the change feed between processes (postgres)', () => {
  const { createDatabase } = makeKit('postgres');

  /** Listens like another program, and tells whatever the channel carries. */
  async function eavesdrop<T>(
    url: string,
    work: (payloads: string[], waitFor: (count: number) => Promise<void>) => Promise<T>,
  ) {
    return withClient(url, async (client) => {
      const payloads: string[] = [];
      let wake = () => {};
      client.on('notification', ({ payload }) => {
        payloads.push(payload ?? '');
        wake();
      });
      await client.query('listen easel_changes');
      return work(payloads, async (count) => {
        while (payloads.length < count) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      });
    });
  }

  /** Publishes until it is heard: a hint that is sent before the other side listens is lost, as documented. */
  async function publishUntil(db: Db, topic: string, heard: Promise<void>): Promise<void> {
    const timer = setInterval(() => db.changes.publish(topic), 20);
    try {
      await heard;
    } finally {
      clearInterval(timer);
    }
  }

  test('one process hears another', async () => {
    const database = await createDatabase();
    const [one, two] = [await database.open(), await database.open()];
    await publishUntil(one, 'queue', next(two, 'queue'));
    await publishUntil(two, 'cancel', next(one, 'cancel'));
  });

  test('many changes become few notifications, and one process does not hear itself twice', async () => {
    const database = await createDatabase();
    const db = await database.open();
    await eavesdrop(database.url, async (payloads, waitFor) => {
      await publishUntil(db, 'first', waitFor(1));
      const woken = vi.fn();
      db.changes.subscribe('a', woken);
      const before = payloads.length;
      for (let index = 0; index < 1000; index++) db.changes.publish(index % 2 ? 'a' : 'b');
      await waitFor(before + 1);
      await vi.waitFor(() => expect(payloads.slice(before).join(' ')).toMatch(/ a( |$)/));
      expect(payloads.length - before).toBeLessThanOrEqual(2);
      expect(woken).toHaveBeenCalledTimes(1);
    });
  });

  test('too many topics for one notification wake everybody', async () => {
    const database = await createDatabase();
    const [one, two] = [await database.open(), await database.open()];
    await publishUntil(one, 'first', next(two, 'first'));
    const heard = next(two, 'something else');
    for (let index = 0; index < 400; index++) one.changes.publish(`a-rather-long-topic-number-${index}`);
    await heard;
  });

  test('comes back after its connection was lost, and wakes everybody for what was missed', async () => {
    const database = await createDatabase();
    const db = await database.open({ random: () => 0 });
    const another = await database.open();
    await publishUntil(another, 'queue', next(db, 'queue'));
    const woken = next(db, 'queue');
    await withClient(database.url, (client) =>
      client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'easel-changes'`,
      ),
    );
    await woken;
    await publishUntil(another, 'queue', next(db, 'queue'));
  });

  test('closes at once while the server does not answer', async () => {
    const database = await createDatabase();
    const url = new URL(database.url);
    const proxy = await startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    const hanging = new Deferred();
    proxy.onRequest = (bytes) => {
      if (!bytes.includes('easel-changes')) return 'pass';
      hanging.resolve();
      return 'hang';
    };
    const db = await openDatabase({ url: url.href, logger: silentLogger, acquireTimeoutMs: 600_000 });
    await hanging.promise;
    await db.close();
    await proxy.close();
  });
});
if (!availability.available) process.stderr.write(`skipped: changes between processes: ${availability.reason}\n`);
