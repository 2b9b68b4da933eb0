import type { Backend } from '../../backends/index.js';
import type { Config } from '../../config/index.js';
import { stringifyLossless } from '../../core/json.js';
import { silentLogger } from '../../core/log.js';
import { definedOnly } from '../../core/objects.js';
import { type Db, migrate, openDatabase } from '../../db/index.js';
import type { NodeDefinitions } from '../../graph/index.js';
import { Workflows } from '../../workflows/index.js';
import { askBackend, withBackend } from '../backend.js';
import { type BackendChoice, loadCliConfig, loadPrivateConfig } from '../configuration.js';
import type { CliIo } from '../io.js';
import type { CommandContext } from '../program.js';
import { Workspace } from '../workspace.js';

export interface Json {
  readonly json?: boolean;
}

/** Works on the workflows in the configured database, beside a running Easel or without one. */
export function withWorkflows<T>(context: CommandContext, work: (workflows: Workflows) => Promise<T>): Promise<T> {
  return withWorkflowsAnd(context, undefined, work);
}

/** As `withWorkflows`, for what also needs the configuration and the database itself. */
export async function withWorkflowsAnd<T>(
  { io, globals }: CommandContext,
  definitions: (() => Promise<NodeDefinitions>) | undefined,
  work: (workflows: Workflows, parts: { readonly db: Db; readonly config: Config }) => Promise<T>,
): Promise<T> {
  const { config } = await loadCliConfig(io, globals);
  const db = await openDatabase({ url: config.databaseUrl, logger: silentLogger, clock: io.clock, poolSize: 2 });
  try {
    await migrate(db);
    return await work(new Workflows({ db, clock: io.clock, ...definedOnly({ definitions }) }), { db, config });
  } finally {
    await db.close();
  }
}

/** The first backend that is configured, where the command line names none. */
export async function withConfiguredBackend<T extends BackendChoice>(
  { io, globals }: CommandContext,
  choice: T,
): Promise<T & BackendChoice> {
  if (choice.backend !== undefined) return choice;
  const [first] = (await loadCliConfig(io, globals)).config.backends;
  return first === undefined ? choice : { ...choice, backend: first.id };
}

/** Opens one backend to ask it: the one of `--backend`, or else the first that is configured. */
export async function withChosenBackend<T>(
  context: CommandContext,
  choice: BackendChoice,
  ask: (backend: Backend, definitions: NodeDefinitions) => Promise<T>,
): Promise<T> {
  const workspace = await Workspace.create();
  try {
    const chosen = await withConfiguredBackend(context, choice);
    const { loaded } = await loadPrivateConfig(context.io, context.globals, chosen, workspace.path);
    return await withBackend(loaded.config, async (backend) => {
      const { capabilities } = await askBackend(backend);
      return ask(backend, capabilities.nodeDefinitions);
    });
  } finally {
    await workspace.remove();
  }
}

export function print(io: CliIo, lines: readonly string[]): number {
  io.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

export function printJson(io: CliIo, value: unknown): number {
  io.stdout.write(`${stringifyLossless(value, 2)}\n`);
  return 0;
}
