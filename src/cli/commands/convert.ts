import { resolve } from 'node:path';
import { stringifyLossless } from '../../core/json.js';
import type { NodeDefinitions } from '../../graph/index.js';
import { askBackend, withBackend } from '../backend.js';
import { type BackendChoice, loadPrivateConfig } from '../configuration.js';
import { graphOf, readDefinitions } from '../definitions.js';
import { writeWhole } from '../files.js';
import type { CommandContext } from '../program.js';
import { readWorkflowSource } from '../source.js';
import { printable, styleFor } from '../terminal/style.js';
import { usage } from '../values.js';
import { Workspace } from '../workspace.js';

export interface ConvertOptions extends BackendChoice {
  readonly objectInfo?: string;
  readonly out?: string;
}

/** `easel convert`: the API-format graph on standard output, remarks on standard error. */
export async function convertCommand(context: CommandContext, options: ConvertOptions, file: string): Promise<number> {
  const { io, globals } = context;
  if (options.objectInfo !== undefined && options.backend !== undefined) {
    throw usage('--object-info and --backend both say where node definitions come from.', 'Give one of them.');
  }
  const source = await readWorkflowSource(file, io);
  const definitions =
    source.graph !== undefined
      ? {}
      : options.objectInfo === undefined
        ? await askForDefinitions(context, options)
        : await readDefinitions(options.objectInfo, io);
  const { graph, warnings } = graphOf(source, definitions);
  const style = styleFor(io.stderr, io.environment, globals.color);
  for (const warning of warnings) io.stderr.write(`${style.yellow('warning:')} ${printable(warning)}\n`);
  const text = `${stringifyLossless(graph, 2)}\n`;
  if (options.out === undefined || options.out === '-') io.stdout.write(text);
  else await writeWhole(text, [resolve(io.cwd, options.out)], { replace: true });
  return 0;
}

async function askForDefinitions(context: CommandContext, options: BackendChoice): Promise<NodeDefinitions> {
  const workspace = await Workspace.create();
  try {
    const { loaded } = await loadPrivateConfig(context.io, context.globals, options, workspace.path);
    return await withBackend(loaded.config, async (backend) => {
      const { capabilities } = await askBackend(backend);
      return capabilities.nodeDefinitions;
    });
  } finally {
    await workspace.remove();
  }
}
