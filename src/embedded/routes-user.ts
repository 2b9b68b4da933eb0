import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { JsonObject } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import { BYTES, contentTypeOf } from './content-types.js';
import { fileAnswer } from './file-answer.js';
import { empty, type HttpAnswer, json, text } from './http-answer.js';
import { type EngineRequest, type Route, readBody, readJson } from './http-router.js';
import { PythonError } from './python-errors.js';
import { asciiJson, readPythonJson } from './python-json.js';
import { isInside } from './save-names.js';

/**
 * Settings and user files of the only user (comfyui.md 1.10). The ComfyUI window keeps its settings and workflows there.
 * `folder` is absolute and is made when something is stored.
 */
export function userRoutes(folder: string): Route[] {
  const files = new UserFiles(folder);
  const route = (method: string, pattern: string, handler: Route['handler']): Route => ({ method, pattern, handler });
  return [
    route('GET', '/users', () => json({ storage: 'server', migrated: true })),
    route('GET', '/settings', async () => json(await files.settings())),
    route('POST', '/settings', async (request) => files.mergeSettings(await readJson(request))),
    route('GET', '/settings/{id}', async ({ params }) => json((await files.settings())[params['id']!] ?? null)),
    route('POST', '/settings/{id}', async (request) =>
      files.mergeSettings({ [request.params['id']!]: await readJson(request) }),
    ),
    route('GET', '/userdata', ({ query }) => files.list(query)),
    route('GET', '/userdata/{file}', (request) => files.read(request)),
    route('POST', '/userdata/{file}', (request) => files.write(request)),
    route('DELETE', '/userdata/{file}', (request) => files.remove(request)),
    route('POST', '/userdata/{file}/move/{dest}', (request) => files.move(request)),
  ];
}

const SETTINGS_FILE = 'comfy.settings.json';

class UserFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  async settings(): Promise<JsonObject> {
    try {
      const settings = readPythonJson(await readFile(join(this.#folder, SETTINGS_FILE), 'utf8'));
      return isJsonObject(settings) ? settings : {};
    } catch (error) {
      if (isMissing(error)) return {};
      throw error;
    }
  }

  async mergeSettings(changes: unknown): Promise<HttpAnswer> {
    if (!isJsonObject(changes)) throw new PythonError('TypeError', 'settings are no object');
    await this.#store(join(this.#folder, SETTINGS_FILE), asciiJson({ ...(await this.settings()), ...changes }));
    return empty();
  }

  async list(query: URLSearchParams): Promise<HttpAnswer> {
    const dir = query.get('dir') ?? '';
    if (dir === '') return text('Directory not provided', 400);
    const path = this.#path(dir);
    if (path === null) return text('Invalid directory', 403);
    const isRecursive = isTrue(query.get('recurse'));
    const isFull = isTrue(query.get('full_info'));
    try {
      const entries = await readdir(path, { withFileTypes: true, recursive: isRecursive });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const names = files.map((file) => relative(path, file).replaceAll('\\', '/')).sort();
      if (isFull) return json(await Promise.all(names.map((name) => fileInfo(join(path, name), name))));
      return json(isTrue(query.get('split')) ? names.map((name) => [name, ...name.split('/')]) : names);
    } catch (error) {
      if (isMissing(error)) return text('Directory not found', 404);
      throw error;
    }
  }

  async read(request: EngineRequest): Promise<HttpAnswer> {
    const path = this.#path(request.params['file']!);
    if (path === null) return empty(403);
    try {
      return await fileAnswer(path, request.raw.headers, { 'content-type': contentTypeOf(path) || BYTES });
    } catch (error) {
      if (isMissing(error)) return empty(404);
      throw error;
    }
  }

  async write(request: EngineRequest): Promise<HttpAnswer> {
    const path = this.#path(request.params['file']!);
    if (path === null) return empty(403);
    const body = await readBody(request);
    if (request.query.get('overwrite') === 'false' && (await exists(path))) return text('File already exists', 409);
    await this.#store(path, body);
    return this.#describe(path, request);
  }

  async remove(request: EngineRequest): Promise<HttpAnswer> {
    const path = this.#path(request.params['file']!);
    if (path === null) return empty(403);
    if (!(await exists(path))) return empty(404);
    await rm(path);
    return { status: 204 };
  }

  async move(request: EngineRequest): Promise<HttpAnswer> {
    const from = this.#path(request.params['file']!);
    const to = this.#path(request.params['dest']!);
    if (from === null || to === null) return empty(403);
    if (!(await exists(from))) return empty(404);
    if (request.query.get('overwrite') === 'false' && (await exists(to))) return text('File already exists', 409);
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    return this.#describe(to, request);
  }

  async #describe(path: string, { query }: EngineRequest): Promise<HttpAnswer> {
    const name = relative(this.#folder, path).replaceAll('\\', '/');
    return json(isTrue(query.get('full_info')) ? await fileInfo(path, name) : name);
  }

  /** Null when the path leaves the folder of the user. */
  #path(name: string): string | null {
    if (name.includes('\0')) return null;
    const path = resolve(this.#folder, name);
    return isInside(this.#folder, path) && path !== this.#folder ? path : null;
  }

  /** Beside the target first, so that nobody reads half a file. */
  async #store(path: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const partial = join(dirname(path), `.${basename(path)}.partial`);
    await writeFile(partial, content);
    await rename(partial, path);
  }
}

async function fileInfo(path: string, name: string): Promise<object> {
  const { size, mtimeMs, birthtimeMs } = await stat(path);
  return { path: name, size, modified: Math.round(mtimeMs), created: Math.round(birthtimeMs) };
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isTrue(value: string | null): boolean {
  return value?.toLowerCase() === 'true';
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
