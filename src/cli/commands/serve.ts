import type { FlagValue } from '../../config/index.js';
import { EaselError } from '../../core/errors.js';
import { createEasel } from '../../easel.js';
import { createHttpServer, listen } from '../../http/index.js';
import { createLogger } from '../../logger.js';
import { loadCliConfig } from '../configuration.js';
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
    await easel.start();
    const app = createHttpServer({ easel, logger, clock: io.clock });
    const { host, port } = config.http;
    const listening = await listen(app, {
      host,
      port,
      insecurePublicBind: options.insecurePublicBind === true,
    });
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

function flagsOf({ port, host, json }: ServeOptions, debug: boolean): FlagValue[] {
  if (host?.trim() === '') throw new EaselError('usage_invalid', '--host is empty.');
  return [
    ...(port === undefined ? [] : [{ path: 'http.port', value: parsePort(port, '--port'), flag: '--port' }]),
    ...(host === undefined ? [] : [{ path: 'http.host', value: host, flag: '--host' }]),
    ...(json === true ? [{ path: 'log.pretty', value: false, flag: '--json' }] : []),
    ...(debug ? [{ path: 'log.level', value: 'debug', flag: '--debug' }] : []),
  ];
}
