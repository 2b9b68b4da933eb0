import { describeConfig, formatConfig } from '../../config/index.js';
import { stringifyLossless } from '../../core/json.js';
import { loadCliConfig } from '../configuration.js';
import type { CommandContext } from '../program.js';

/** `easel config` */
export async function configCommand(
  { io, globals }: CommandContext,
  options: { readonly json?: boolean },
): Promise<number> {
  const loaded = await loadCliConfig(io, globals);
  if (options.json === true) {
    const settings = describeConfig(loaded).map(({ path, value, origin }) => ({
      path,
      value: value ?? null,
      source: origin.source,
      ...(origin.name === '' ? {} : { from: origin.name }),
    }));
    io.stdout.write(`${stringifyLossless({ file: loaded.file, settings }, 2)}\n`);
    return 0;
  }
  io.stdout.write(`${formatConfig(loaded)}\n`);
  return 0;
}
