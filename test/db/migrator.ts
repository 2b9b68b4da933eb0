/**
 * Child of `migrate.test.ts`. Opens the database and says `ready`; migrates at the first line of input and says what it
 * applied. With `hold` it stands still in the middle: all tables made, nothing committed.
 */
import { once } from 'node:events';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/log.js';
import type { Engine, EngineOptions } from '../../src/db/dialect/engine.js';
import { openPostgres } from '../../src/db/dialect/postgres.js';
import { openSqlite } from '../../src/db/dialect/sqlite.js';
import { type Migration, migrateEngine } from '../../src/db/migrate.js';
import { MIGRATIONS } from '../../src/db/migrations/index.js';

const [url = '', hold] = process.argv.slice(2);
const options: EngineOptions = {
  clock: systemClock,
  logger: silentLogger,
  random: Math.random,
  poolSize: 2,
  acquireTimeoutMs: 20_000,
  statementTimeoutMs: 20_000,
  transactionTimeoutMs: 20_000,
};
const engine: Engine = await (url.startsWith('sqlite:') ? openSqlite(url, options) : openPostgres(url, options));

const standStill: Migration = {
  version: MIGRATIONS.length + 1,
  name: 'stand-still',
  async up() {
    console.log('tables made');
    await new Promise(() => setInterval(() => {}, 60_000));
  },
};

console.log('ready');
await once(process.stdin, 'data');
const report = await migrateEngine(engine, options, {}, hold ? [...MIGRATIONS, standStill] : MIGRATIONS);
console.log(`applied ${report.applied.join(' ')}`);
await engine.close();
process.stdin.destroy();
