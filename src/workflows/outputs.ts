import { EaselError } from '../core/errors.js';
import { type DefinitionIndex, findNode, type Graph, outputNodes, UniqueNames } from '../graph/index.js';
import { type Fault, type Manifest, pointerOf } from './manifest.js';
import type { OutputMedia, WorkflowOutput } from './types.js';

/** Of the classes of nodes that end a graph, by what their names say. */
const MEDIA_BY_CLASS: readonly [RegExp, OutputMedia][] = [
  [/Latent/i, 'latent'],
  [/WEBM|Video|AnimatedWEBP|AnimatedPNG/i, 'video'],
  [/Audio|Flac|MP3|Opus/i, 'audio'],
  [/GLB|3D|Mesh/i, 'model3d'],
  [/Text|String|PreviewAny|ShowAny/i, 'text'],
  [/Checkpoint|Clip|CLIP|VAESave|ModelSave|LoraSave|SaveLora/, 'file'],
  [/Image|Picture|Preview|PNG|WEBP|JPE?G|Mask|Websocket/i, 'image'],
];

/** Previews are made on the way; they count only when a workflow makes nothing else. */
const PREVIEW = /^Preview|Compare/i;

export function workflowOutputs(
  graph: Graph,
  manifest: Manifest,
  index: DefinitionIndex | undefined,
): { readonly outputs: readonly WorkflowOutput[]; readonly faults: readonly Fault[] } {
  if (manifest.outputs !== undefined) return listedOutputs(graph, manifest.outputs);
  const all = outputNodes(graph, index);
  const lasting = all.filter((id) => !PREVIEW.test(graph[id]!.class_type));
  const outputs: WorkflowOutput[] = [];
  const names = new UniqueNames();
  for (const nodeId of lasting.length > 0 ? lasting : all) {
    const media = mediaOf(graph, nodeId);
    outputs.push({ name: names.take(nameOf(graph, nodeId, media)), nodeId, media });
  }
  return { outputs, faults: [] };
}

function listedOutputs(
  graph: Graph,
  listed: NonNullable<Manifest['outputs']>,
): { readonly outputs: readonly WorkflowOutput[]; readonly faults: readonly Fault[] } {
  const outputs: WorkflowOutput[] = [];
  const faults: Fault[] = [];
  listed.forEach(({ name, node, media, description }, position) => {
    const nodeId = nodeNamed(graph, node);
    if (typeof nodeId !== 'string') {
      faults.push({ pointer: pointerOf(['outputs', position, 'node']), detail: nodeId.fault });
    } else if (outputs.some((other) => other.name === name)) {
      faults.push({ pointer: pointerOf(['outputs', position, 'name']), detail: `There is another output "${name}".` });
    } else {
      outputs.push({
        name,
        nodeId,
        media: media ?? mediaOf(graph, nodeId),
        ...(description === undefined ? {} : { description }),
      });
    }
  });
  return { outputs, faults };
}

/** By id, title or class, as everywhere; or what to tell the author. */
export function nodeNamed(graph: Graph, name: string): string | { readonly fault: string } {
  try {
    return findNode(graph, name);
  } catch (error) {
    if (error instanceof EaselError) return { fault: `${error.message} ${error.hint}` };
    throw error;
  }
}

function mediaOf(graph: Graph, nodeId: string): OutputMedia {
  const { class_type: className } = graph[nodeId]!;
  return MEDIA_BY_CLASS.find(([pattern]) => pattern.test(className))?.[1] ?? 'file';
}

/** A title that is marked as inputs are marked (`$name`, `output: name`, `output_name`); else what it is. */
function nameOf(graph: Graph, nodeId: string, media: OutputMedia): string {
  const title = graph[nodeId]?._meta?.title ?? '';
  const marked = /^\s*(?:\$|output\s*:\s*)([A-Za-z_][\w-]*)/i.exec(title)?.[1] ?? /^output_\w+$/i.exec(title)?.[0];
  return marked ?? media;
}
