import { readdir, stat } from 'node:fs/promises';
import { freemem, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import type { EngineCore } from './core.js';
import type { EngineLog } from './engine-log.js';
import { isFolderType } from './file-paths.js';
import { empty, type HttpAnswer, json, text } from './http-answer.js';
import type { Route } from './http-router.js';
import type { EngineFolders, NodeClass, RehearsalOptions } from './node.js';
import { ObjectInfo } from './object-info.js';
import type { EngineProfile } from './profile.js';

export interface InfoRoutesOptions {
  readonly core: () => EngineCore;
  readonly nodes: ReadonlyMap<string, NodeClass>;
  readonly profile: EngineProfile;
  readonly folders: EngineFolders;
  readonly rehearsal: RehearsalOptions;
  readonly log: EngineLog;
}

/** What the server tells of itself (comfyui.md 1.9, 1.10). */
export function infoRoutes(options: InfoRoutesOptions): Route[] {
  const { core, folders, log, profile } = options;
  const objectInfo = new ObjectInfo(options.nodes, folders);
  const get = (pattern: string, handler: Route['handler'], isLiteral = false): Route => ({
    method: 'GET',
    pattern,
    handler,
    isLiteral,
  });
  return [
    get('/', () => page(), true),
    get('/ws', () => text('No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".', 400)),
    get('/object_info', async () => jsonText(await objectInfo.all())),
    get('/object_info/{class}', async ({ params }) => jsonText(await objectInfo.one(params['class']!))),
    get('/system_stats', () => json(systemStats(profile))),
    get('/features', () => json(core().features())),
    get('/embeddings', () => json(modelFiles(options, 'embeddings')!.map((name) => name.replace(/\.[^.]*$/, '')))),
    get('/models', () => json(profile.modelFolders)),
    get('/models/{folder}', ({ params }) => listOr404(modelFiles(options, params['folder']!))),
    get('/experiment/models', () => json(profile.modelFolders.map((name) => ({ name, folders: [`/models/${name}`] })))),
    get('/experiment/models/{folder}', ({ params }) =>
      listOr404(
        modelFiles(options, params['folder']!)?.map((name) => ({
          name,
          pathIndex: 0,
          modified: 0,
          created: 0,
          size: 0,
        })),
      ),
    ),
    get('/view_metadata/{folder}', () => empty(404)),
    get('/extensions', () => json([])),
    get('/workflow_templates', () => json({})),
    get('/i18n', () => json({})),
    ...(profile.hasJobs ? [get('/global_subgraphs', () => json({}))] : []),
    get('/internal/logs', () => json(log.lines.map(({ time, text: line }) => `${time} - ${line}\n`).join('')), true),
    get(
      '/internal/logs/raw',
      () => json({ entries: log.lines.map(({ time, text: m }) => ({ t: time, m })), size: { cols: 80, rows: 24 } }),
      true,
    ),
    get(
      '/internal/folder_paths',
      () => json(Object.fromEntries(profile.modelFolders.map((name) => [name, [`/models/${name}`]]))),
      true,
    ),
    get('/internal/files/{type}', ({ params }) => listFolder(folders, params['type']!), true),
  ];
}

function jsonText(body: string): HttpAnswer {
  return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body };
}

function page(): HttpAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/html', 'cache-control': 'no-cache', pragma: 'no-cache', expires: '0' },
    body: '<!doctype html><title>Easel embedded engine</title>\n<p>This server has no user interface.</p>\n',
  };
}

function listOr404(list: readonly unknown[] | undefined): HttpAnswer {
  return list ? json(list) : empty(404);
}

/** Undefined for an unknown folder. A rehearsal that accepts every name has no files to list. */
function modelFiles({ profile, rehearsal }: InfoRoutesOptions, folder: string): readonly string[] | undefined {
  if (!profile.modelFolders.includes(folder)) return undefined;
  return rehearsal.models === 'any' ? [] : (rehearsal.models[folder] ?? []);
}

function systemStats(profile: EngineProfile): object {
  const total = totalmem();
  const free = freemem();
  return {
    system: {
      os: profile.osName(platform()),
      ram_total: total,
      ram_free: free,
      comfyui_version: profile.version,
      required_frontend_version: profile.frontendVersion,
      installed_templates_version: null,
      required_templates_version: profile.templatesVersion,
      // Clients show this; it says plainly that no Python is at work here.
      python_version: `none (Easel embedded engine on Node ${process.versions.node})`,
      pytorch_version: 'none',
      embedded_python: false,
      argv: ['easel', '--cpu'],
    },
    devices: [
      {
        name: 'cpu',
        type: 'cpu',
        index: null,
        vram_total: total,
        vram_free: free,
        torch_vram_total: total,
        torch_vram_free: free,
      },
    ],
  };
}

/** File names, newest first. */
async function listFolder(folders: EngineFolders, type: string): Promise<HttpAnswer> {
  if (!isFolderType(type)) return text('Invalid directory type', 400);
  const folder = folders[type];
  const entries = await readdir(folder, { withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(async ({ name }) => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
  );
  return json(files.sort((a, b) => b.time - a.time).map(({ name }) => name));
}
