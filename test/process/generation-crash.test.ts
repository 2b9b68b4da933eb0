import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { bundleChild, Child } from '../helpers/child.js';
import { describeEachDatabase } from '../helpers/databases.js';

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

describeEachDatabase('kill -9', ({ createDatabase }) => {
  let script: string;
  let engine: EmbeddedEngine;
  let engineUrl: string;
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

  test.each(WINDOWS)('after %s: settled once, run once, nothing left behind', async (window) => {
    const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any' as const, standInImages: false };
    engine = new EmbeddedEngine({
      nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
      dataDir: makeFolder(),
      rehearsal,
    });
    engineUrl = (await engine.start()).url;
    const database = await createDatabase();
    const dataDir = makeFolder();
    const common = { dataDir, databaseUrl: database.url, backendUrl: engineUrl };

    const first = startChild({ ...common, hold: window, graph: GRAPH });
    await first.line(`reached ${window}`);
    const id = (await first.line((line) => line.startsWith('at submitted '))).split(' ')[2]!;
    await first.kill('SIGKILL');

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

    // The engine's history is in memory and whole: one entry per prompt that it ran.
    const history = (await (await fetch(`${engineUrl}/history`)).json()) as Record<string, unknown>;
    expect(Object.keys(history)).toHaveLength(1);
    const attempts = await db.kysely.selectFrom('attempts').selectAll().where('generation_id', '=', id).execute();
    expect(attempts.filter((attempt) => attempt.status === 'succeeded').map((attempt) => attempt.id)).toEqual(
      Object.keys(history),
    );
    expect(attempts.every((attempt) => attempt.finished_at !== null)).toBe(true);

    await expectNoOrphans(db, dataDir);
  });

  async function expectNoOrphans(
    db: Awaited<ReturnType<Awaited<ReturnType<typeof createDatabase>>['open']>>,
    dataDir: string,
  ) {
    const outputs = await db.kysely
      .selectFrom('outputs')
      .innerJoin('media', 'media.id', 'outputs.media_id')
      .selectAll()
      .execute();
    expect(outputs).toHaveLength(2);
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
});
