import { createHash } from 'node:crypto';
import type { DefinitionIndex, Fingerprint, Graph } from '../../graph/index.js';

/**
 * What a backend must have to run a job. Jobs with equal needs share a key, so that the question "can this backend run
 * it?" is asked once per key and not once per job.
 */
export interface Needs {
  /** Node classes of the graph, sorted: a server refuses a graph with an unknown class anywhere in it. */
  readonly classes: readonly string[];
  readonly files: readonly NeededFile[];
  /** Only this backend. */
  readonly backendId: string | null;
  /** Runs by deployment id, on a backend of kind `comfydeploy` and no other. */
  readonly isDeployment: boolean;
  readonly tags: readonly string[];
  readonly vramBytes: number;
}

export interface NeededFile {
  readonly classType: string;
  readonly input: string;
  readonly name: string;
  /** `checkpoints`, `loras`, … */
  readonly folder: string;
}

export interface NeedsRequest {
  readonly graph: Graph;
  readonly loads: Fingerprint;
  readonly backendId: string | null;
  readonly isDeployment: boolean;
  readonly tags?: readonly string[];
  readonly vramBytes?: number;
}

export function needsOf(request: NeedsRequest): Needs {
  const { graph, loads, isDeployment } = request;
  const files = loads.models.flatMap(({ nodeId, input, name, folder }) => {
    const classType = graph[nodeId]?.class_type;
    return classType === undefined ? [] : [{ classType, input, name, folder }];
  });
  return {
    classes: isDeployment ? [] : [...new Set(Object.values(graph).map((node) => node.class_type))].sort(),
    files: isDeployment ? [] : distinctFiles(files),
    backendId: request.backendId,
    isDeployment,
    tags: [...new Set(request.tags ?? [])].sort(),
    vramBytes: request.vramBytes ?? 0,
  };
}

/** 32 hexadecimal digits. The model key is part of it, so that all jobs of one key load the same. */
export function needsKeyOf(needs: Needs, modelKey: string): string {
  return createHash('sha256')
    .update(JSON.stringify([needs, modelKey]))
    .digest('hex')
    .slice(0, 32);
}

/** What a backend has, as far as it is known. */
export interface BackendOffer {
  readonly id: string;
  readonly kind: string;
  readonly tags: readonly string[];
  /** Null: unknown, and then no reason to refuse anything. */
  readonly vramBytes: number | null;
  readonly definitions: DefinitionIndex | null;
}

/** Why a backend cannot run a job, the most general reason first. */
export type Refusal =
  | { readonly reason: 'pinned'; readonly backendId: string }
  | { readonly reason: 'kind'; readonly wanted: string }
  | { readonly reason: 'tags'; readonly missing: readonly string[] }
  | { readonly reason: 'memory'; readonly wantedBytes: number; readonly bytes: number }
  | { readonly reason: 'nodes'; readonly missing: readonly string[] }
  | { readonly reason: 'models'; readonly missing: readonly string[] };

export function refusalOf(needs: Needs, offer: BackendOffer): Refusal | null {
  if (needs.backendId !== null && needs.backendId !== offer.id) return { reason: 'pinned', backendId: needs.backendId };
  if (needs.isDeployment !== (offer.kind === 'comfydeploy'))
    return { reason: 'kind', wanted: needs.isDeployment ? 'comfydeploy' : 'comfyui' };
  const tags = needs.tags.filter((tag) => !offer.tags.includes(tag));
  if (tags.length > 0) return { reason: 'tags', missing: tags };
  if (offer.vramBytes !== null && offer.vramBytes < needs.vramBytes)
    return { reason: 'memory', wantedBytes: needs.vramBytes, bytes: offer.vramBytes };
  const { definitions } = offer;
  if (definitions === null) return null;
  const classes = needs.classes.filter((name) => definitions.get(name) === undefined);
  if (classes.length > 0) return { reason: 'nodes', missing: classes };
  const files = needs.files.filter((file) => !offersFile(definitions, file));
  if (files.length > 0) return { reason: 'models', missing: files.map(({ folder, name }) => `${folder}/${name}`) };
  return null;
}

/** False only where the backend's list is certain to refuse the name. */
function offersFile(definitions: DefinitionIndex, { classType, input, name }: NeededFile): boolean {
  const declared = definitions.input(classType, input);
  if (declared?.choices === undefined || declared.options['accepts_any'] === true) return true;
  return declared.choices.includes(name);
}

export function describeRefusal(refusal: Refusal): string {
  switch (refusal.reason) {
    case 'pinned':
      return `the job is bound to backend ${refusal.backendId}`;
    case 'kind':
      return `only a backend of kind ${refusal.wanted} runs it`;
    case 'tags':
      return `it lacks the tag ${refusal.missing.join(', ')}`;
    case 'memory':
      return `it has ${gib(refusal.bytes)} of video memory, and ${gib(refusal.wantedBytes)} are asked for`;
    case 'nodes':
      return `it lacks the node ${refusal.missing.join(', ')}`;
    case 'models':
      return `it lacks the model ${refusal.missing.join(', ')}`;
  }
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function distinctFiles(files: readonly NeededFile[]): NeededFile[] {
  const byText = new Map(files.map((file) => [`${file.classType} ${file.input} ${file.name}`, file]));
  return [...byText.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, file]) => file);
}
