import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel, type Easel } from '../../src/easel.js';
import { FileMediaStore } from '../../src/media/index.js';
import { manualRandom } from '../../src/testing/index.js';
import { bundleChild, Child } from '../helpers/child.js';
import { type PostgresServer, postgresAvailability, startPostgres } from '../helpers/postgres.js';

/**
 * Two nodes on one PostgreSQL, four engines, and bad luck every few seconds: a node is killed (SIGKILL) or paused for longer
 * than its lease, an engine is killed and comes back without its history, PostgreSQL itself is killed. Every job must settle
 * exactly once, and be paid once. More jobs and more bad luck by `npm run soak`; EASEL_SOAK_SEED repeats a run's luck.
 *
 * Unlike all other tests this one lets real time pass: it is about processes that stand still, and no clock of ours can
 * stop a kernel.
 */
const JOBS = Number(process.env['EASEL_SOAK_JOBS'] ?? 120);
const SEED = Number(process.env['EASEL_SOAK_SEED'] ?? 20_261_124);
const ENGINES = 4;
const NODES = 2;
const LEASE_MS = 2_000;
const PRICE = 2;
const ACCOUNTS = 5;
const postgres = postgresAvailability();
if (!postgres.available) process.stderr.write(`skipped: soak: ${postgres.reason}\n`);

const luck = { nodesKilled: 0, nodesPaused: 0, enginesKilled: 0, databaseKilled: 0 };

