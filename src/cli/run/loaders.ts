import { realpath, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { EaselError, GraphError } from '../../core/errors.js';
import {
  DefinitionIndex,
  type DetectedInput,
  detectInputs,
  type Graph,
  graphNodeLabel,
  type NodeDefinitions,
} from '../../graph/index.js';

/**
 * Files that a graph reads. For each loader, in this order: what `--image` says; a file of that name beside the workflow;
 * what the backend has.
 */
export interface FileToAttach {
  readonly nodeId: string;
  readonly input: string;
  /** Absolute. */
  readonly path: string;
  readonly mediaKind: NonNullable<DetectedInput['mediaKind']>;
}

export interface LoaderPlan {
  readonly attach: readonly FileToAttach[];
  /** Read from the backend under the name in the graph. */
  readonly left: readonly { readonly nodeId: string; readonly input: string; readonly value: string }[];
}

export interface LoaderRequest {
  /** `name=path`, or a path alone where the workflow reads one file. */
  readonly images: readonly string[];
  readonly cwd: string;
  /** Of the workflow file; null when it has none. */
  readonly folder: string | null;
}

/** Throws `graph_input_unknown`, `file_unreadable`. */
export async function planLoaders(
  graph: Graph,
  definitions: NodeDefinitions,
  request: LoaderRequest,
): Promise<LoaderPlan> {
  const loaders = detectInputs(graph, definitions).filter(({ type, takes }) => type === 'file' && takes !== 'url');
  const attach: FileToAttach[] = [];
  const given = new Set<DetectedInput>();
  for (const text of request.images) {
    const { loader, path } = await resolveImage(text, loaders, graph, request.cwd);
    if (given.has(loader)) throw unknownImage(`--image names ${labelOf(loader, graph)} twice.`, loaders, graph);
    given.add(loader);
    attach.push(...filesOf(loader, path));
  }
  const left: LoaderPlan['left'][number][] = [];
  for (const loader of loaders) {
    const value = graph[loader.nodeId]?.inputs[loader.input];
    if (given.has(loader) || typeof value !== 'string') continue;
    const beside = request.folder === null ? null : await findBeside(request.folder, value);
    if (beside !== null) attach.push(...filesOf(loader, beside));
    else left.push({ nodeId: loader.nodeId, input: loader.input, value });
  }
  return { attach, left };
}

function filesOf({ targets, mediaKind = 'file' }: DetectedInput, path: string): FileToAttach[] {
  return targets.map(({ node, input }) => ({ nodeId: node, input, path, mediaKind }));
}

async function resolveImage(
  text: string,
  loaders: readonly DetectedInput[],
  graph: Graph,
  cwd: string,
): Promise<{ readonly loader: DetectedInput; readonly path: string }> {
  if (loaders.length === 0) {
    throw new GraphError('graph_input_unknown', 'The workflow reads no file, so --image has nothing to set.', {
      hint: 'Run `easel inspect FILE` to list its inputs.',
    });
  }
  // Names of nodes may hold the sign, and so may paths: every place to divide the text is tried.
  for (let at = text.indexOf('='); at !== -1; at = text.indexOf('=', at + 1)) {
    const matches = findLoaders(text.slice(0, at).trim(), loaders, graph);
    if (matches.length > 1) {
      throw unknownImage(`--image: "${text.slice(0, at)}" fits ${matches.length} inputs.`, matches, graph);
    }
    const [loader] = matches;
    if (loader !== undefined) return { loader, path: await requireFile(text.slice(at + 1), cwd) };
  }
  const path = resolve(cwd, text);
  const isFile = (await stat(path).catch(() => null))?.isFile() === true;
  if (!isFile && text.includes('=')) {
    throw unknownImage(`--image: no input is called "${text.slice(0, text.indexOf('='))}".`, loaders, graph);
  }
  const [only] = loaders;
  if (only === undefined || loaders.length > 1) {
    throw unknownImage(
      `--image: the workflow reads ${loaders.length} files, so say which one this is.`,
      loaders,
      graph,
    );
  }
  return { loader: only, path: await requireFile(text, cwd) };
}

/** By address, id or name exactly; else by the node's title or class, or the input's own name. */
function findLoaders(name: string, loaders: readonly DetectedInput[], graph: Graph): readonly DetectedInput[] {
  const folded = name.toLowerCase();
  const searches: ((loader: DetectedInput) => boolean)[] = [
    ({ nodeId, input }) => `${nodeId}.${input}` === name,
    ({ nodeId }) => nodeId === name,
    (loader) => loader.name === name,
    ({ nodeId }) => graph[nodeId]?._meta?.title?.trim().toLowerCase() === folded,
    ({ nodeId }) => graph[nodeId]?.class_type.toLowerCase() === folded,
    ({ input }) => input.toLowerCase() === folded,
  ];
  for (const search of searches) {
    const found = loaders.filter(search);
    if (found.length > 0) return found;
  }
  return [];
}

async function requireFile(text: string, cwd: string): Promise<string> {
  const path = resolve(cwd, text);
  const info = await stat(path).catch(() => null);
  if (info?.isFile() === true) return path;
  const problem = info === null ? 'does not exist' : 'is not a file';
  throw new EaselError('file_unreadable', `--image: ${text === '' ? 'the path is empty' : `${text} ${problem}`}.`);
}

function unknownImage(message: string, loaders: readonly DetectedInput[], graph: Graph): GraphError {
  const known = loaders.map((loader) => `${loader.nodeId} (${labelOf(loader, graph)})`);
  return new GraphError('graph_input_unknown', message, {
    hint: `Write --image NODE=PATH with one of: ${known.join(', ')}.`,
    details: { inputs: loaders.map(({ nodeId, input }) => `${nodeId}.${input}`) },
  });
}

function labelOf({ nodeId }: DetectedInput, graph: Graph): string {
  const node = graph[nodeId];
  return node === undefined ? nodeId : (node._meta?.title ?? node.class_type);
}

/**
 * A file that the workflow names, if it lies in the workflow's own folder. Never outside of it: a workflow of a stranger
 * must not be able to have `../../.ssh/id_rsa` uploaded to a backend.
 */
async function findBeside(folder: string, value: string): Promise<string | null> {
  const annotated = /^(.*?)(?: \[(input|output|temp)\])?$/s.exec(value);
  // ` [output]` means a file of the backend itself.
  if (annotated === null || (annotated[2] !== undefined && annotated[2] !== 'input')) return null;
  const name = annotated[1]!.replaceAll('\\', '/');
  if (name === '') return null;
  for (const candidate of new Set([join(folder, name), join(folder, basename(name))])) {
    try {
      const path = await realpath(candidate);
      if (path.startsWith(folder.endsWith(sep) ? folder : folder + sep) && (await stat(path)).isFile()) return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** Of a ComfyUI: does its list lack the file? Files in subfolders are not listed, so about those nothing is known. */
export function requireBackendFiles(plan: LoaderPlan, graph: Graph, definitions: NodeDefinitions): void {
  const index = new DefinitionIndex(definitions);
  for (const { nodeId, input, value } of plan.left) {
    const node = graph[nodeId];
    if (node === undefined || /[\\/]| \[\w+\]$/.test(value)) continue;
    const listed = index.input(node.class_type, input)?.choices;
    if (listed === undefined || listed.includes(value)) continue;
    const label = graphNodeLabel(nodeId, node).replace(/^n/, 'N');
    const problem = value === '' ? 'no file yet' : `"${value}", which the backend does not have`;
    throw new GraphError('graph_input_invalid', `${label} reads ${problem}.`, {
      hint: `Give the file with --image ${nodeId}=PATH.`,
      details: { nodeId, input, value },
    });
  }
}
