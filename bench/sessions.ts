import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseConfig } from '../src/config/index.js';
import { systemClock } from '../src/core/clock.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { type Db, migrate, openDatabase } from '../src/db/index.js';
import { Sessions } from '../src/sessions/index.js';
import { postgresAvailability, startPostgres } from '../test/helpers/postgres.js';
import { formatMs, print, quantile, seconds, table } from './lib/report.js';

/**
 * A hundred thousand live sessions of three values each, on both databases, every commit on the disk: get or create, and a
 * sweep of all of them with what it does to the event loop, and to requests that come meanwhile.
 */
const VALUES = 3;
const BATCH = 500;
/** With a list of this many measured calls the p99 is the tenth worst. */
const CALLS = 1_000;

export async function run(args: readonly string[]): Promise<object> {
  const count = args.includes('--quick') ? 5_000 : 100_000;
  const results: Record<string, object> = {};
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  try {
    results['sqlite'] = await onDatabase('SQLite', `sqlite:${join(folder, 'easel.db')}`, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const postgres = postgresAvailability();
  if (!postgres.available) {
    print(`PostgreSQL is left out: ${postgres.reason}`);
    return results;
  }
  const server = await startPostgres({ durable: true });
  try {
    results['postgres'] = await onDatabase('PostgreSQL', server.url('postgres'), count);
  } finally {
    await server.remove();
  }
  return results;
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
    const opening = await measureOpening(sessions, count);
    const sweeping = await measureSweep(db, sessions, count);
    return { opening, sweeping };
  } finally {
    await db.close();
  }
}

async function measureOpening(sessions: Sessions, count: number): Promise<object[]> {
  const user = () => `user-${Math.floor(Math.random() * count)}`;
  const kinds = {
    'get or create, there': () => sessions.getOrCreate({ platform: 'bench', userId: user() }),
    'get or create, new': () => sessions.getOrCreate({ platform: 'bench', userId: newId() }),
    'set a value': async () => {
      const found = await sessions.find('bench', user());
      if (found !== null) await sessions.set(found.id, 'step', 2);
    },
  };
  const rows = [];
  for (const [what, work] of Object.entries(kinds)) {
    for (const clients of [1, 8]) {
      const times: number[] = [];
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: clients }, async () => {
          while (times.length < CALLS) {
            const at = performance.now();
            await work();
            times.push(performance.now() - at);
          }
        }),
      );
      rows.push({
        ...{ what, clients, p50: formatMs(quantile(times, 0.5)), p99: formatMs(quantile(times, 0.99)) },
        perSecond: Math.round(times.length / seconds(startedAt)),
      });
    }
  }
  table(rows);
  return rows;
}

async function measureSweep(db: Db, sessions: Sessions, count: number): Promise<object> {
  await db.bulk((tx) => tx.updateTable('sessions').set({ expires_at: 1 }).where('expires_at', '>', 0).execute());
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const state = { isDone: false };
  const startedAt = performance.now();
  const times: number[] = [];
  const visitor = async () => {
    while (!state.isDone) {
      const at = performance.now();
      await sessions.getOrCreate({ platform: 'visitor', userId: `${times.length % 50}` });
      times.push(performance.now() - at);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const visiting = visitor();
  const { expired } = await sessions.sweep();
  state.isDone = true;
  await visiting;
  delay.disable();
  const took = seconds(startedAt);
  const left = await db.kysely
    .selectFrom('session_values')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (expired < count || left.count > 0) throw new Error(`${expired} sessions were swept, ${left.count} values are left.`);
  const row = {
    expired,
    seconds: took.toFixed(1),
    perSecond: Math.round(expired / took),
    loopDelayP50: formatMs(delay.percentile(50) / 1e6),
    loopDelayP99: formatMs(delay.percentile(99) / 1e6),
    loopDelayMax: formatMs(delay.max / 1e6),
    visitorP50: formatMs(quantile(times, 0.5)),
    visitorP99: formatMs(quantile(times, 0.99)),
    visitorMax: formatMs(Math.max(...times)),
  };
  print('sweep of all of them, while somebody visits');
  table([row]);
  return row;
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
            ...{ id: identityId, platform: 'bench', user_id: userId, account_id: `guest:${identityId}`, created_at: now },
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
