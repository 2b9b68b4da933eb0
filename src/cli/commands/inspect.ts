import { stringifyLossless } from '../../core/json.js';
import { askBackend, backendLabel, withBackend } from '../backend.js';
import { type BackendChoice, loadPrivateConfig } from '../configuration.js';
import { inspectWorkflow } from '../inspect/report.js';
import { inspectText } from '../inspect/text.js';
import type { CommandContext } from '../program.js';
import { readWorkflowSource } from '../source.js';
import { styleFor } from '../terminal/style.js';
import { Workspace } from '../workspace.js';

export interface InspectOptions extends BackendChoice {
  readonly json?: boolean;
}

/** `easel inspect`: tells, and runs nothing. What a backend lacks is an answer here, not a failure. */
export async function inspectCommand(context: CommandContext, options: InspectOptions, file: string): Promise<number> {
  const { io, globals } = context;
  const source = await readWorkflowSource(file, io);
  const workspace = await Workspace.create();
  try {
    const { loaded } = await loadPrivateConfig(io, globals, options, workspace.path);
    await withBackend(loaded.config, async (backend) => {
      const { capabilities } = await askBackend(backend);
      const report = inspectWorkflow(source, backend, capabilities);
      if (options.json === true) {
        io.stdout.write(`${stringifyLossless(report, 2)}\n`);
        return;
      }
      const style = styleFor(io.stdout, io.environment, globals.color);
      const columns = io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : 160;
      io.stdout.write(
        inspectText(report, {
          style,
          columns,
          backendLabel: backendLabel(backend),
        }),
      );
    });
    return 0;
  } finally {
    await workspace.remove();
  }
}
