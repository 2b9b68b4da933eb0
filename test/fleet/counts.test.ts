import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ComfyUiBackend } from '../../src/backends/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { Generations } from '../../src/generations/index.js';
import { FileMediaStore } from '../../src/media/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';
import { makeKit } from '../helpers/databases.js';
import { FaultyFront } from './faulty-front.js';
import { sleeping } from './stage.js';

/** 60 short jobs at once on two servers. How long that takes is for `npm run bench:fleet`; here is what it costs. */
const JOBS = 60;
const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any' as const, standInImages: false };
const { createDb } = makeKit('sqlite');
let folder: string;
let engines: EmbeddedEngine[];
let fronts: FaultyFront[];
let backends: ComfyUiBackend[];
let generations: Generations;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easel-counts-'));
  engines = [];
  fronts = [];
  backends = [];
  for (const id of ['a', 'b']) {
    const engine = new EmbeddedEngine({
      nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
      dataDir: join(folder, id),
      rehearsal,
    });
    const front = new FaultyFront((await engine.start()).url);
    await front.open();
    const backend = new ComfyUiBackend({ id, baseUrl: front.url });
    await backend.start();
    engines.push(engine);
    fronts.push(front);
    backends.push(backend);
  }
  const db = await createDb();
  generations = new Generations({
    db,
    media: new FileMediaStore({ root: join(folder, 'media'), clock: systemClock }),
    clock: systemClock,
    logger: silentLogger,
    backends: backends.map((backend) => ({ backend })),
    instance: newId(),
    limits: { goneMs: 500 },
    retry: { baseDelayMs: 10, maxDelayMs: 50 },
  });
  await generations.start();
  await expect
    .poll(
      async () => (await db.kysely.selectFrom('backends').select('id').where('state', '=', 'ready').execute()).length,
    )
    .toBe(2);
});
afterEach(async () => {
  await generations.stop();
  await Promise.all(backends.map((backend) => backend.close()));
  await Promise.all(fronts.map((front) => front.close()));
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(folder, { recursive: true, force: true });
});

const submitAll = () =>
  Promise.all(Array.from({ length: JOBS }, () => generations.submit({ accountId: 'a', graph: sleeping(0.07) })));

test('are split evenly, and need fewer than three requests per job besides their own', async () => {
  for (const front of fronts) front.requests.length = 0;
  const jobs = await submitAll();
  for (const { id } of jobs) expect((await generations.wait(id, 'a')).status).toBe('succeeded');
  const ran = engines.map((engine) => engine.counts.history);
  expect(ran[0]! + ran[1]!).toBe(JOBS);
  expect(Math.abs(ran[0]! - ran[1]!)).toBeLessThanOrEqual(JOBS / 6);
  const requests = fronts.flatMap((front) => front.requests);
  const own = requests.filter((route) => route === 'POST /prompt' || route === 'GET /view');
  expect(own).toHaveLength(2 * JOBS);
  expect((requests.length - own.length) / JOBS).toBeLessThan(3);
});

test('all succeed although one of the servers is switched off in the middle', async () => {
  const jobs = await submitAll();
  await expect.poll(() => engines[0]!.counts.history).toBeGreaterThan(3);
  await fronts[0]!.close();
  await engines[0]!.close();
  for (const { id } of jobs) expect(await generations.wait(id, 'a')).toMatchObject({ status: 'succeeded' });
}, 60_000);
