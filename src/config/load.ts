import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expectation, parseText, readEnvironment } from './environment.js';
import { readConfigFile } from './file.js';
import { configError, type Origin, type Problem, problemsOf } from './problems.js';
import { type Config, type ConfigInput, configSchema } from './schema.js';
import { sourceProblems } from './sections/workflows.js';
import { listSettings, type Setting } from './settings.js';

/**
 * One configuration out of four sources, later ones over earlier ones: defaults, file, environment, flags. This is the only
 * place of Easel that reads the environment.
 */
export interface LoadConfigOptions {
  /** Where to look for the file, and what relative paths of the environment and of flags refer to. */
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A configuration file to use instead of the one in `cwd`. EASEL_CONFIG does the same. */
  readonly file?: string;
  /** What the command line says. */
  readonly flags?: readonly FlagValue[];
}

export interface FlagValue {
  /** `http.port` */
  readonly path: string;
  /** Text is read as from an environment variable; anything else is taken as it is. */
  readonly value: unknown;
  /** As the user wrote it, for messages: `--port`. */
  readonly flag: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each setting came from, by path. What is not in it is a default. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The configuration file, when there was one. */
  readonly file: string | null;
}

/** Throws ConfigError `config_invalid` that names every problem and where it was written. */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const cwd = options.cwd ?? process.cwd();
  const environment = options.environment ?? process.env;
  const file = await readConfigFile(cwd, options.file ?? (environment['EASEL_CONFIG'] || undefined));
  const settings = listSettings();
  const draft = new Draft(settings, cwd, environment['COMFY_DEPLOY_API_KEY'] || undefined);
  if (file) draft.addObject(file.values, { source: 'file', name: file.path }, dirname(file.path));
  const { given, problems } = readEnvironment(settings, environment);
  for (const { setting, value, variable } of given)
    draft.set(setting, value, { source: 'environment', name: variable });
  for (const { path, value, flag } of options.flags ?? []) {
    const origin = { source: 'flag', name: flag } as const;
    const setting = settings.find((candidate) => candidate.path === path);
    if (!setting) throw new TypeError(`The flag ${flag} sets "${path}", which is not a setting.`);
    const parsed = typeof value === 'string' ? parseText(value, setting.schema) : value;
    if (parsed === undefined) problems.push({ path, origin, message: expectation(setting.schema) });
    else draft.set(setting, parsed, origin);
  }
  return { ...draft.finish(problems), file: file?.path ?? null };
}

/** A configuration out of an object in code, with defaults for the rest. Reads no file and no environment. */
export function parseConfig(input: ConfigInput, options: { readonly cwd?: string } = {}): Config {
  const cwd = options.cwd ?? process.cwd();
  const draft = new Draft(listSettings(), cwd);
  draft.addObject(input as Record<string, unknown>, { source: 'code', name: '' }, cwd);
  return draft.finish([]).config;
}

/** For `easel.config.ts` and `.mjs`: gives editors the types. */
export function defineConfig(input: ConfigInput): ConfigInput {
  return input;
}

type Tree = Record<string, unknown>;

class Draft {
  readonly #settings: readonly Setting[];
  readonly #cwd: string;
  readonly #deployKey: string | undefined;
  readonly #values: Tree = {};
  readonly #origins = new Map<string, Origin>();
  /** Of the file, to tell where an unknown name was written. */
  #objectOrigin: Origin = { source: 'default', name: '' };
  #objectFolder: string;

  constructor(settings: readonly Setting[], cwd: string, deployKey?: string) {
    this.#settings = settings;
    this.#cwd = cwd;
    this.#deployKey = deployKey;
    this.#objectFolder = cwd;
  }

