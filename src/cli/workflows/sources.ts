import { silentLogger } from '../../core/log.js';
import { openSources } from '../../easel.js';
import type { NodeDefinitions } from '../../graph/index.js';
import { type SourceState, Sources } from '../../workflows/index.js';
import type { BackendChoice } from '../configuration.js';
import { table } from '../inspect/text.js';
import { type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { printable } from '../terminal/style.js';
import { plural } from '../terminal/words.js';
import { withChosenBackend, withWorkflowsAnd } from './open.js';
import { pageOf } from './page.js';
import type { Page } from './text.js';

/** `easel workflows sources`: one look at each, as a running Easel takes them again and again. */
export async function refreshSources(
  context: CommandContext,
  source: string | undefined,
  options: Json & BackendChoice,
): Promise<number> {
  // Asked once, and only when there is a file in UI format that is not known yet.
  let asked: Promise<NodeDefinitions> | null = null;
  const definitions = () => {
    asked ??= withChosenBackend(context, options, async (_backend, found) => found);
    return asked;
  };
  const states = await withWorkflowsAnd(context, definitions, async (workflows, { db, config }) => {
    const { clock } = context.io;
    const opened = openSources(config, clock);
    const sources = new Sources({ db, clock, logger: silentLogger, workflows, sources: opened });
    try {
      return await sources.refresh(source);
    } finally {
      await sources.stop();
    }
  });
  if (options.json === true) printJson(context.io, states);
  else print(context.io, sourceLines(states, pageOf(context)));
  return states.some(({ error, faults }) => error !== null || faults.length > 0) ? 3 : 0;
}

function sourceLines(states: readonly SourceState[], { style, columns }: Page): string[] {
  if (states.length === 0) return ['No sources are configured: see workflows.sources in docs/sources.md.'];
  return states.flatMap(({ id, place, count, error, faults }) => [
    `${style.bold(id)}  ${style.dim(printable(place))}  ${plural(count, 'workflow')}`,
    ...(error === null ? [] : [`  ${style.red(error.code)}  ${printable(error.message)}`]),
    ...table(
      faults.map(({ item, code, message }) => [item, code, message]),
      columns,
      style,
    ),
  ]);
}
