import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import { type AnyRow, type Db, type DbReader, readTable } from '../db/index.js';
import type { MediaStore } from '../media/index.js';
import { FORMAT_VERSION, type Manifest, manifestPath, objectPath, tablePath } from './format.js';
import { rowToLine } from './rows.js';

export interface BackupOptions {
  readonly db: Db;
  readonly media: MediaStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Is made; must not exist. */
  readonly folder: string;
  /** Stored files too; true unless told. */
  readonly withMedia?: boolean;
  readonly signal?: AbortSignal;
}

export interface BackupReport {
  readonly folder: string;
  readonly rows: number;
  readonly objects: number;
  readonly bytes: number;
}

/** How often the rows are read again because a file was deleted before it was copied. */
const MAX_PASSES = 5;

/**
 * Copies a running Easel: the rows from one snapshot, then the files that those rows name. It appears under its name only
 * when it is whole and on the disk; a process that dies leaves `<name>.partial`, which the next backup to that name removes.
 *
 * A file may be deleted between the snapshot and its copy; the rows then tell of what is gone. So the files are copied
 * first, and once more after the snapshot: what is missing then was deleted in between, and the rows are read again.
 *
 * Throws `request_invalid` (the folder exists), `storage_failed`.
 */
export async function createBackup(options: BackupOptions): Promise<BackupReport> {
  const { db, clock, withMedia = true, signal } = options;
  const folder = resolve(options.folder);
  await refuseExisting(folder);
  const draft = join(dirname(folder), `${basename(folder)}.partial`);
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(join(draft, 'tables'), { recursive: true, mode: 0o700 });
    const copied = new Map<string, number>();
    if (withMedia) await copyObjects(options, draft, await hashesOf(db.kysely), copied);
    for (let pass = 1; ; pass += 1) {
      signal?.throwIfAborted();
      const { tables, version, hashes } = await db.snapshot(async (reader, about) => ({
        version: about.version,
        hashes: withMedia ? await hashesOf(reader) : [],
        tables: await dumpTables(reader, about.tables.filter(isKept), draft, signal),
      }));
      const missing = withMedia ? await copyObjects(options, draft, hashes, copied) : [];
      if (missing.length > 0) {
        if (pass < MAX_PASSES) continue;
        throw new EaselError(
          'storage_failed',
          `Stored file ${missing[0]} is missing (and ${missing.length - 1} more).`,
          {
            hint: 'Run `easel doctor` on the media store, or take the backup with --no-media.',
          },
        );
      }
      await removeOthers(draft, new Set(hashes), copied);
      const bytes = [...copied.values()].reduce((sum, size) => sum + size, 0);
      const manifest: Manifest = {
        format: FORMAT_VERSION,
        createdAt: new Date(clock.now()).toISOString(),
        dialect: db.dialect,
        schemaVersion: version,
        tables,
        media: { included: withMedia, objects: copied.size, bytes },
      };
      await writeDurably(manifestPath(draft), `${JSON.stringify(manifest, null, 2)}\n`);
      await syncFolder(draft);
      await rename(draft, folder);
      await syncFolder(dirname(folder));
      return { folder, rows: tables.reduce((sum, { rows }) => sum + rows, 0), objects: copied.size, bytes };
    }
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error instanceof EaselError ? error : asStorageFailure(error, folder, signal);
  }
}

/**
 * Not copied: derived files, which are made again from what they came from; what is true of one moment and one process only
 * (nodes, locks, removals under way, what followers see at present).
 */
const LEFT_OUT = ['media_derived', 'media_removals', 'nodes', 'locks', 'live_wishes', 'live_states'];

function isKept(table: string): boolean {
  return !LEFT_OUT.includes(table);
}

async function dumpTables(
  reader: DbReader,
  tables: readonly string[],
  draft: string,
  signal: AbortSignal | undefined,
): Promise<Manifest['tables']> {
  const done: Manifest['tables'] = [];
  for (const name of tables) {
    const hash = createHash('sha256');
    let rows = 0;
    const lines = async function* () {
      for await (const page of readTable(reader, name)) {
        signal?.throwIfAborted();
        const text = page.map((row: AnyRow) => `${rowToLine(row)}\n`).join('');
        rows += page.length;
        hash.update(text);
        yield text;
      }
    };
    const path = tablePath(draft, name);
    await pipeline(Readable.from(lines()), createGzip(), createWriteStream(path, { mode: 0o600, flush: true }));
    done.push({ name, rows, sha256: hash.digest('hex') });
  }
  return done;
}

async function hashesOf(reader: DbReader): Promise<string[]> {
  // Pending files belong to attempts and uploads that are under way; whether they stay is decided later.
  const rows = await reader.selectFrom('media').select('hash').distinct().where('state', '=', 'stored').execute();
  return rows.map(({ hash }) => hash);
}

/** Copies what is not there yet. Returns what the store does not have. */
async function copyObjects(
  { media, signal }: BackupOptions,
  draft: string,
  hashes: readonly string[],
  copied: Map<string, number>,
): Promise<string[]> {
  const missing: string[] = [];
  for (const hash of hashes) {
    signal?.throwIfAborted();
    if (copied.has(hash)) continue;
    const path = objectPath(draft, hash);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      const { stream, totalBytes } = await media.open(hash);
      await pipeline(stream, createWriteStream(path, { mode: 0o600, flush: true }));
      copied.set(hash, totalBytes);
    } catch (error) {
      if (!(error instanceof EaselError) || error.code !== 'not_found') throw error;
      missing.push(hash);
    }
  }
  return missing;
}

/** Files that were copied first and deleted before the snapshot. */
async function removeOthers(draft: string, wanted: ReadonlySet<string>, copied: Map<string, number>): Promise<void> {
  for (const hash of copied.keys()) {
    if (wanted.has(hash)) continue;
    await rm(objectPath(draft, hash), { force: true });
    copied.delete(hash);
  }
}

async function refuseExisting(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return;
  if (found.isDirectory() && (await readdir(folder)).length === 0) {
    await rm(folder, { recursive: true });
    return;
  }
  throw new EaselError('request_invalid', `${folder} exists already.`, {
    hint: 'Name a folder that does not exist: a backup never overwrites another.',
    details: { field: 'folder' },
  });
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flush: true });
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function asStorageFailure(error: unknown, folder: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || !(error instanceof Error) || !('code' in error)) return error;
  return new EaselError('storage_failed', `The backup to ${folder} could not be written: ${error.message}`, {
    cause: error,
  });
}