describe.skipIf(!postgres.available)('two nodes, four engines and bad luck', () => {
  const random = manualRandom(SEED);
  const pick = (count: number) => Math.floor(random() * count);
  const folder = mkdtempSync(join(tmpdir(), 'easel-soak-'));
  const engines: { child: Child; port: number }[] = [];
  const nodes: Child[] = [];
  let server: PostgresServer;
  let scripts: { readonly engine: string; readonly node: string };
  let easel: Easel;

  beforeAll(async () => {
    scripts = { engine: await bundleChild('test/soak/engine.ts'), node: await bundleChild('test/soak/node.ts') };
    server = await startPostgres({ durable: true });
    for (let index = 0; index < ENGINES; index += 1) engines.push(await startEngine(index, 0));
    easel = await createEasel(parseConfig(configuration()), { logger: silentLogger });
    for (let index = 0; index < NODES; index += 1) nodes.push(await startNode());
  }, 120_000);

  afterAll(async () => {
    for (const child of [...nodes, ...engines.map((engine) => engine.child)]) {
      child.process.kill('SIGCONT');
      await child.kill();
    }
    await easel.stop();
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const configuration = () => ({
    dataDir: folder,
    databaseUrl: server.url('postgres'),
    databasePoolSize: 6,
    backends: engines.map(({ port }, index) => ({
      id: `engine-${index}`,
      kind: 'comfyui' as const,
      url: `http://127.0.0.1:${port}`,
    })),
    // So much bad luck is not what the usual limits are for.
    limits: { maxAttempts: 100 },
    retry: { baseDelayMs: 50, maxDelayMs: 1_000, poisonLimit: 100, avoidMs: 2_000 },
    circuit: { openMs: 500, maxOpenMs: 1_000 },
    timing: { leaseMs: LEASE_MS, tickMs: 250, maxHealthPauseMs: 500 },
    points: { enabled: true, prices: [{ workflow: '*', flat: PRICE }] },
  });

  async function startEngine(index: number, port: number): Promise<{ child: Child; port: number }> {
    const child = new Child(scripts.engine, [join(folder, `engine-${index}`), String(port)]);
    const url = await child.line((line) => line.startsWith('http'));
    return { child, port: Number(new URL(url).port) };
  }

  async function startNode(): Promise<Child> {
    const child = new Child(scripts.node, [JSON.stringify(configuration())]);
    await child.line('started');
    return child;
  }

  /** Until the database answers, however often it is killed. */
  async function insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        // All that is insisted on is the same when it is done twice, so a COMMIT without an answer is repeated as well.
        const { retryable, commitUnknown } = error as { retryable?: boolean; commitUnknown?: boolean };
        if (retryable !== true && commitUnknown !== true) throw error;
        await pause(200);
      }
    }
  }

  async function oneMisfortune(): Promise<void> {
    const what = random();
    if (what < 0.4) {
      const victim = pick(NODES);
      await nodes[victim]?.kill('SIGKILL');
      luck.nodesKilled += 1;
      nodes[victim] = await restart(startNode);
    } else if (what < 0.65) {
      const victim = nodes[pick(NODES)];
      victim?.process.kill('SIGSTOP');
      luck.nodesPaused += 1;
      await pause(LEASE_MS + 1_000);
      victim?.process.kill('SIGCONT');
    } else if (what < 0.9) {
      const index = pick(ENGINES);
      const engine = engines[index];
      if (engine === undefined) return;
      await engine.child.kill('SIGKILL');
      luck.enginesKilled += 1;
      await pause(200 + pick(1_000));
      engines[index] = await restart(() => startEngine(index, engine.port));
    } else {
      await server.crash();
      luck.databaseKilled += 1;
      await pause(300);
      await server.start();
    }
  }

  /** A process may meet a database that is just away, and end at its start. */
  async function restart<T>(start: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await start();
      } catch {
        await pause(300);
      }
    }
  }

  test(
    `${JOBS} jobs settle exactly once`,
    async () => {
      const startedAt = Date.now();
      for (let index = 0; index < ACCOUNTS; index += 1) {
        const amount = JOBS * PRICE * 1_000_000;
        await insist(() => easel.points.grant({ accountId: `user-${index}`, amount, idempotencyKey: 'soak' }));
      }
      let isOver = false;
      const chaos = (async () => {
        while (!isOver) {
          await pause(700 + pick(1_500));
          if (!isOver) await oneMisfortune();
        }
      })();
      const ids: string[] = [];
      for (let index = 0; index < JOBS; index += 1) {
        const { id } = await insist(() =>
          easel.generations.submit({
            accountId: `user-${index % ACCOUNTS}`,
            idempotencyKey: `job-${index}`,
            lane: index % 3 === 0 ? 'batch' : 'interactive',
            graph: {
              '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: index } },
              '2': { class_type: 'TestSleep', inputs: { value: ['1', 0], seconds: 0.07 } },
              '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: `job-${index}` } },
            },
          }),
        );
        ids.push(id);
      }
      for (;;) {
        const { left } = await insist(() =>
          easel.db.kysely
            .selectFrom('generations')
            .select(({ fn }) => fn.countAll<number>().as('left'))
            .where('finished_at', 'is', null)
            .executeTakeFirstOrThrow(),
        );
        if (left === 0) break;
        await pause(500);
      }
      const seconds = (Date.now() - startedAt) / 1000;
      isOver = true;
      await chaos;

      const { kysely } = easel.db;
      expect(new Set(ids).size).toBe(JOBS);
      const failed = await kysely
        .selectFrom('generations')
        .select(['id', 'status', 'attempt_count', 'error'])
        .where('status', '!=', 'succeeded')
        .execute();
      const tries = await kysely
        .selectFrom('attempts')
        .select(['generation_id', 'number', 'backend_id', 'status', 'error'])
        .where('generation_id', 'in', ['', ...failed.map(({ id }) => id)])
        .orderBy('number')
        .execute();
      expect({ failed, tries }).toEqual({ failed: [], tries: [] });
      const byStatus = await kysely
        .selectFrom('generations')
        .select(({ fn }) => ['status', fn.countAll<number>().as('count')])
        .groupBy('status')
        .execute();
      expect(byStatus).toEqual([{ status: 'succeeded', count: JOBS }]);
      // One end each, and one output each, whose file is there.
      const ends = await kysely.selectFrom('events').select('generation_id').where('type', '=', 'succeeded').execute();
      expect([ends.length, new Set(ends.map((end) => end.generation_id)).size]).toEqual([JOBS, JOBS]);
      const outputs = await kysely
        .selectFrom('outputs')
        .innerJoin('media', 'media.id', 'outputs.media_id')
        .select(['outputs.generation_id', 'media.hash'])
        .execute();
      expect([outputs.length, new Set(outputs.map((output) => output.generation_id)).size]).toEqual([JOBS, JOBS]);
      const store = new FileMediaStore({ root: join(folder, 'media'), clock: systemClock });
      for (const { hash } of outputs) expect(await store.stat(hash)).not.toBeNull();
      const open = await kysely.selectFrom('attempts').select('id').where('finished_at', 'is', null).execute();
      expect(open).toEqual([]);
      // Paid once each.
      expect(await easel.points.verify()).toMatchObject({ ok: true, discrepancy: null });
      const captured = await kysely
        .selectFrom('point_holds')
        .select(({ fn }) => [fn.sum<number>('captured').as('sum'), fn.countAll<number>().as('count')])
        .where('status', '=', 'captured')
        .executeTakeFirstOrThrow();
      expect(captured).toEqual({ sum: JOBS * PRICE * 1_000_000, count: JOBS });
      const { attempts } = await kysely
        .selectFrom('attempts')
        .select(({ fn }) => fn.countAll<number>().as('attempts'))
        .executeTakeFirstOrThrow();
      process.stdout.write(
        `soak: ${JOBS} of ${JOBS} settled exactly once in ${seconds.toFixed(0)} s, ${attempts} attempts; killed: ` +
          `${luck.nodesKilled} nodes, ${luck.enginesKilled} engines, ${luck.databaseKilled} times PostgreSQL; ` +
          `${luck.nodesPaused} nodes paused beyond their lease (seed ${SEED})\n`,
      );
    },
    120_000 + JOBS * 2_000,
  );
});
