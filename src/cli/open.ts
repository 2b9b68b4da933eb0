import type { Config } from '../config/index.js';
import { silentLogger } from '../core/log.js';
import { type Db, migrate, openDatabase } from '../db/index.js';
import type { Easel } from '../easel.js';
import { loadCliConfig } from './configuration.js';
import type { CommandContext } from './program.js';

/**
 * What commands work on: the configured database and what is built on it, beside a running Easel or without one. All is
 * closed at the end, however it went.
 */
export async function withDatabase<T>(
  { io, globals }: CommandContext,
  work: (db: Db, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = await loadCliConfig(io, globals);
  const db = await openDatabase({ url: config.databaseUrl, logger: silentLogger, clock: io.clock, poolSize: 2 });
  try {
    await migrate(db);
    return await work(db, config);
  } finally {
    await db.close();
  }
}

/** All of Easel, for what needs several of its services. Nothing of it is started. */
export async function withEasel<T>({ io, globals }: CommandContext, work: (easel: Easel) => Promise<T>): Promise<T> {
  const { config } = await loadCliConfig(io, globals);
  const { createEasel } = await import('../easel.js');
  const easel = await createEasel(config, { logger: silentLogger, clock: io.clock });
  try {
    return await work(easel);
  } finally {
    await easel.stop();
  }
}
