import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseConfig } from '../src/config/index.js';
import { systemClock } from '../src/core/clock.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { type Db, migrate, openDatabase } from '../src/db/index.js';
import { Sessions } from '../src/sessions/index.js';
import { onEachDatabase } from './lib/databases.js';
import { formatMs, print, quantile, seconds, table } from './lib/report.js';

/**
 * A hundred thousand live sessions of three values each, on both databases, every commit on the disk: get or create, and a
 * sweep of all of them with what it does to the event loop, and to requests that come meanwhile.
 */
const VALUES = 3;
const BATCH = 500;
const ROUNDS = 600;
/** How long somebody visits without a sweep, for comparison. */
const QUIET_MS = 10_000;

export async function run(args: readonly string[]): Promise<object> {
  const count = args.includes('--quick') ? 5_000 : 100_000;
  return onEachDatabase(({ name, use }) => use((url) => onDatabase(name, url, count)));
}

async function onDatabase(name: string, url: string, count: number): Promise<object> {
  const db = await openDatabase({ url, logger: silentLogger, poolSize: 8 });
  try {
    await migrate(db);
    const settings = parseConfig({}).sessions;
    const sessions = new Sessions({ db, clock: systemClock, logger: silentLogger, settings });
    const seeded = performance.now();
    await seed(db, count, Date.now() + 3_600_000);
    print(`${name}: ${count} sessions (written in ${seconds(seeded).toFixed(0)} s)`);
    const opening = await measureOpening(db, sessions, count);
    const sweeping = await measureSweep(db, sessions, count);
    return { opening, sweeping };
  } finally {
    await db.close();
  }
}

async function measureOpening(db: Db, sessions: Sessions, count: number): Promise<object[]> {
  const user = () => `user-${Math.floor(Math.random() * count)}`;
  const kinds = {
    // The least that anything durable costs on this machine at this moment.
    'one durable row, for comparison': () =>
      db.transaction((tx) => tx.insertInto('locks').values({ name: newId(), taken_at: 1 }).execute()),
    'get or create, there': () => sessions.getOrCreate({ platform: 'bench', userId: user() }),
    'get or create, new': () => sessions.getOrCreate({ platform: 'bench', userId: newId() }),
    'set a value': async () => {
      const found = await sessions.find('bench', user());
      if (found !== null) await sessions.set(found.id, 'step', 2);
    },
  };
  const rows = [];
  for (const clients of [1, 8]) {
    // In turn, so that what else the machine does weighs on all of them alike.
    const times = new Map(Object.keys(kinds).map((what) => [what, [] as number[]]));
    let round = 0;
    const client = async () => {
      while (round++ < ROUNDS) {
        for (const [what, work] of Object.entries(kinds)) {
          const at = performance.now();
          await work();
          times.get(what)?.push(performance.now() - at);
        }
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    for (const [what, list] of times)
      rows.push({ what, clients, p50: formatMs(quantile(list, 0.5)), p99: formatMs(quantile(list, 0.99)) });
  }
  table(rows);
  return rows;
}

async function measureSweep(db: Db, sessions: Sessions, count: number): Promise<object[]> {
  await db.bulk((tx) => tx.updateTable('sessions').set({ expires_at: 1 }).where('expires_at', '>', 0).execute());
  const quiet = await whileVisited(sessions, () => new Promise((resolve) => setTimeout(resolve, QUIET_MS)));
  let expired = 0;
  const startedAt = performance.now();
  const swept = await whileVisited(sessions, async () => {
    ({ expired } = await sessions.sweep());
  });
  const took = seconds(startedAt);
  const left = await db.kysely
    .selectFrom('session_values')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (expired < count || left.count > 0)
    throw new Error(`${expired} sessions were swept, ${left.count} values are left.`);
  print(`sweep of ${expired} sessions in ${took.toFixed(1)} s, while somebody visits`);
  const rows = [
    { what: 'no sweep, for comparison', ...quiet },
    { what: 'sweep', ...swept },
  ];
  table(rows);
  return [...rows, { expired, seconds: took }];
}

/** What the event loop and a visitor feel of some work: loop delay, and the time of get or create. */
async function whileVisited(sessions: Sessions, work: () => Promise<void>): Promise<Record<string, string>> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const state = { isDone: false };
  const times: number[] = [];
  const visitor = async () => {
    while (!state.isDone) {
      const at = performance.now();
      await sessions.getOrCreate({ platform: 'visitor', userId: `${times.length % 50}` });
      times.push(performance.now() - at);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  delay.enable();
  const visiting = visitor();
  await work();
  state.isDone = true;
  await visiting;
  delay.disable();
  return {
    loopP50: formatMs(delay.percentile(50) / 1e6),
    loopP99: formatMs(delay.percentile(99) / 1e6),
    loopMax: formatMs(delay.max / 1e6),
    visitorP50: formatMs(quantile(times, 0.5)),
    visitorP99: formatMs(quantile(times, 0.99)),
    visitorMax: formatMs(Math.max(...times)),
  };
}

/** Written in bulk; the service would take minutes. */
async function seed(db: Db, count: number, expiresAt: number): Promise<void> {
  const now = Date.now();
  for (let start = 0; start < count; start += BATCH) {
    const users = Array.from({ length: Math.min(BATCH, count - start) }, (_, offset) => ({
      identityId: newId(),
      sessionId: newId(),
      userId: `user-${start + offset}`,
    }));
    await db.transaction(async (tx) => {
      await tx
        .insertInto('session_identities')
        .values(
          users.map(({ identityId, userId }) => ({
            ...{
              id: identityId,
              platform: 'bench',
              user_id: userId,
              account_id: `guest:${identityId}`,
              created_at: now,
            },
          })),
        )
        .execute();
      await tx
        .insertInto('sessions')
        .values(
          users.map(({ identityId, sessionId }) => ({
            ...{ id: sessionId, identity_id: identityId, revision: 1, idle_ms: 900_000 },
            ...{ created_at: now, touched_at: now, expires_at: expiresAt },
          })),
        )
        .execute();
      const values = Array.from({ length: VALUES }, (_, index) => ({
        ...{ name: `value-${index}`, value: JSON.stringify('x'.repeat(100)), bytes: 102, updated_at: now },
      }));
      await tx
        .insertInto('session_values')
        .values(users.flatMap(({ sessionId }) => values.map((value) => ({ session_id: sessionId, ...value }))))
        .execute();
    });
  }
}
