import { ALL_SCOPES } from '../../access/index.js';
import type { FlagValue } from '../../config/index.js';
import { EaselError } from '../../core/errors.js';
import { createEasel, type Easel } from '../../easel.js';
import { createHttpServer, isLoopbackName, listen, refusePublicBind } from '../../http/index.js';
import { createLogger } from '../../logger.js';
import { loadCliConfig } from '../configuration.js';
import type { CliIo } from '../io.js';
import type { CommandContext } from '../program.js';
import { untilStopped } from '../stop.js';
import { styleFor } from '../terminal/style.js';
import { plural } from '../terminal/words.js';
import { parsePort } from '../values.js';

export interface ServeOptions {
  readonly port?: string;
  readonly host?: string;
  readonly insecurePublicBind?: boolean;
  readonly json?: boolean;
}

/**
 * `easel serve`: the whole service until a signal. What runs on a ComfyUI then goes on there, and is adopted by the next
 * start.
 */
export async function serveCommand(context: CommandContext, options: ServeOptions): Promise<number> {
  const { io, globals, version } = context;
  // From the first moment on: a signal that comes while things start must end them properly too.
  const stopped = untilStopped(io);
  const { config } = await loadCliConfig(io, globals, flagsOf(options, globals.debug === true));
  const logger = createLogger(config);
  const easel = await createEasel(config, { logger, clock: io.clock });
  try {
    const { host, port } = config.http;
    const insecurePublicBind = options.insecurePublicBind === true;
    const requireKeys = config.http.requireKeys ?? !(isLoopbackName(host) || insecurePublicBind);
    // Looked at before anything starts, so that a refusal leaves nothing behind.
    const isProtected = requireKeys && (await easel.keys.any());
    if (!isLoopbackName(host) && !isProtected && !insecurePublicBind) refusePublicBind(host);
    const firstKey = await offerFirstKey(easel, io);
    await easel.start();
    const app = createHttpServer({ easel, logger, clock: io.clock, requireKeys, version });
    const listening = await listen(app, { host, port, isProtected, insecurePublicBind });
    try {
      const style = styleFor(io.stderr, io.environment, globals.color);
      // For people and scripts alike: the URL is the first line, and the log goes to standard error.
      io.stdout.write(`${listening.url}\n`);
      if (io.stderr.isTTY === true && options.json !== true) {
        const backends = easel.backends.map(({ id }) => id).join(', ');
        io.stderr.write(
          style.dim(
            `Easel ${version} with ${plural(easel.backends.length, 'backend')} (${backends}). Ctrl-C stops it.\n`,
          ),
        );
      }
      if (firstKey !== null) {
        io.stderr.write(`The first key, for programs of yours, shown this once: ${firstKey}\n`);
      }
      const signal = await stopped;
      logger.info({ signal }, 'stopping');
    } finally {
      await listening.close();
    }
  } finally {
    await easel.stop();
  }
  return 0;
}

/**
 * The secret of the first key of this installation, for a person to copy: made once, when somebody sits at the terminal. It
 * goes there and never into a log.
 */
async function offerFirstKey(easel: Easel, io: CliIo): Promise<string | null> {
  if (io.stderr.isTTY !== true || (await easel.keys.list()).length > 0) return null;
  const { secret } = await easel.keys.create({ accountId: 'local', name: 'first', scopes: ALL_SCOPES });
  return secret;
}

function flagsOf({ port, host, json }: ServeOptions, debug: boolean): FlagValue[] {
  if (host?.trim() === '') throw new EaselError('usage_invalid', '--host is empty.');
  return [
    ...(port === undefined ? [] : [{ path: 'http.port', value: parsePort(port, '--port'), flag: '--port' }]),
    ...(host === undefined ? [] : [{ path: 'http.host', value: host, flag: '--host' }]),
    ...(json === true ? [{ path: 'log.pretty', value: false, flag: '--json' }] : []),
    ...(debug ? [{ path: 'log.level', value: 'debug', flag: '--debug' }] : []),
  ];
}
