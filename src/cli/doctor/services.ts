import { existsSync } from 'node:fs';
import type { Backend } from '../../backends/index.js';
import type { Config } from '../../config/index.js';
import { toEaselError } from '../../core/errors.js';
import { silentLogger } from '../../core/log.js';
import { openDatabase } from '../../db/index.js';
import { healthError } from '../backend.js';
import { plural } from '../terminal/words.js';
import { type CheckResult, fail, ok, warn } from './check.js';

/** Checks of what Easel works with. */

export async function checkDatabase(config: Config): Promise<CheckResult> {
  const file = /^(?:sqlite|file):(?:\/\/)?(.+)$/.exec(config.databaseUrl)?.[1];
  // Opening would make it, and a doctor leaves nothing behind.
  if (file !== undefined && !existsSync(file)) return ok('database', 'SQLite; will be made at the first use');
  try {
    const db = await openDatabase({ url: config.databaseUrl, logger: silentLogger });
    const { dialect, displayUrl } = db;
    await db.close();
    return ok('database', `${dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'} opens (${displayUrl})`);
  } catch (thrown) {
    const error = toEaselError(thrown);
    return fail('database', error.message, error.hint);
  }
}

/** The oldest ComfyUI whose wire protocol was recorded and is tested. */
const OLDEST_TESTED = [0, 3, 64];

export async function checkBackend(backend: Backend): Promise<CheckResult> {
  const name = `backend ${backend.id}`;
  const health = await backend.health();
  if (health.state !== 'ready') {
    const error = healthError(backend, health);
    return fail(name, error.message, error.hint);
  }
  if (backend.kind === 'embedded') return ok(name, `the built-in engine, as ComfyUI ${health.version ?? '?'}`);
  if (backend.kind === 'comfydeploy')
    return ok(name, `${backend.displayUrl} answers in ${health.latencyMs} ms and takes the key`);
  const waiting = health.queueRemaining ? `, ${plural(health.queueRemaining, 'prompt')} in its queue` : '';
  const answer = `${backend.displayUrl} answers in ${health.latencyMs} ms${waiting}`;
  if (health.version === undefined) {
    return warn(name, `${answer}, but does not tell its version`, 'Check that it is a ComfyUI of 2025 or later.');
  }
  const told = `${answer}, ComfyUI ${health.version}`;
  if (!isOlder(health.version)) return ok(name, told);
  return warn(name, told, `Update it: versions before ${OLDEST_TESTED.join('.')} are not tested.`);
}

function isOlder(version: string): boolean {
  const parts = version
    .replace(/^v/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  for (const [index, least] of OLDEST_TESTED.entries()) {
    const part = parts[index] ?? 0;
    if (Number.isNaN(part)) return false;
    if (part !== least) return part < least;
  }
  return false;
}
