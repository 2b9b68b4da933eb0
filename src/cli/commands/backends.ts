import { resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { backendCatalogue } from '../../config/index.js';
import { silentLogger } from '../../core/log.js';
import { type BackendInfo, Backends } from '../../generations/index.js';
import type { CliIo } from '../io.js';
import { withDatabase } from '../open.js';
import { alignColumns, type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { readFileBounded } from '../source.js';
import { printable } from '../terminal/style.js';
import { plural } from '../terminal/words.js';
import { parseWholeNumber, usage } from '../values.js';

/** `easel backends …`: works on the database itself, beside running nodes or without one. */
const TOKEN_VARIABLE = 'EASEL_BACKEND_TOKEN';
const MAX_SETTINGS_BYTES = 1024 ** 2;

function withBackends<T>(context: CommandContext, work: (backends: Backends) => Promise<T>): Promise<T> {
  const { clock } = context.io;
  return withDatabase(context, (db) =>
    work(new Backends({ db, clock, logger: silentLogger, catalogue: backendCatalogue })),
  );
}

export async function list(context: CommandContext, options: Json): Promise<number> {
  const found = await withBackends(context, (backends) => backends.list());
  if (options.json === true) return printJson(context.io, found);
  if (found.length === 0) {
    return print(context.io, [
      'No backend yet: `easel backends add URL` adds one, `easel serve` brings those of its configuration.',
    ]);
  }
  const rows = found.map((backend) => [
    backend.id,
    backend.kind,
    stateOf(backend),
    String(backend.openAttempts),
    backend.origin,
    backend.owner ?? 'nobody',
    backend.url,
  ]);
  const head = ['ID', 'KIND', 'STATE', 'OPEN', 'FROM', 'OWNER', 'ADDRESS'];
  return print(context.io, alignColumns([head, ...rows.map((row) => row.map(printable))]));
}

export async function show(context: CommandContext, id: string, options: Json): Promise<number> {
  return tell(context.io, await withBackends(context, (backends) => backends.get(id)), options);
}

export async function add(
  context: CommandContext,
  url: string | undefined,
  options: Json & { readonly id?: string; readonly concurrency?: string; readonly settings?: string },
): Promise<number> {
  const settings = await settingsOf(context.io, url, options);
  return tell(context.io, await withBackends(context, (backends) => backends.add(settings)), options);
}

export async function change(
  context: CommandContext,
  name: 'drain' | 'resume',
  id: string,
  options: Json,
): Promise<number> {
  return tell(context.io, await withBackends(context, (backends) => backends[name](id)), options);
}

export async function remove(
  context: CommandContext,
  id: string,
  options: Json & { readonly force?: boolean },
): Promise<number> {
  const left = await withBackends(context, (backends) => backends.remove(id, { force: options.force === true }));
  if (left !== null) return tell(context.io, left, options);
  if (options.json === true) return printJson(context.io, { id, removed: true });
  return print(context.io, [`${id} is removed.`]);
}

async function settingsOf(
  io: CliIo,
  url: string | undefined,
  options: { readonly id?: string; readonly concurrency?: string; readonly settings?: string },
): Promise<Record<string, unknown>> {
  const { id, concurrency, settings: file } = options;
  if ((url === undefined) === (file === undefined)) {
    throw usage('Give the address of the backend, or its settings with --settings FILE.');
  }
  const given = file === undefined ? fromUrl(url ?? '') : await fromFile(io, file);
  const token = io.environment[TOKEN_VARIABLE];
  const isAuthorized = given['auth'] !== undefined || file !== undefined;
  return {
    ...given,
    ...(id === undefined ? {} : { id }),
    ...(concurrency === undefined ? {} : { concurrency: parseWholeNumber(concurrency, '--concurrency') }),
    ...(token && !isAuthorized ? { auth: { type: 'bearer', token } } : {}),
  };
}

function fromUrl(text: string): Record<string, unknown> {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  // The text itself is not repeated: a URL may hold a password.
  if (!URL.canParse(url)) throw usage('This is no address.', 'Give for example http://127.0.0.1:8188.');
  const id = new URL(url).host.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return { id, kind: 'comfyui', url };
}

async function fromFile(io: CliIo, file: string): Promise<Record<string, unknown>> {
  const text =
    file === '-'
      ? await readText(io.stdin)
      : (await readFileBounded(resolve(io.cwd, file), file, MAX_SETTINGS_BYTES)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage(`--settings: ${file} is not JSON.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage('--settings: expected an object, as an item of `backends` in the configuration.');
  return value as Record<string, unknown>;
}

function stateOf(backend: BackendInfo): string {
  if (backend.desired === 'removing' || backend.desired === 'evicting') return backend.desired;
  return backend.circuit === 'closed' ? backend.state : `${backend.state} (circuit ${backend.circuit})`;
}

function tell(io: CliIo, backend: BackendInfo, options: Json): number {
  if (options.json === true) return printJson(io, backend);
  const lines: (readonly [string, string])[] = [
    ['id', backend.id],
    ['kind', backend.kind],
    ['address', backend.url],
    ['state', stateOf(backend)],
    ['since', new Date(backend.since).toISOString()],
    ['owner', backend.owner ?? 'nobody: no node looks after it'],
    ['from', backend.origin === 'config' ? 'the configuration' : 'added at run time'],
    ['open', plural(backend.openAttempts, 'attempt')],
    ...(backend.version === null ? [] : ([['version', backend.version]] as const)),
    ...(backend.vramBytes === null ? [] : ([['memory', `${(backend.vramBytes / 1024 ** 3).toFixed(1)} GiB`]] as const)),
    ...(backend.retryAt === null ? [] : ([['no work until', new Date(backend.retryAt).toISOString()]] as const)),
    ...(backend.error === null ? [] : ([['error', `${backend.error.code}: ${backend.error.message}`]] as const)),
    ...(backend.settings === null ? [] : ([['settings', JSON.stringify(backend.settings)]] as const)),
  ];
  return print(
    io,
    lines.map(([name, value]) => `${name.padEnd(14)}${printable(value)}`),
  );
}
