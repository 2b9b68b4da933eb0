import { resolve } from 'node:path';
import type { Config } from '../../config/index.js';
import { EaselError } from '../../core/errors.js';
import { isJsonObject } from '../../core/json.js';
import { silentLogger } from '../../core/log.js';
import { createCoreNodes, EmbeddedEngine, type EngineVersion } from '../../embedded/index.js';
import { loadCliConfig } from '../configuration.js';
import type { CliIo } from '../io.js';
import type { CommandContext } from '../program.js';
import { readFileBounded } from '../source.js';
import { untilStopped } from '../stop.js';
import { styleFor } from '../terminal/style.js';
import { parsePort, parseWholeNumber, usage } from '../values.js';
import { Workspace } from '../workspace.js';

export interface EngineOptions {
  readonly port: string;
  readonly host: string;
  readonly data?: string;
  readonly models?: string;
  readonly stepMs?: string;
  readonly release?: string;
  readonly control?: boolean;
}

const RELEASES: readonly EngineVersion[] = ['0.8.0', '0.3.64'];
const MAX_MODELS_BYTES = 16 * 1024 * 1024;

/** `easel engine`: the built-in engine as a server, until a signal. */
export async function engineCommand(context: CommandContext, options: EngineOptions): Promise<number> {
  const { io, globals } = context;
  const port = parsePort(options.port, '--port');
  // Before the URL is told: whoever reads it may stop us at once.
  const stopped = untilStopped(io);
  const { config } = await loadCliConfig(io, globals);
  const rehearsal = await rehearsalOf(options, config, io);
  const version = releaseOf(options, config);
  const logger =
    globals.debug === true
      ? (await import('../../logger.js')).createLogger({ ...config, log: { ...config.log, level: 'debug' } })
      : silentLogger;
  const workspace = options.data === undefined ? await Workspace.create() : null;
  try {
    const engine = new EmbeddedEngine({
      nodes: createCoreNodes({ rehearsal, profile: version }),
      dataDir: resolve(io.cwd, options.data ?? workspace?.path ?? '.'),
      version,
      host: options.host,
      port,
      rehearsal,
      logger,
      control: options.control ?? false,
    });
    const url = await listening(engine, options);
    // The first line is for programs, so it is the URL alone.
    io.stdout.write(`${url}\n`);
    const style = styleFor(io.stderr, io.environment, globals.color);
    if (io.stderr.isTTY === true) {
      io.stderr.write(style.dim(`Speaks as ComfyUI ${version} does. Models are rehearsed. Ctrl-C stops it.\n`));
    }
    try {
      await stopped;
    } finally {
      await engine.close();
    }
    return 0;
  } finally {
    await workspace?.remove();
  }
}

async function listening(engine: EmbeddedEngine, { host, port }: EngineOptions): Promise<string> {
  try {
    return (await engine.start()).url;
  } catch (error) {
    throw listenError(error, host, port);
  }
}

/** An address that cannot be listened on is the user's choice to correct. Anything else is thrown as it is. */
function listenError(error: unknown, host: string, port: string | number): unknown {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'something else listens there already',
    EACCES: 'that is not allowed',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ENOTFOUND: 'the host name is unknown',
    EAI_AGAIN: 'the host name could not be looked up',
  };
  const reason = reasons[(error as NodeJS.ErrnoException)?.code ?? ''];
  if (reason === undefined) return error;
  return new EaselError('usage_invalid', `Cannot listen on ${host}:${port}: ${reason}.`, {
    hint: 'Choose another --port or --host; --port 0 takes any free port.',
    cause: error,
  });
}

async function rehearsalOf(options: EngineOptions, config: Config, io: CliIo) {
  const { version: _, ...configured } = config.embedded;
  return {
    ...configured,
    ...(options.stepMs === undefined ? {} : { stepMs: parseWholeNumber(options.stepMs, '--step-ms') }),
    ...(options.models === undefined ? {} : { models: await readModels(options.models, io) }),
  };
}

function releaseOf({ release }: EngineOptions, config: Config): EngineVersion {
  if (release === undefined) return config.embedded.version;
  const known = RELEASES.find((version) => version === release);
  if (known === undefined)
    throw usage(`--release: "${release}" cannot be played.`, `There are ${RELEASES.join(' and ')}.`);
  return known;
}

/** `{ "checkpoints": ["a.safetensors"], "loras": [] }` */
async function readModels(file: string, io: CliIo): Promise<Readonly<Record<string, readonly string[]>>> {
  const text = (await readFileBounded(resolve(io.cwd, file), file, MAX_MODELS_BYTES)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const isList = (list: unknown) => Array.isArray(list) && list.every((name) => typeof name === 'string');
  if (!isJsonObject(value) || !Object.values(value).every(isList)) {
    throw new EaselError('request_invalid', `${file} is not a JSON object of lists of names.`, {
      hint: 'Write for example { "checkpoints": ["a.safetensors"], "loras": [] }.',
    });
  }
  return value as Record<string, string[]>;
}
