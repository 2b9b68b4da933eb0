import type { Backend } from '../../backends/index.js';
import type { Config } from '../../config/index.js';
import { definedOnly } from '../../core/objects.js';
import type { Db } from '../../db/index.js';
import type { NodeDefinitions } from '../../graph/index.js';
import { Workflows } from '../../workflows/index.js';
import { askBackend, withBackend } from '../backend.js';
import { type BackendChoice, loadCliConfig, loadPrivateConfig } from '../configuration.js';
import { withDatabase } from '../open.js';
import type { CommandContext } from '../program.js';
import { Workspace } from '../workspace.js';

/** Works on the workflows in the configured database, beside a running Easel or without one. */
export function withWorkflows<T>(context: CommandContext, work: (workflows: Workflows) => Promise<T>): Promise<T> {
  return withWorkflowsAnd(context, undefined, work);
}

/** As `withWorkflows`, for what also needs the configuration and the database itself. */
export function withWorkflowsAnd<T>(
  context: CommandContext,
  definitions: (() => Promise<NodeDefinitions>) | undefined,
  work: (workflows: Workflows, parts: { readonly db: Db; readonly config: Config }) => Promise<T>,
): Promise<T> {
  const { clock } = context.io;
  return withDatabase(context, (db, config) =>
    work(new Workflows({ db, clock, ...definedOnly({ definitions }) }), { db, config }),
  );
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
