import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { EaselError } from '../core/errors.js';
import {
  type AnyRow,
  type Db,
  type DbTransaction,
  isTableEmpty,
  migrate,
  SCHEMA_VERSION,
  writeRows,
} from '../db/index.js';
import type { MediaStore } from '../media/index.js';
import { type Manifest, manifestPath, notABackup, objectPath, parseManifest, tablePath } from './format.js';
import { lineToRow } from './rows.js';

export interface RestoreOptions {
  readonly db: Db;
  readonly media: MediaStore;
  readonly folder: string;
}

export interface RestoreReport {
  readonly rows: number;
  readonly objects: number;
  readonly takenAt: string;
  /** The schema that it had, and the one that it has now. */
  readonly fromVersion: number;
  readonly toVersion: number;
}

const BATCH_ROWS = 500;

/**
 * Fills an empty database and the media store from a backup. The rows come in one transaction, after every file is in its
 * place and every checksum has been compared: it is all there or nothing is, and it may be run again.
 *
 * Backends lose their owners: what was running when the backup was taken is looked up on its backend by whoever takes it
 * next, and adopted, collected or tried again like after any restart.
 *
 * Throws `file_unreadable`, `request_invalid` (not empty), `database_schema` (from a newer Easel).
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { db, folder } = options;
  const manifest = await readManifest(folder);
  if (manifest.schemaVersion > SCHEMA_VERSION) {
    throw new EaselError(
      'database_schema',
      `The backup is of schema ${manifest.schemaVersion}; this Easel knows ${SCHEMA_VERSION}.`,
      {
        hint: 'Restore it with the Easel that wrote it, or a newer one.',
      },
    );
  }
  // All of it is read once before anything is written.
  for (const table of manifest.tables) await checkTable(folder, table);
  const hashes = manifest.media.included ? await hashesIn(folder, manifest) : [];
  await db.migrate({ version: manifest.schemaVersion });
  for (const hash of hashes) await restoreObject(options, hash);
  const rows = await db.bulk(async (tx, { tables, version }) => {
    if (version !== manifest.schemaVersion) throw notEmpty(db, 'it has another schema');
    for (const name of tables) if (!(await isTableEmpty(tx, name))) throw notEmpty(db, `the table ${name} has rows`);
    let sum = 0;
    for (const table of manifest.tables) {
      if (!tables.includes(table.name)) throw notABackup(folder);
      sum += await loadTable(tx, folder, table);
    }
    await tx.updateTable('backends').set({ owner_node: null, lease_until: 0 }).execute();
    return sum;
  });
  await migrate(db);
  return {
    rows,
    objects: hashes.length,
    takenAt: manifest.createdAt,
    fromVersion: manifest.schemaVersion,
    toVersion: SCHEMA_VERSION,
  };
}

async function readManifest(folder: string): Promise<Manifest> {
  const path = manifestPath(folder);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw notABackup(folder, error);
  }
  return parseManifest(text, folder);
}

type Table = Manifest['tables'][number];

async function* linesOf(folder: string, { name }: Table): AsyncGenerator<string, void, undefined> {
  const file = createReadStream(tablePath(folder, name));
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  file.pipe(text);
  try {
    for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) yield line;
  } catch (error) {
    throw damaged(folder, name, error);
  } finally {
    file.destroy();
    text.destroy();
  }
}

async function checkTable(folder: string, table: Table): Promise<void> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const line of linesOf(folder, table)) {
    hash.update(`${line}\n`);
    rows += 1;
  }
  if (rows !== table.rows || hash.digest('hex') !== table.sha256) throw damaged(folder, table.name);
}

async function loadTable(tx: DbTransaction, folder: string, table: Table): Promise<number> {
  let batch: AnyRow[] = [];
  for await (const line of linesOf(folder, table)) {
    batch.push(lineToRow(line));
    if (batch.length < BATCH_ROWS) continue;
    await writeRows(tx, table.name, batch);
    batch = [];
  }
  await writeRows(tx, table.name, batch);
  return table.rows;
}

/** The files that the rows name. */
async function hashesIn(folder: string, manifest: Manifest): Promise<string[]> {
  const table = manifest.tables.find(({ name }) => name === 'media');
  if (table === undefined) return [];
  const hashes = new Set<string>();
  for await (const line of linesOf(folder, table)) {
    const row = lineToRow(line);
    if (row['state'] === 'stored') hashes.add(String(row['hash']));
  }
  return [...hashes];
}

async function restoreObject({ media, folder }: RestoreOptions, hash: string): Promise<void> {
  if ((await media.stat(hash)) !== null) return;
  const staged = await media.stage(createReadStream(objectPath(folder, hash)), { owner: 'restore' }).catch((error) => {
    throw damaged(folder, hash, error);
  });
  if (staged.hash !== hash) {
    await media.discard(staged);
    throw damaged(folder, hash);
  }
  await media.commit(staged);
}

function notEmpty(db: Db, what: string): EaselError {
  return new EaselError('request_invalid', `The database ${db.displayUrl} is not empty: ${what}.`, {
    hint: 'Restore into a new database, and then point `databaseUrl` at it.',
  });
}

function damaged(folder: string, what: string, cause?: unknown): EaselError {
  return new EaselError('file_unreadable', `The backup ${folder} is damaged: ${what} is not what the manifest says.`, {
    hint: 'Use another copy of the backup. Nothing was restored.',
    cause,
  });
}
