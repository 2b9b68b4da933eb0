import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { formatBytes, formatDuration } from '../terminal/words.js';
import { type CheckResult, fail, ok, warn } from './check.js';

/** Checks of the machine itself. None of them changes anything that stays. */

export function checkNode(version: string, wanted: string): CheckResult {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted
    .replace(/[^\d.]/g, '')
    .split('.')
    .map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return ok('node', `Node ${version}`);
  return fail('node', `Node ${version} is too old.`, `Install Node ${wantedMajor}.${wantedMinor} or newer.`);
}

/** Native libraries: they are missing when node_modules came from another machine or was installed without optional packages. */
export async function checkNativeModules(load: Readonly<Record<string, () => Promise<unknown>>>): Promise<CheckResult> {
  for (const [name, use] of Object.entries(load)) {
    try {
      await use();
    } catch (error) {
      return fail(
        'native modules',
        `${name} does not load: ${firstLine(error)}`,
        'Install Easel again on this machine; node_modules cannot be copied from another one.',
      );
    }
  }
  return ok('native modules', `${Object.keys(load).join(', ')} load`);
}

export async function checkDataFolder(dataDir: string): Promise<CheckResult> {
  const name = 'data folder';
  const existing = nearestExisting(dataDir);
  try {
    if (!(await stat(existing)).isDirectory()) {
      return fail(name, `${existing} is a file.`, 'Choose another folder in the setting dataDir.');
    }
    await access(existing, constants.W_OK | constants.X_OK);
    const probe = await mkdtemp(join(existing, '.easel-doctor-'));
    await rm(probe, { recursive: true });
  } catch (error) {
    return fail(
      name,
      `${existing} cannot be written: ${firstLine(error)}`,
      'Change its permissions, or choose another folder in the setting dataDir.',
    );
  }
  return ok(name, existing === dataDir ? `${dataDir} is writable` : `${dataDir} will be made at the first use`);
}

const LEAST_BYTES = 200_000_000;
const FEW_BYTES = 2_000_000_000;

export async function checkDisk(dataDir: string): Promise<CheckResult> {
  const { bavail, bsize } = await statfs(nearestExisting(dataDir));
  const free = bavail * bsize;
  const message = `${formatBytes(free)} free`;
  const hint = 'Free some space: pictures and previews are stored there.';
  if (free < LEAST_BYTES) return fail('disk', `only ${message}`, hint);
  if (free < FEW_BYTES) return warn('disk', `only ${message}`, hint);
  return ok('disk', message);
}

/** No machine that runs this version lives before it was made. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
const MOST_SKEW_MS = 5_000;

/** Deadlines, leases and sweeps compare our clock with itself, and with the times of files. */
export async function checkClock(dataDir: string, clock: Clock): Promise<CheckResult> {
  const hint = 'Set the clock, or let it be set (NTP).';
  const now = clock.now();
  if (now < EARLIEST_MS) return fail('clock', `the clock says ${new Date(now).toISOString()}`, hint);
  const folder = await mkdtemp(join(nearestExisting(dataDir), '.easel-doctor-')).catch(() => null);
  if (folder === null) return ok('clock', new Date(now).toISOString());
  try {
    const file = join(folder, 'time');
    await writeFile(file, '');
    const skewMs = Math.abs((await stat(file)).mtimeMs - clock.now());
    if (skewMs <= MOST_SKEW_MS) return ok('clock', new Date(now).toISOString());
    return warn('clock', `the disk of the data folder is ${formatDuration(skewMs)} away from this machine`, hint);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function nearestExisting(path: string): string {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  return existing;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}
