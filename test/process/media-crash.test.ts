import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { Db } from '../../src/db/index.js';
import { FileMediaStore, type MediaStore, S3MediaStore } from '../../src/media/index.js';
import { cephAvailability, type S3Place, type S3Server, startCeph } from '../helpers/ceph.js';
import { bundleChild, Child } from '../helpers/child.js';
import { makeKit } from '../helpers/databases.js';
import { picture } from '../media/harness.js';

/**
 * kill -9 at every step of taking a file in, deriving one and removing one, on both stores. A second process then sweeps, and
 * afterwards every object must have a row, every row its object, whole, and nothing else may lie about.
 */
const PUT = ['spooled', 'staged', 'referred', 'committed', 'stored'];
const DERIVE = ['derived-staged', 'derived-referred', 'derived-committed'];
const REMOVE = ['removal-begun', 'removal-done'];
const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

const ceph = cephAvailability();
if (!ceph.available) process.stderr.write(`skipped: kill -9 of media on S3: ${ceph.reason}\n`);

describe('kill -9 of media in a folder', () => crashTests(false));
describe.skipIf(!ceph.available)(`kill -9 of media on S3${ceph.available ? '' : `: ${ceph.reason}`}`, () =>
  crashTests(true),
);

function crashTests(onS3: boolean): void {
  const kit = makeKit('sqlite');
  const folders: string[] = [];
  const children: Child[] = [];
  let script: string;
  let server: S3Server | undefined;

  beforeAll(async () => {
    script = await bundleChild('test/process/media-node.ts');
    if (onS3) server = await startCeph();
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  afterAll(async () => {
    await server?.remove();
  });

  async function setUp() {
    const dataDir = mkdtempSync(join(tmpdir(), 'easel-media-crash-'));
    folders.push(dataDir);
    const path = join(dataDir, 'picture.png');
    // Of several parts on S3.
    writeFileSync(path, await picture('png', 900, 600, '#884422'));
    const database = await kit.createDatabase();
    const s3 = await server?.bucket();
    const common = { dataDir, databaseUrl: database.url, ...(s3 === undefined ? {} : { s3 }) };
    const start = (order: object) => {
      const child = new Child(script, [JSON.stringify({ ...common, ...order })]);
      children.push(child);
      return child;
    };
    const run = async (order: object) => {
      const child = start(order);
      const line = await child.line((text) => text.startsWith('done '));
      await child.kill();
      return JSON.parse(line.slice('done '.length));
    };
    const killAt = async (hold: string, order: object) => {
      const child = start({ ...order, hold });
      await child.line(`reached ${hold}`);
      await child.kill('SIGKILL');
    };
    const db = await database.open();
    return { dataDir, path, s3, db, run, killAt };
  }

  async function expectTidy(db: Db, dataDir: string, s3: S3Place | undefined): Promise<number> {
    const store: MediaStore =
      s3 === undefined
        ? new FileMediaStore({ root: join(dataDir, 'media'), clock: systemClock })
        : new S3MediaStore({ ...s3, clock: systemClock });
    try {
      const rows = await db.kysely.selectFrom('media').select(['hash', 'bytes', 'state']).execute();
      const derived = await db.kysely.selectFrom('media_derived').select(['hash', 'bytes']).execute();
      const wanted = new Map([...rows, ...derived].map(({ hash, bytes }) => [hash, bytes]));
      const found = new Map<string, number>();
      for await (const object of store.list()) found.set(object.hash, object.bytes);
      expect(found).toEqual(wanted);
      for (const [hash, bytes] of found) {
        const content = await buffer((await store.open(hash)).stream);
        expect(content.length).toBe(bytes);
      }
      expect(rows.every((row) => row.state === 'stored')).toBe(true);
      expect(await db.kysely.selectFrom('media_removals').selectAll().execute()).toEqual([]);
      expect(await readdir(join(dataDir, 'media', 'tmp')).catch(() => [])).toEqual([]);
      if (s3 !== undefined) expect(await remainsOn(s3)).toBe(0);
      return rows.length;
    } finally {
      await store.close?.();
    }
  }

  test.each(PUT)('while a file is taken in: %s', async (point) => {
    const { dataDir, path, s3, db, run, killAt } = await setUp();
    await killAt(point, { put: path });
    await run({ sweep: true, laterMs: 2 * HOUR_MS });
    expect(await expectTidy(db, dataDir, s3)).toBe(point === 'stored' ? 1 : 0);
    // And what was killed can be done again.
    await run({ put: path });
    await expectTidy(db, dataDir, s3);
  });

  test.each(DERIVE)('while a file is derived: %s', async (point) => {
    const { dataDir, path, s3, db, run, killAt } = await setUp();
    const id = await run({ put: path });
    await killAt(point, { derive: id });
    await run({ sweep: true });
    const hash = await run({ derive: id, laterMs: 2 * 60_000 });
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    await run({ sweep: true });
    expect(await expectTidy(db, dataDir, s3)).toBe(1);
    await run({ remove: id });
    expect(await expectTidy(db, dataDir, s3)).toBe(0);
  });

  test.each(REMOVE)('while the sweep removes: %s', async (point) => {
    const { dataDir, path, s3, db, run, killAt } = await setUp();
    const id = await run({ put: path });
    await run({ derive: id });
    const expiry = { sweep: true, keepDays: 1, laterMs: 2 * DAY_MS };
    await killAt(point, expiry);
    await run({ ...expiry, laterMs: 2 * DAY_MS + 2 * HOUR_MS });
    expect(await expectTidy(db, dataDir, s3)).toBe(0);
    await run({ put: path });
    expect(await expectTidy(db, dataDir, s3)).toBe(1);
  });

  test('again and again, before anything is swept', async () => {
    const { dataDir, path, s3, db, run, killAt } = await setUp();
    const points = [...PUT, ...PUT];
    for (const point of points) await killAt(point, { put: path });
    await run({ sweep: true, laterMs: 2 * HOUR_MS });
    expect(await expectTidy(db, dataDir, s3)).toBe(points.filter((point) => point === 'stored').length);
  }, 60_000);
}

async function remainsOn(s3: S3Place): Promise<number> {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket: Bucket } = s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    const staged = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'tmp/' }));
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    return (staged.Contents?.length ?? 0) + (uploads.Uploads?.length ?? 0);
  } finally {
    client.destroy();
  }
}
