import { resolve } from 'node:path';
import { newId } from '../../core/ids.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import type { WorkflowInput, WorkflowVersion } from '../../workflows/index.js';
import { runSource } from '../commands/run.js';
import type { CommandContext } from '../program.js';
import type { RunOptions } from '../run/options.js';
import { parseAssignment } from '../values.js';
import { withChosenBackend, withConfiguredBackend, withWorkflows } from './open.js';

export interface RunWorkflowOptions extends Omit<RunOptions, 'prompt' | 'negative' | 'set' | 'seed' | 'image'> {
  readonly input?: readonly string[];
  readonly at?: string;
}

/** A file of the command line is attached by the run itself; binding only has to know that there is one. */
const PLACEHOLDERS = {
  image: 'image/png',
  mask: 'image/png',
  video: 'video/mp4',
  audio: 'audio/wav',
  file: 'image/png',
};

/**
 * `easel workflows run`: binds the values to a registered workflow and runs it as `easel run` does, in a database of its own:
 * nothing is charged, and no running Easel is needed.
 */
export async function runWorkflow(context: CommandContext, name: string, options: RunWorkflowOptions): Promise<number> {
  const { input = [], at: reference, ...given } = options;
  const rest = await withConfiguredBackend(context, given);
  const prepared = await withWorkflows(context, async (workflows) => {
    const version = await workflows.version(name, reference);
    const read = readInputs(version, input, context.io.cwd);
    const bound = await workflows.prepare({
      workflow: version.workflow,
      version: version.hash,
      inputs: read.inputs,
      accountId: 'cli',
      definitions: () => withChosenBackend(context, rest, async (_backend, definitions) => definitions),
      files: {
        contentTypeOf: async () => null,
        store: async (_bytes, contentType) => ({ mediaId: newId(), contentType }),
      },
    });
    return { ...bound, images: read.images };
  });
  const { version, graph, images } = prepared;
  const workflow = version.uiWorkflow;
  const source = {
    format: 'api' as const,
    graph,
    ...(workflow === null ? {} : { workflow }),
    label: version.workflow,
    name: version.workflow,
    folder: null,
  };
  return runSource(context, { ...rest, image: images }, source);
}

function readInputs(
  { interface: { inputs } }: WorkflowVersion,
  given: readonly string[],
  cwd: string,
): { readonly inputs: JsonObject; readonly images: readonly string[] } {
  const values: JsonObject = {};
  const images: string[] = [];
  for (const text of given) {
    const { name, value } = parseAssignment(text, '--input', '--input name=value, for example --input steps=30');
    const input = inputs.find((candidate) => candidate.name === name);
    if (input?.type === 'file' && input.takes !== 'url') {
      const { node, input: place } = input.targets[0]!;
      images.push(`${node}.${place}=${resolve(cwd, value)}`);
      values[name] = `data:${PLACEHOLDERS[input.media ?? 'file']};base64,AA==`;
    } else values[name] = input === undefined ? value : typed(input, value);
  }
  return { inputs: values, images };
}

/** Text of the command line in the type of the input; what does not fit stays a text, and is refused as such. */
function typed({ type, choices = [] }: WorkflowInput, text: string): JsonValue {
  switch (type) {
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'choice':
      return choices.find((choice) => String(choice) === text) ?? text;
    default:
      return text;
  }
}
