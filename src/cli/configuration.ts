import type { BackendConfig, FlagValue, LoadedConfig } from '../config/index.js';
import type { CliIo, Environment } from './io.js';
import { parseHeader, usage } from './values.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly debug?: boolean;
  /** False for `--no-color`. */
  readonly color?: boolean;
}

/** Throws ConfigError `config_invalid`. */
export async function loadCliConfig(
  io: CliIo,
  globals: GlobalOptions,
  flags: readonly FlagValue[] = [],
): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/index.js');
  return loadConfig({
    cwd: io.cwd,
    environment: io.environment,
    flags,
    ...(globals.config === undefined ? {} : { file: globals.config }),
  });
}

/**
 * Configuration of a command that works for itself: settings as usual, but a private folder and database, and the one
 * backend of the command line.
 */
export async function loadPrivateConfig(
  io: CliIo,
  globals: GlobalOptions,
  choice: BackendChoice,
  dataDir: string,
): Promise<{ readonly loaded: LoadedConfig; readonly backend: BackendConfig }> {
  const general = await loadCliConfig(io, globals);
  const backend = chooseBackend(choice, general.config.backends, io.environment);
  const loaded = await loadCliConfig(io, globals, [
    { path: 'backends', value: [backend], flag: '--backend' },
    { path: 'dataDir', value: dataDir, flag: 'the folder of this command' },
    { path: 'databaseUrl', value: `sqlite:${dataDir}/easel.db`, flag: 'the database of this command' },
    // Nobody has points in a private database.
    { path: 'points.enabled', value: false, flag: 'the database of this command' },
  ]);
  return { loaded, backend: loaded.config.backends[0] ?? backend };
}

export interface BackendChoice {
  /** A URL, the id of a configured backend, or `embedded`, which is also meant by nothing. */
  readonly backend?: string;
  /** `Name: value`, for a ComfyUI. */
  readonly header?: readonly string[];
}

/** Sent as a bearer token to the ComfyUI of `--backend`: a token among the arguments could be read by every user. */
const TOKEN_VARIABLE = 'EASEL_BACKEND_TOKEN';

/** Throws `usage_invalid`. */
export function chooseBackend(
  choice: BackendChoice,
  configured: readonly BackendConfig[],
  environment: Environment,
): BackendConfig {
  const headers = Object.fromEntries(
    (choice.header ?? []).map((text) => {
      const { name, value } = parseHeader(text, '--header');
      return [name, value];
    }),
  );
  const backend = findBackend(choice.backend, configured);
  if (backend.kind === 'embedded') {
    if (choice.header === undefined || choice.header.length === 0) return backend;
    throw usage('--header is for a ComfyUI server, and there is none.', 'Name it with --backend URL.');
  }
  if (backend.kind === 'comfydeploy')
    throw usage(
      `The backend "${backend.id}" is ComfyDeploy, which runs deployments and no files.`,
      'Name another one with --backend.',
    );
  const token = environment[TOKEN_VARIABLE];
  const all = { ...backend.headers, ...headers };
  const isAuthorized =
    backend.auth !== undefined || Object.keys(all).some((name) => name.toLowerCase() === 'authorization');
  return {
    ...backend,
    ...(Object.keys(all).length === 0 ? {} : { headers: all }),
    ...(token && !isAuthorized ? { auth: { type: 'bearer', token } } : {}),
  };
}

function findBackend(choice: string | undefined, configured: readonly BackendConfig[]): BackendConfig {
  const named = configured.find(({ id }) => id === choice);
  if (named !== undefined) return named;
  if (choice === undefined || choice === 'embedded') return { id: 'embedded', kind: 'embedded', concurrency: 1 };
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(choice) ? choice : `http://${choice}`;
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // A bare word is more likely the misspelt id of a backend than a host.
  const isHost = parsed !== null && /[.:/]|^localhost$/i.test(choice);
  if (parsed === null || !isHost || !/^https?:$/.test(parsed.protocol)) {
    const known = configured.map(({ id }) => `"${id}"`).join(', ');
    // The text itself is not repeated: a URL may hold a password.
    throw usage(
      '--backend is neither an http or https URL nor the id of a configured backend.',
      `Give for example http://127.0.0.1:8188${known === '' ? '' : `, or one of ${known}`}.`,
    );
  }
  return { id: idOf(parsed), kind: 'comfyui', url, concurrency: 1 };
}

function idOf(url: URL): string {
  return url.host.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'backend';
}
