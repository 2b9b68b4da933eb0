import { resolve } from 'node:path';
import { createBackup, restoreBackup } from '../../backup/index.js';
import { silentLogger } from '../../core/log.js';
import { type Db, migrate, openDatabase } from '../../db/index.js';
import { type MediaStore, mediaPlaces } from '../../media/index.js';
import { loadCliConfig } from '../configuration.js';
import type { CommandContext } from '../program.js';
import { formatBytes, plural } from '../terminal/words.js';

/** `easel backup` and `easel restore`: work on database and media store themselves, beside a running Easel. */
interface Options {
  readonly media?: boolean;
  readonly json?: boolean;
}

export async function backupCommand(context: CommandContext, folder: string, options: Options): Promise<number> {
  const { io } = context;
  const report = await withStores(context, async (db, media) => {
    await migrate(db);
    return createBackup({
      db,
      media,
      clock: io.clock,
      logger: silentLogger,
      folder: resolve(io.cwd, folder),
      withMedia: options.media !== false,
    });
  });
  if (options.json === true) io.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const files = `${plural(report.objects, 'file')} (${formatBytes(report.bytes)})`;
    io.stdout.write(`Backed up ${plural(report.rows, 'row')} and ${files} to ${report.folder}.\n`);
  }
  return 0;
}

export async function restoreCommand(context: CommandContext, folder: string, options: Options): Promise<number> {
  const { io } = context;
  const report = await withStores(context, (db, media) =>
    restoreBackup({ db, media, folder: resolve(io.cwd, folder) }),
  );
  if (options.json === true) io.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const what = `${plural(report.rows, 'row')} and ${plural(report.objects, 'file')}`;
    io.stdout.write(`Restored ${what} of ${report.takenAt}.\n`);
  }
  return 0;
}

async function withStores<T>(
  { io, globals }: CommandContext,
  work: (db: Db, media: MediaStore) => Promise<T>,
): Promise<T> {
  const { config } = await loadCliConfig(io, globals);
  const db = await openDatabase({ url: config.databaseUrl, logger: silentLogger, clock: io.clock, poolSize: 2 });
  try {
    const { store } = mediaPlaces(config.media, config.dataDir, io.clock);
    try {
      return await work(db, store);
    } finally {
      await store.close?.();
    }
  } finally {
    await db.close();
  }
}
