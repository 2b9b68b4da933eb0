// Makes a checkout ready to build and run: Node version, packages, native binaries; with `--for-tests` also PostgreSQL, Ceph and FerretDB.
// Says nothing when nothing is to do. Node built-ins only, since nothing is installed yet.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFerretDb } from './lib/ferretdb.mjs';
import { main, root, run, ScriptError } from './lib/process.mjs';

const say = (text) => process.stderr.write(`${text}\n`);

export async function setup({ forTests = false } = {}) {
  checkNode();
  await installPackages();
  checkBinaries();
  if (forTests) {
    installPostgres();
    installCeph();
    installFerretDb();
  }
}

function checkNode() {
  const wanted = readJson('package.json').engines.node.replace('>=', '');
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new ScriptError(
    `Easel needs Node ${wanted} or newer; this is ${process.versions.node} (${process.execPath}).\nInstall it from https://nodejs.org or with your version manager, then run this again.`,
  );
}

async function installPackages() {
  if (packagesMatchLock()) return;
  say('Installing packages (npm ci) ...');
  // Without install scripts: every native library here comes as a prebuilt package, and scripts of strangers stay unrun.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, [process.env.npm_execpath, ...args], {}]
    : ['npm', args, { shell: process.platform === 'win32' }];
  const code = await run(npm[0], npm[1], { ...npm[2], stdio: ['ignore', 2, 2] }).catch((error) => {
    if (error.code === 'ENOENT') throw new ScriptError('npm was not found; it comes with Node.');
    throw error;
  });
  if (code !== 0)
    throw new ScriptError('The packages could not be installed; see above. Check the network and the npm settings.');
}

/** True when what npm says it installed is what the lock file asks for. Optional packages may be of other platforms. */
function packagesMatchLock() {
  const wanted = readJson('package-lock.json').packages;
  const installed = readJson('node_modules/.package-lock.json')?.packages;
  if (installed === undefined) return false;
  const own = readJson('package.json');
  const direct = Object.keys({ ...own.dependencies, ...own.devDependencies });
  if (!direct.every((name) => existsSync(join(root, 'node_modules', name)))) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return installed[path] === undefined ? optional === true : installed[path].version === version;
  });
}

/** In a process of its own: a binary that does not fit the machine may crash instead of throwing. */
function checkBinaries() {
  const code = `
    const checks = {
      sharp: async () => (await import('sharp')).default({ create: { width: 1, height: 1, channels: 3, background: '#000' } }).png().toBuffer(),
      libsql: async () => new (await import('libsql')).default(':memory:').close(),
    };
    for (const [name, check] of Object.entries(checks)) {
      process.stdout.write(name);
      await check();
      process.stdout.write(' ok ');
    }`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  const name = stdout.split(' ok ').at(-1) || 'sharp';
  const reason = stderr.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? signal ?? `exit code ${status}`;
  throw new ScriptError(
    `The native part of "${name}" does not load on ${process.platform}-${process.arch}, Node ${process.versions.node}:\n  ${reason}\nUsually node_modules was copied from another machine or installed with --omit=optional. Remove the folder node_modules and run\n"npm run setup" again. If it stays, this platform has no prebuilt binary of ${name}.`,
  );
}

/**
 * Tests start a PostgreSQL of their own in a temporary folder and only need the programs, or the URL of a server given to
 * them. Where there is neither, the tests that need one are skipped, except under CI, where green must mean that they ran.
 */
function installPostgres() {
  if (process.env.EASEL_TEST_POSTGRES_URL || hasPostgres()) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && onPath('apt-get')) {
    say('Installing PostgreSQL for the tests (apt-get install postgresql) ...');
    withoutDefaultCluster(() => {
      aptGet('update');
      aptGet('install', '--yes', '--no-install-recommends', 'postgresql');
    });
    if (hasPostgres()) return;
  }
  const advice = 'Install the PostgreSQL server programs (Debian: apt-get install postgresql), version 15 or newer.';
  if (process.env.CI) throw new ScriptError(`PostgreSQL is missing and could not be installed. ${advice}`);
  say(`PostgreSQL was not found, so tests on PostgreSQL will be skipped. ${advice}`);
}

/** Likewise the S3 server, of which tests start one of their own that keeps everything in memory. */
function installCeph() {
  const missing = () => ['ceph', 'ceph-mon', 'ceph-osd', 'radosgw'].some((program) => !onPath(program));
  if (!missing()) return;
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    say('Installing Ceph for the tests (apt-get install ceph-mon ceph-osd radosgw) ...');
    aptGet('update');
    aptGet('install', '--yes', '--no-install-recommends', 'ceph-mon', 'ceph-osd', 'radosgw');
    if (!missing()) return;
  }
  const advice = 'Install the programs of Ceph (Debian: apt-get install ceph-mon ceph-osd radosgw).';
  if (process.env.CI) throw new ScriptError(`Ceph is missing and could not be installed. ${advice}`);
  say(`Ceph was not found, so tests on an S3 server will be skipped. ${advice}`);
}

/** Likewise the server of MongoDB's protocol, which is built, since no package brings one. */
function installFerretDb() {
  const reason = buildFerretDb(root, say);
  if (reason === null) return;
  const advice = 'Install Go 1.22 or newer (https://go.dev/dl).';
  // Unlike the others it is not everywhere to be had, and only the import from MongoDB is tested with it.
  say(`FerretDB was not built (${reason}), so tests on MongoDB will be skipped. ${advice}`);
}

function hasPostgres() {
  if (onPath('initdb') && onPath('postgres')) return true;
  const debian = '/usr/lib/postgresql';
  return (
    existsSync(debian) && readdirSync(debian).some((version) => existsSync(join(debian, version, 'bin', 'initdb')))
  );
}

/** Debian would set up and start a server on port 5432, which nobody asked for. */
function withoutDefaultCluster(install) {
  const folder = '/etc/postgresql-common/createcluster.d';
  const file = join(folder, 'easel-tests.conf');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, 'create_main_cluster = false\n');
  try {
    install();
  } finally {
    rmSync(file, { force: true });
  }
}

function aptGet(...args) {
  const { status, stdout, stderr } = spawnSync('apt-get', ['--quiet=2', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) say(`${stdout}${stderr}apt-get ${args[0]} ended with exit code ${status}.`);
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(() => setup({ forTests: process.argv.includes('--for-tests') }));
