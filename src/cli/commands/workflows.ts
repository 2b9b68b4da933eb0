import { definedOnly } from '../../core/objects.js';
import { checkAvailability, DEFAULT_LABEL } from '../../workflows/index.js';
import { backendLabel } from '../backend.js';
import type { BackendChoice } from '../configuration.js';
import { type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { usage } from '../values.js';
import { withChosenBackend, withWorkflows } from '../workflows/open.js';
import { pageOf } from '../workflows/page.js';
import { availabilityLines, diffLines, showLines, versionName, versionRows, workflowRows } from '../workflows/text.js';

export { addWorkflow as add } from '../workflows/add.js';
export { runWorkflow as run } from '../workflows/run.js';
export { refreshSources as sources } from '../workflows/sources.js';

/** `easel workflows …`: works on the database itself, beside a running Easel or without one. */
export async function list(context: CommandContext, options: Json & { readonly type?: string }): Promise<number> {
  const { type } = options;
  const found = await withWorkflows(context, (workflows) => workflows.all(definedOnly({ type })));
  if (options.json === true) return printJson(context.io, found);
  return print(context.io, workflowRows(found, pageOf(context)));
}

export async function show(
  context: CommandContext,
  name: string,
  options: Json & { readonly at?: string },
): Promise<number> {
  const { workflow, version, deployments } = await withWorkflows(context, async (workflows) => ({
    workflow: await workflows.get(name),
    version: await workflows.version(name, options.at),
    deployments: await workflows.deployments.list({ workflow: name }),
  }));
  if (options.json === true) return printJson(context.io, { workflow, version, deployments });
  return print(context.io, showLines(workflow, version, deployments, pageOf(context)));
}

export async function versions(context: CommandContext, name: string, options: Json): Promise<number> {
  const found = await withWorkflows(context, (workflows) => workflows.versions(name));
  if (options.json === true) return printJson(context.io, found);
  return print(context.io, versionRows(found, pageOf(context)));
}

export async function select(
  context: CommandContext,
  type: string,
  options: Json & { readonly context: string; readonly prefer?: string },
): Promise<number> {
  const found = await withWorkflows(context, (workflows) =>
    workflows.select(type, { context: options.context, preference: options.prefer }),
  );
  if (options.json === true) return printJson(context.io, found);
  const others = found.reason.considered.filter(({ verdict }) => verdict !== 'chosen');
  return print(context.io, [
    found.sentence,
    ...others.map(
      ({ deploymentId, workflow, verdict, state }) => `  not ${deploymentId} (${workflow}): ${verdict}, ${state}`,
    ),
  ]);
}

/** Without versions: from the one that requests take to the latest. */
export async function diff(
  context: CommandContext,
  name: string,
  [from, to = 'latest']: readonly (string | undefined)[],
  options: Json,
): Promise<number> {
  const found = await withWorkflows(context, async (workflows) =>
    workflows.diff(name, from ?? String((await workflows.version(name)).number), to),
  );
  if (options.json === true) return printJson(context.io, found);
  return print(context.io, diffLines(found, pageOf(context)));
}

export async function label(
  context: CommandContext,
  name: string,
  [word, version]: readonly [string, string | undefined],
  options: { readonly remove?: boolean },
): Promise<number> {
  if (options.remove === true) {
    await withWorkflows(context, (workflows) => workflows.labels.remove(name, word));
    return print(context.io, [`${word} is taken away from ${name}.`]);
  }
  if (version === undefined) {
    throw usage('The version is missing.', `Write easel workflows label ${name} ${word} latest, or --remove.`);
  }
  const now = await withWorkflows(context, async (workflows) => {
    await workflows.labels.set(name, word, version);
    return workflows.version(name, word);
  });
  return print(context.io, [`${word} of ${now.workflow} is ${versionName(now)}.`]);
}

export async function rollback(context: CommandContext, name: string, word = DEFAULT_LABEL): Promise<number> {
  const now = await withWorkflows(context, async (workflows) => {
    await workflows.labels.rollback(name, word);
    return workflows.version(name, word);
  });
  return print(context.io, [`${word} of ${now.workflow} is back at ${versionName(now)}.`]);
}

export async function setEnabled(context: CommandContext, name: string, enabled: boolean): Promise<number> {
  const workflow = await withWorkflows(context, (workflows) => workflows.setEnabled(name, enabled));
  return print(context.io, [`${workflow.name} is ${enabled ? 'on' : 'off'}.`]);
}

export async function remove(context: CommandContext, name: string): Promise<number> {
  await withWorkflows(context, (workflows) => workflows.remove(name));
  return print(context.io, [`${name} is removed.`]);
}

/** Exit code 3 when something is missing. */
export async function check(
  context: CommandContext,
  name: string,
  options: Json & BackendChoice & { readonly at?: string },
): Promise<number> {
  const version = await withWorkflows(context, (workflows) => workflows.version(name, options.at));
  return withChosenBackend(context, options, async (backend, definitions) => {
    const found = checkAvailability(version, definitions);
    if (options.json === true) printJson(context.io, { backend: backend.id, ...found });
    else print(context.io, availabilityLines(backendLabel(backend), found, pageOf(context)));
    return found.ok ? 0 : 3;
  });
}