  addObject(values: Readonly<Tree>, origin: Origin, folder: string): void {
    this.#objectOrigin = origin;
    this.#objectFolder = folder;
    Object.assign(this.#values, structuredClone(values));
    for (const { path } of this.#settings)
      if (valueAt(this.#values, path) !== undefined) this.#origins.set(path, origin);
  }

  set(setting: Setting, value: unknown, origin: Origin): void {
    const path = setting.path.split('.');
    const name = path.pop()!;
    let section = this.#values;
    for (const step of path) {
      const next = section[step];
      // A section that is not an object is reported, not repaired.
      if (next !== undefined && !isTree(next)) return;
      section[step] = next ?? {};
      section = section[step] as Tree;
    }
    section[name] = value;
    this.#origins.set(setting.path, origin);
  }

  finish(problems: readonly Problem[]): { readonly config: Config; readonly origins: ReadonlyMap<string, Origin> } {
    const backends = this.#values['backends'];
    if (Array.isArray(backends))
      this.#values['backends'] = backends.map((one) => withDeployKey(expandBackend(one), this.#deployKey));
    const parsed = configSchema.safeParse(this.#values);
    const all = [...problems];
    if (!parsed.success) all.push(...problemsOf(parsed.error.issues, (path) => this.#originAt(path)));
    else {
      const { backends: given, workflows } = parsed.data;
      const found = sourceProblems(workflows.sources, given);
      all.push(...this.#duplicateBackends(given));
      all.push(...found.map(({ path, message }) => ({ path, message, origin: this.#originAt(path) })));
    }
    if (!parsed.success || all.length > 0) throw configError(all);

    const { data } = parsed;
    const dataDir = resolve(this.#folderOf('dataDir'), data.dataDir);
    const config = {
      ...data,
      dataDir,
      databaseUrl: this.#databaseUrl(data.databaseUrl, dataDir),
      workflows: {
        ...data.workflows,
        sources: data.workflows.sources.map((source) =>
          source.kind === 'folder'
            ? { ...source, path: resolve(this.#folderOf('workflows.sources'), source.path) }
            : source,
        ),
      },
      nodeId: data.nodeId ?? randomBytes(6).toString('hex'),
      backends: data.backends.map((backend, index) =>
        backend.kind === 'comfyui' && backend.tls ? { ...backend, tls: this.#readPem(backend.tls, index) } : backend,
      ),
    };
    return { config: deepFreeze(config) as Config, origins: this.#origins };
  }

  #originAt(path: string): Origin {
    const setting = this.#settings.find(
      (candidate) =>
        path === candidate.path || (/^[.[]/.test(path.slice(candidate.path.length)) && path.startsWith(candidate.path)),
    );
    return (setting && this.#origins.get(setting.path)) ?? this.#objectOrigin;
  }

  #folderOf(path: string): string {
    return this.#origins.get(path)?.source === 'file' ? this.#objectFolder : this.#cwd;
  }

  #databaseUrl(url: string | undefined, dataDir: string): string {
    if (url === undefined) return `sqlite:${join(dataDir, 'easel.db')}`;
    const [, scheme, path] = /^(sqlite:|file:)(?!\/)(.+)$/.exec(url) ?? [];
    // `:memory:` is not a path; the database room refuses it with a reason.
    if (scheme === undefined || path === undefined || path === ':memory:') return url;
    return `${scheme}${resolve(this.#folderOf('databaseUrl'), path)}`;
  }

  #duplicateBackends(backends: readonly { readonly id: string }[]): Problem[] {
    const ids = backends.map(({ id }) => id);
    return ids.flatMap((id, index) => {
      if (ids.indexOf(id) === index) return [];
      const path = `backends[${index}].id`;
      return [{ path, origin: this.#originAt(path), message: `"${id}" is the id of another backend too.` }];
    });
  }

  #readPem<
    T extends {
      readonly ca?: string | undefined;
      readonly cert?: string | undefined;
      readonly key?: string | undefined;
    },
  >(tls: T, index: number): T {
    const read = (name: 'ca' | 'cert' | 'key') => {
      const value = tls[name];
      if (value === undefined || value.includes('-----BEGIN')) return {};
      try {
        return { [name]: readFileSync(resolve(this.#folderOf('backends'), value), 'utf8') };
      } catch (error) {
        const path = `backends[${index}].tls.${name}`;
        const reason = error instanceof Error ? error.message : String(error);
        throw configError([{ path, origin: this.#originAt(path), message: `the file cannot be read: ${reason}.` }]);
      }
    };
    return { ...tls, ...read('ca'), ...read('cert'), ...read('key') };
  }
}

/** A backend that is given by its URL, or by the word `embedded` or `comfydeploy`. */
function expandBackend(backend: unknown): unknown {
  if (typeof backend !== 'string') return backend;
  if (backend === 'embedded' || backend === 'comfydeploy') return { id: backend, kind: backend };
  const host = URL.canParse(backend) ? new URL(backend).host : 'backend';
  return { id: host.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, ''), kind: 'comfyui', url: backend };
}

/** The variable that ComfyDeploy's own tools read too. */
function withDeployKey(backend: unknown, apiKey: string | undefined): unknown {
  if (apiKey === undefined || !isTree(backend) || backend['kind'] !== 'comfydeploy') return backend;
  return { apiKey, ...backend };
}

function valueAt(tree: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, name) => (isTree(value) ? value[name] : undefined), tree);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
