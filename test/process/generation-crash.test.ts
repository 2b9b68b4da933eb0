import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { isGenerationTerminal } from '../../src/core/statuses.js';
import type { Db } from '../../src/db/index.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { MICRO_PER_POINT, Points } from '../../src/points/index.js';
import { manualRandom } from '../../src/testing/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { bundleChild, Child } from '../helpers/child.js';
import { type DatabaseKit, describeEachDatabase, type TestDatabase } from '../helpers/databases.js';

/**
 * kill -9 in every window of a generation's life, on both databases. The engine outlives the killed process, as a ComfyUI
 * does, and counts what it was given. Afterwards a second process finds the database, the folder and the engine as the
 * first left them, and must bring the generation to its end, once.
 */
const WINDOWS = [
  'submitted',
  'claimed',
  'marked-sent',
  'accepted',
  'running',
  'finished',
  'output-staged',
  'output-stored',
  'collected',
  'settled',
] as const;

/** Two outputs, so that "half collected" exists; a short sleep, so that "running" does. */
const GRAPH = {
  '1': { class_type: 'EmptyImage', inputs: { width: 48, height: 32, batch_size: 2, color: 4_660 } },
  '2': { class_type: 'TestSleep', inputs: { value: ['1', 0], seconds: 0.2 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'crash' } },
};

/** Once free, and once with prices: then every round must leave clean books, and charge what succeeded, once. */
const PRICE = 3;
const BUDGET = 1000;

describeEachDatabase('kill -9', (kit) => crashTests(kit, undefined));
describeEachDatabase('kill -9 with prices', (kit) => crashTests(kit, PRICE));

