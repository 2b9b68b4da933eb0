import type { JsonObject } from '../core/json.js';
import { definedOnly } from '../core/objects.js';
import type { WorkflowInput, WorkflowInterface } from './types.js';

/** A manifest of what was found, for its author to edit. Read again it gives the same interface. */
export function draftManifest(name: string, about: WorkflowInterface): JsonObject {
  const { title, description, inputs, outputs } = about;
  const manifest = {
    easel: 1,
    name,
    title: title ?? undefined,
    description: description ?? undefined,
    type: about.type ?? suggestType(about) ?? undefined,
    aliases: about.aliases.length === 0 ? undefined : [...about.aliases],
    inputs: inputs.map(draftInput),
    outputs: outputs.map(({ name: output, nodeId, media }) => ({ name: output, node: nodeId, media })),
  };
  return definedOnly(manifest);
}

/** Types, limits and choices stay with the node: they follow the graph when it is changed. */
function draftInput({ name, targets, description, required, group, seed }: WorkflowInput): JsonObject {
  const places = targets.map(({ node, input }) => `${node}.${input}`);
  return definedOnly({
    name,
    target: places.length === 1 ? places[0]! : places,
    description,
    required,
    group,
    seed,
  }) as JsonObject;
}

/** What a workflow is for, by what it takes and makes; null when that does not tell. */
function suggestType({
  inputs,
  outputs,
  requires,
}: Pick<WorkflowInterface, 'inputs' | 'outputs' | 'requires'>): string | null {
  const has = (role: WorkflowInput['role']) => inputs.some((input) => input.role === role);
  const hasImage = inputs.some(({ media }) => media === 'image');
  const makes = (media: string) => outputs.some((output) => output.media === media);
  if (makes('video')) return hasImage ? 'I2V' : has('prompt') ? 'T2V' : null;
  if (!makes('image')) return null;
  if (has('mask')) return 'INPAINT';
  const enlarges = requires.models.some((model) => model.startsWith('upscale_models/'));
  if (hasImage) return has('prompt') ? 'I2I' : enlarges ? 'UPSCALE' : null;
  return has('prompt') ? 'MAKE' : null;
}
