import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Backend, BackendCapabilities } from '../../backends/index.js';
import type { Config } from '../../config/index.js';
import { EaselError } from '../../core/errors.js';
import { definedOnly } from '../../core/objects.js';
import type { Attachment, GenerationRequest, Generations } from '../../generations/index.js';
import {
  convertUiToApi,
  type Graph,
  type GraphChange,
  graphNodeLabel,
  type NodeDefinitions,
  type UiWorkflow,
} from '../../graph/index.js';
import { requireRunnable, withNearestClass } from '../availability.js';
import { graphOf } from '../definitions.js';
import type { WorkflowSource } from '../source.js';
import { alignWorkflow } from './align-workflow.js';
import { bindValues, seedsOf } from './bind.js';
import { type FileToAttach, planLoaders, requireBackendFiles } from './loaders.js';
import type { RunRequest } from './options.js';
import type { SeedReport } from './report.js';

/** A workflow made ready for one backend: converted, filled in, and checked against what the backend has. */
export interface PreparedRun {
  readonly graph: Graph;
  /** To be embedded in the outputs. */
  readonly workflow: UiWorkflow | null;
  readonly files: readonly FileToAttach[];
  readonly seeds: readonly SeedReport[];
  readonly warnings: readonly string[];
}

export interface PrepareContext {
  readonly source: WorkflowSource;
  readonly request: RunRequest;
  readonly backend: Pick<Backend, 'kind'>;
  readonly capabilities: Pick<BackendCapabilities, 'nodeDefinitions'>;
  readonly config: Pick<Config, 'embedded'>;
  readonly cwd: string;
}

/** Throws GraphError and what is said of the backend by `requireRunnable`. */
export async function prepareRun(context: PrepareContext): Promise<PreparedRun> {
  const { source, request, capabilities, cwd } = context;
  const definitions = capabilities.nodeDefinitions;
  const warnings: string[] = [];
  const converted = readGraph(source, definitions);
  warnings.push(...converted.warnings);
  const { graph, changes } = bindValues(converted.graph, request.bind, definitions);
  requireRunnable(graph, definitions);
  const loaders = await planLoaders(graph, definitions, { images: request.images, cwd, folder: source.folder });
  if (context.backend.kind === 'embedded' && context.config.embedded.standInImages) {
    for (const { nodeId, value } of loaders.left) {
      const node = graph[nodeId];
      if (node === undefined || !/image/i.test(node.class_type)) continue;
      const label = graphNodeLabel(nodeId, node);
      warnings.push(
        `"${value}" is not there: ${label} gets a stand-in picture. Give the file with --image ${nodeId}=PATH.`,
      );
    }
  } else requireBackendFiles(loaders, graph, definitions);
  const embedded = embeddedWorkflow(source, changes, definitions);
  return {
    graph,
    workflow: embedded.workflow,
    files: loaders.attach,
    seeds: seedsOf(graph, definitions),
    warnings: [...warnings, ...embedded.warnings],
  };
}

function readGraph(source: WorkflowSource, definitions: NodeDefinitions): ReturnType<typeof graphOf> {
  try {
    return graphOf(source, definitions);
  } catch (error) {
    throw withNearestClass(error);
  }
}

/** The UI workflow of the source, with the values of the command line in it. */
function embeddedWorkflow(
  { workflow }: WorkflowSource,
  changes: readonly GraphChange[],
  definitions: NodeDefinitions,
): { readonly workflow: UiWorkflow | null; readonly warnings: readonly string[] } {
  if (workflow === undefined) return { workflow: null, warnings: [] };
  if (changes.length === 0) return { workflow, warnings: [] };
  // Alternatives in braces and dates must come out the same every time, or no two conversions could be compared.
  const steady = { random: () => 0, now: () => new Date(0) };
  const convert = (candidate: UiWorkflow) => convertUiToApi(candidate, definitions, steady).graph;
  let base: Graph;
  try {
    base = convert(workflow);
  } catch {
    // A picture's graph runs although its workflow cannot be converted here; then it stays as it is.
    return { workflow, warnings: [] };
  }
  const values = changes.flatMap(({ nodeId, input, to }) => {
    const before = base[nodeId]?.inputs[input];
    return before === undefined ? [] : [{ nodeId, input, before, after: to }];
  });
  const { workflow: aligned, left } = alignWorkflow(workflow, base, values, convert);
  const warnings = left.map(
    ({ nodeId, input }) =>
      `The workflow embedded in the outputs keeps the old value of ${nodeId}.${input}; their graph has the new one.`,
  );
  return { workflow: aligned, warnings };
}

/** Stores the files that the graph reads, for the backend to be given them. Throws what `Generations.attach` throws. */
export async function attachFiles(
  generations: Pick<Generations, 'attach'>,
  accountId: string,
  files: readonly FileToAttach[],
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Attachment[]> {
  const attachments: Attachment[] = [];
  for (const { nodeId, input, path, mediaKind } of files) {
    const { mediaId, contentType } = await generations
      .attach(accountId, createReadStream(path), options)
      .catch((error: unknown) => {
        throw withFileName(path, error);
      });
    const isPicture = contentType.startsWith('image/');
    if ((mediaKind === 'image' || mediaKind === 'mask') && !isPicture) {
      throw new EaselError('media_invalid', `${basename(path)} is not a picture (${contentType}).`);
    }
    attachments.push({ nodeId, inputName: input, mediaId });
  }
  return attachments;
}

/** Of several files, it is not plain which was refused. */
function withFileName(path: string, error: unknown): unknown {
  if (!(error instanceof EaselError)) return error;
  const { code, message, hint, details } = error;
  return new EaselError(code, `${basename(path)}: ${message}`, { hint, cause: error, ...definedOnly({ details }) });
}

export function generationRequest(
  prepared: PreparedRun,
  accountId: string,
  facts: { readonly name: string; readonly attachments: readonly Attachment[]; readonly timeoutMs: number | null },
): GenerationRequest {
  const { graph, workflow } = prepared;
  const { name, attachments, timeoutMs } = facts;
  return {
    accountId,
    graph,
    attachments,
    workflowName: name,
    ...(workflow === null ? {} : { workflow }),
    // Somebody who waits longer than the limits of a service says so.
    ...(timeoutMs === null ? {} : { limits: { queueMs: timeoutMs, runMs: timeoutMs } }),
  };
}
