import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createBackup, restoreBackup } from '../../src/backup/index.js';
import { systemClock } from '../../src/core/clock.js';
import { newId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/log.js';
import { type AnyRow, type Db, isTableEmpty, readTable } from '../../src/db/index.js';
import { FileMediaStore, type MediaStore } from '../../src/media/index.js';
import { sampleRows, TABLES } from '../db/rows.js';
import { type DatabaseKit, describeEachDatabase, makeKit } from '../helpers/databases.js';
import { postgresAvailability } from '../helpers/postgres.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'easel-backup-'));
  folders.push(folder);
  return folder;
}
const newStore = () => new FileMediaStore({ root: newFolder(), clock: systemClock });

async function store(media: MediaStore, text: string): Promise<string> {
  const staged = await media.stage(Buffer.from(text), { owner: 'test' });
  await media.commit(staged);
  return staged.hash;
}

async function read(media: MediaStore, hash: string): Promise<string> {
  const { stream } = await media.open(hash);
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

async function addMedia(db: Db, hash: string, state: 'stored' | 'pending' = 'stored'): Promise<void> {
  const row = { ...sampleRows().media, id: newId(), hash, state, attempt_id: null };
  await db.transaction((tx) => tx.insertInto('media').values(row).execute());
}

/** What a backup leaves out: true of one moment, or made again from the rest. */
const MOMENTARY = ['live_states', 'live_wishes', 'locks', 'media_derived', 'media_removals', 'nodes'];

/** Everything that a backup keeps, by table; owners of backends aside. */
async function contents(db: Db): Promise<Record<string, AnyRow[]>> {
  return db.snapshot(async (reader, { tables }) => {
    const all: Record<string, AnyRow[]> = {};
    for (const table of tables) {
      if (MOMENTARY.includes(table)) continue;
      all[table] = [];
      for await (const page of readTable(reader, table)) all[table]?.push(...page);
    }
    all['backends'] = (all['backends'] ?? []).map((row) => ({ ...row, owner_node: null, lease_until: 0 }));
    // Databases sort texts in ways of their own.
    for (const rows of Object.values(all)) rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return all;
  });
}

/** One row in every table, with texts that break naive formats. */
async function fill(db: Db, media: MediaStore): Promise<void> {
  const rows = sampleRows();
  await db.transaction(async (tx) => {
    for (const table of TABLES) {
      const row = table === 'media' ? { ...rows.media, state: 'pending' } : rows[table];
      await tx
        .insertInto(table)
        .values(row as never)
        .execute();
    }
  });
  for (const text of ['one', 'two', 'line\u2028separator']) await addMedia(db, await store(media, text));
}

function declareRoundTrips(from: DatabaseKit, to: DatabaseKit): void {
  test(`everything comes back, from ${from.dialect} to ${to.dialect}`, async () => {
    const [source, sourceMedia] = [await from.createDb(), newStore()];
    await fill(source, sourceMedia);
    const folder = join(newFolder(), 'monday');
    const report = await createBackup({
      db: source,
      media: sourceMedia,
      clock: systemClock,
      logger: silentLogger,
      folder,
    });
    expect(report).toMatchObject({ folder, objects: 3 });
    const target = await (await to.createDatabase({ migrated: false })).open();
    const targetMedia = newStore();
    const restored = await restoreBackup({ db: target, media: targetMedia, folder });
    expect(restored).toMatchObject({ rows: report.rows, objects: 3 });
    expect(await contents(target)).toEqual(await contents(source));
    const hashes = (await contents(source))['media']?.filter((row) => row['state'] === 'stored') ?? [];
    const texts = await Promise.all(hashes.map((row) => read(targetMedia, String(row['hash']))));
    expect(texts.sort()).toEqual(['line\u2028separator', 'one', 'two']);
    expect(readdirSync(join(folder, 'tables'))).not.toContain('locks.ndjson.gz');
    for (const table of MOMENTARY) expect(await target.snapshot((reader) => isTableEmpty(reader, table))).toBe(true);
  });
}

describe('a backup', () => {
  const sqlite = makeKit('sqlite');
  declareRoundTrips(sqlite, sqlite);
  if (postgresAvailability().available) {
    const postgres = makeKit('postgres');
    declareRoundTrips(sqlite, postgres);
    declareRoundTrips(postgres, sqlite);
    declareRoundTrips(postgres, postgres);
  }
});

describeEachDatabase('backups', ({ createDb, createDatabase }) => {
  const take = (db: Db, media: MediaStore, folder: string) =>
    createBackup({ db, media, clock: systemClock, logger: silentLogger, folder });

  test('show one moment, whatever is written meanwhile', async () => {
    const [db, media] = [await createDb(), newStore()];
    const keys = Array.from({ length: 40 }, (_, index) => ({
      ...sampleRows().api_keys,
      id: newId(),
      hash: `hash-${index}`,
      last_used_at: 0,
    }));
    await db.transaction((tx) => tx.insertInto('api_keys').values(keys).execute());
    // All rows carry one number; whoever sees two of them has seen half of a transaction.
    let stop = false;
    const writer = (async () => {
      for (let number = 1; !stop; number += 1) {
        await db.transaction((tx) => tx.updateTable('api_keys').set({ last_used_at: number }).execute());
        await nextTurn();
      }
    })();
    const folder = newFolder();
    for (let round = 0; round < 5; round += 1) await take(db, media, join(folder, String(round)));
    stop = true;
    await writer;
    const seen: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const target = await (await createDatabase({ migrated: false })).open();
      await restoreBackup({ db: target, media: newStore(), folder: join(folder, String(round)) });
      const rows = await target.kysely.selectFrom('api_keys').select('last_used_at').distinct().execute();
      expect(rows).toHaveLength(1);
      seen.push(rows[0]?.last_used_at ?? 0);
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test('read the rows again when a file was deleted in between', async () => {
    const [db, media] = [await createDb(), newStore()];
    const [kept, deleted] = [await store(media, 'kept'), await store(media, 'deleted')];
    await addMedia(db, kept);
    let opened = 0;
    // The row appears before the snapshot and its file is gone after it: as if a sweep ran in that moment.
    const sly: MediaStore = Object.assign(Object.create(media) as MediaStore, {
      open: async (hash: string) => {
        opened += 1;
        if (opened === 1) await addMedia(db, deleted);
        if (hash !== deleted) return media.open(hash);
        await media.remove(deleted);
        await db.transaction((tx) => tx.deleteFrom('media').where('hash', '=', deleted).execute());
        return media.open(hash);
      },
    });
    const folder = join(newFolder(), 'b');
    expect(await take(db, sly, folder)).toMatchObject({ objects: 1 });
    const target = await (await createDatabase({ migrated: false })).open();
    expect(await restoreBackup({ db: target, media: newStore(), folder })).toMatchObject({ objects: 1 });
  });

  test('that lack a stored file are refused, and nothing is left', async () => {
    const db = await createDb();
    await addMedia(db, 'f'.repeat(64));
    const parent = newFolder();
    await expect(take(db, newStore(), join(parent, 'b'))).rejects.toMatchObject({ code: 'storage_failed' });
    expect(readdirSync(parent)).toEqual([]);
    expect(
      await createBackup({
        db,
        media: newStore(),
        clock: systemClock,
        logger: silentLogger,
        folder: join(parent, 'c'),
        withMedia: false,
      }),
    ).toMatchObject({ objects: 0 });
  });

  test('never overwrite, and clear away what a killed one left', async () => {
    const [db, media] = [await createDb(), newStore()];
    const parent = newFolder();
    const folder = join(parent, 'b');
    writeFileSync(join(parent, 'b.partial'), 'left behind');
    await take(db, media, folder);
    expect(readdirSync(parent)).toEqual(['b']);
    await expect(take(db, media, folder)).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('that are damaged, newer, or for a full database restore nothing', async () => {
    const [db, media] = [await createDb(), newStore()];
    await fill(db, media);
    const folder = join(newFolder(), 'b');
    await take(db, media, folder);
    await expect(restoreBackup({ db, media, folder })).rejects.toMatchObject({ code: 'request_invalid' });
    const target = await (await createDatabase({ migrated: false })).open();
    const attempt = () => restoreBackup({ db: target, media: newStore(), folder });
    const manifest = JSON.parse(
      await import('node:fs').then(({ readFileSync }) => readFileSync(join(folder, 'manifest.json'), 'utf8')),
    );
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, schemaVersion: 9_999 }));
    await expect(attempt()).rejects.toMatchObject({ code: 'database_schema' });
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const table = join(folder, 'tables', 'point_postings.ndjson.gz');
    truncateSync(table, 20);
    await expect(attempt()).rejects.toMatchObject({ code: 'file_unreadable', message: /point_postings/ });
    rmSync(join(folder, 'manifest.json'));
    await expect(attempt()).rejects.toMatchObject({ code: 'file_unreadable' });
    expect(existsSync(table)).toBe(true);
  });
});