function crashTests({ createDatabase }: DatabaseKit, price: number | undefined): void {
  let script: string;
  let engine: EmbeddedEngine;
  const folders: string[] = [];
  const children: Child[] = [];
  const makeFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-crash-'));
    folders.push(folder);
    return folder;
  };

  beforeAll(async () => {
    script = await bundleChild('test/process/generation-node.ts');
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
    await engine.close();
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  const startChild = (order: object) => {
    const child = new Child(script, [JSON.stringify(order)]);
    children.push(child);
    return child;
  };

  async function setUp() {
    const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any' as const, standInImages: false };
    engine = new EmbeddedEngine({
      nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
      dataDir: makeFolder(),
      rehearsal,
    });
    const { url } = await engine.start();
    const database = await createDatabase();
    const dataDir = makeFolder();
    const common = { dataDir, databaseUrl: database.url, backendUrl: url, ...(price === undefined ? {} : { price }) };
    if (price !== undefined) await grantBudget(database);
    return { database, dataDir, common };
  }

  async function grantBudget(database: TestDatabase): Promise<void> {
    const points = pointsOf(await database.open());
    await points.grant({ accountId: 'crash', amount: BUDGET * MICRO_PER_POINT, idempotencyKey: 'budget' });
  }

  /** Holds exactly for what is accepted and open, charges exactly for what succeeded. */
  async function expectCleanBooks(db: Db): Promise<void> {
    if (price === undefined) return;
    const points = pointsOf(db);
    expect(await points.verify()).toMatchObject({ ok: true, discrepancy: null });
    // One statement: a child may be alive and go on in between.
    const rows = await db.kysely
      .selectFrom('generations')
      .leftJoin('point_holds', 'point_holds.generation_id', 'generations.id')
      .select(['generations.status', 'point_holds.status as hold', 'point_holds.captured'])
      .execute();
    for (const { status, hold, captured } of rows) {
      const succeeded = status === 'succeeded';
      expect(hold).toBe(succeeded ? 'captured' : isGenerationTerminal(status) ? 'released' : 'open');
      expect(captured).toBe(succeeded ? price * MICRO_PER_POINT : 0);
    }
  }

  async function expectCharged(db: Db, succeeded: number): Promise<void> {
    if (price === undefined) return;
    await expectCleanBooks(db);
    const { credit, held } = await pointsOf(db).balance('crash');
    expect({ credit, held }).toEqual({ credit: (BUDGET - succeeded * price) * MICRO_PER_POINT, held: 0 });
  }

  /** The engine's history is in memory and whole: one entry per prompt that it ran. */
  async function ranOnEngine(): Promise<string[]> {
    return Object.keys((await (await fetch(`${engine.url}/history`)).json()) as Record<string, unknown>);
  }

  test.each(WINDOWS)('after %s: settled once, run once, nothing left behind', async (window) => {
    const { database, dataDir, common } = await setUp();

    const first = startChild({ ...common, hold: window, graph: GRAPH });
    await first.line(`reached ${window}`);
    const id = (await first.line((line) => line.startsWith('at submitted '))).split(' ')[2]!;
    await first.kill('SIGKILL');
    await expectCleanBooks(await database.open());

    const second = startChild({ ...common, follow: id });
    expect(await second.line((line) => line.startsWith('ended '))).toBe('ended succeeded');

    const db = await database.open();
    const events = await db.kysely
      .selectFrom('events')
      .select(['seq', 'type'])
      .where('generation_id', '=', id)
      .orderBy('seq')
      .execute();
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter((event) => event.type === 'succeeded')).toHaveLength(1);

    const ran = await ranOnEngine();
    expect(ran).toHaveLength(1);
    const attempts = await db.kysely.selectFrom('attempts').selectAll().where('generation_id', '=', id).execute();
    expect(attempts.filter((attempt) => attempt.status === 'succeeded').map((attempt) => attempt.id)).toEqual(ran);
    expect(attempts.every((attempt) => attempt.finished_at !== null)).toBe(true);

    await expectNoOrphans(db, dataDir, 2);
    await expectCharged(db, 1);
  });

  test('again and again, wherever it happens to be: 12 generations end once each', async () => {
    const { database, dataDir, common } = await setUp();
    const random = manualRandom(20_26);
    for (let round = 0; round < 6; round += 1) {
      const child = startChild({ ...common, batch: 12 });
      const steps = 5 + Math.floor(random() * 25);
      await child.line(() => child.lines.filter((line) => line.startsWith('at ')).length >= steps);
      await child.kill('SIGKILL');
      if (price !== undefined) await expectCleanBooks(await database.open());
    }
    const last = startChild({ ...common, batch: 12 });
    expect(await last.line((line) => line.startsWith('all ended'))).toBe('all ended succeeded');

    expect(await ranOnEngine()).toHaveLength(12);
    const db = await database.open();
    const ends = await db.kysely.selectFrom('events').select('generation_id').where('type', '=', 'succeeded').execute();
    expect(new Set(ends.map((event) => event.generation_id)).size).toBe(12);
    expect(ends).toHaveLength(12);
    await expectNoOrphans(db, dataDir, 12);
    await expectCharged(db, 12);
  }, 120_000);

  async function expectNoOrphans(db: Db, dataDir: string, outputCount: number) {
    const outputs = await db.kysely
      .selectFrom('outputs')
      .innerJoin('media', 'media.id', 'outputs.media_id')
      .selectAll()
      .execute();
    expect(outputs).toHaveLength(outputCount);
    const rows = await db.kysely.selectFrom('media').selectAll().execute();
    expect(rows.map((row) => row.state)).toEqual(rows.map(() => 'stored'));
    const store = new FileMediaStore({ root: join(dataDir, 'media'), clock: systemClock });
    const objects = [];
    for await (const object of store.list()) objects.push(object);
    expect(objects.map((object) => object.hash).sort()).toEqual([...new Set(rows.map((row) => row.hash))].sort());
    for (const object of objects) expect(object.bytes).toBe(rows.find((row) => row.hash === object.hash)?.bytes);
    const staged = join(dataDir, 'media', 'tmp');
    expect(existsSync(staged) ? readdirSync(staged) : []).toEqual([]);
  }
}

function pointsOf(db: Db): Points {
  const { points: settings } = parseConfig({ points: { prices: [{ workflow: '*', flat: PRICE }] } });
  return new Points({ db, clock: systemClock, settings });
}
