import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresAvailability, startPostgres } from '../../test/helpers/postgres.js';
import { print } from './report.js';

/** A kind of database on which a bench measures, every commit on the disk. */
export interface BenchDatabase {
  readonly key: 'sqlite' | 'postgres';
  readonly name: string;
  /** Gives `work` an empty one of its own, which is removed afterwards. */
  use<T>(work: (url: string) => Promise<T>): Promise<T>;
}

const SQLITE: BenchDatabase = {
  key: 'sqlite',
  name: 'SQLite',
  async use(work) {
    const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
    try {
      return await work(`sqlite:${join(folder, 'easel.db')}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const POSTGRES: BenchDatabase = {
  key: 'postgres',
  name: 'PostgreSQL',
  async use(work) {
    const server = await startPostgres({ durable: true });
    try {
      return await work(server.url('postgres'));
    } finally {
      await server.remove();
    }
  },
};

/** What `measure` returned, by database; of SQLite alone, with the reason printed, where there is no PostgreSQL. */
export async function onEachDatabase(measure: (database: BenchDatabase) => Promise<object>): Promise<object> {
  const results: Record<string, object> = { sqlite: await measure(SQLITE) };
  const postgres = postgresAvailability();
  if (postgres.available) results['postgres'] = await measure(POSTGRES);
  else print(`PostgreSQL is left out: ${postgres.reason}`);
  return results;
}
