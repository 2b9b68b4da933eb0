import {
  DefinitionIndex,
  findMissing,
  type MissingChoice,
  type MissingClass,
  type NodeDefinitions,
  nearestNames,
} from '../graph/index.js';
import type { WorkflowVersion } from './types.js';

/** What one backend lacks for a version, before anybody waits for it. */
export interface Availability {
  readonly ok: boolean;
  readonly classes: readonly MissingClass[];
  readonly models: readonly MissingModel[];
  /** Other values of nodes that the backend does not offer. */
  readonly choices: readonly MissingChoice[];
  /** Where classes are missing: the packs that the workflow needs and that no class of the backend comes from. */
  readonly packs: readonly string[];
  /** Models that the manifest names and no node tells about. */
  readonly unchecked: readonly string[];
}

export interface MissingModel {
  readonly folder: string;
  readonly name: string;
  readonly nearest: readonly string[];
  /** Where the graph uses it; null for models that only the manifest names. */
  readonly nodeId: string | null;
  readonly input: string | null;
}

/** The node that lists what is in a folder of models. */
const LISTED_BY: ReadonlyMap<string, readonly [classType: string, input: string]> = new Map([
  ['checkpoints', ['CheckpointLoaderSimple', 'ckpt_name']],
  ['loras', ['LoraLoader', 'lora_name']],
  ['vae', ['VAELoader', 'vae_name']],
  ['controlnet', ['ControlNetLoader', 'control_net_name']],
  ['upscale_models', ['UpscaleModelLoader', 'model_name']],
  ['diffusion_models', ['UNETLoader', 'unet_name']],
  ['text_encoders', ['CLIPLoader', 'clip_name']],
  ['clip_vision', ['CLIPVisionLoader', 'clip_name']],
  ['style_models', ['StyleModelLoader', 'style_model_name']],
]);

export function checkAvailability(version: WorkflowVersion, definitions: NodeDefinitions): Availability {
  const { graph, interface: about } = version;
  const index = new DefinitionIndex(definitions);
  const missing = findMissing(graph, definitions);
  // What a request sets is the request's business.
  const isInput = ({ nodeId, input }: MissingChoice) =>
    about.inputs.some(({ targets }) => targets.some((target) => target.node === nodeId && target.input === input));
  const choices = missing.choices.filter((choice) => !isInput(choice) && !acceptsAny(index, choice));
  const models: MissingModel[] = choices.flatMap(({ folder, value, nearest, nodeId, input }) =>
    folder === null ? [] : [{ folder, name: value, nearest, nodeId, input }],
  );
  const inGraph = new Set(choices.map(({ folder, value }) => `${folder}/${value}`));
  const unchecked: string[] = [];
  for (const model of about.requires.models) {
    if (inGraph.has(model) || isLoaded(version, model)) continue;
    const [folder, name] = [model.slice(0, model.indexOf('/')), model.slice(model.indexOf('/') + 1)];
    const listing = LISTED_BY.get(folder);
    const declared = listing === undefined ? undefined : index.input(...listing);
    const offered = declared?.choices?.map(String);
    if (declared?.options['accepts_any'] === true) continue;
    if (offered === undefined) unchecked.push(model);
    else if (!offered.includes(name)) {
      models.push({ folder, name, nearest: nearestNames(name, offered), nodeId: null, input: null });
    }
  }
  const named = new Set(missing.classes.map(({ classType }) => classType));
  const extra = about.requires.classes
    .filter((classType) => !named.has(classType) && index.get(classType) === undefined)
    .map((classType) => ({ classType, nodes: [], nearest: nearestNames(classType, index.classNames()) }));
  const classes = [...missing.classes, ...extra];
  const others = choices.filter(({ folder }) => folder === null);
  return {
    ok: classes.length === 0 && models.length === 0 && others.length === 0,
    classes,
    models,
    choices: others,
    packs: classes.length === 0 ? [] : missingPacks(about.requires.packs, definitions),
    unchecked,
  };
}

/** A backend does not list its packs, but its classes tell where they come from. */
function missingPacks(needed: readonly string[], definitions: NodeDefinitions): string[] {
  const present = new Set(Object.values(definitions).map(({ python_module: module }) => packOf(module)));
  return needed.filter((pack) => !present.has(pack));
}

/** The folder of `custom_nodes` that a class comes from; null for classes of ComfyUI itself. */
export function packOf(module: string | undefined): string | null {
  return /^custom_nodes\.(.+)$/.exec(module ?? '')?.[1] ?? null;
}

/** The built-in engine lists no models, and takes any name. */
function acceptsAny(index: DefinitionIndex, { classType, input }: MissingChoice): boolean {
  return index.input(classType, input)?.options['accepts_any'] === true;
}

/** Models of the graph were looked at node by node. */
function isLoaded({ graph }: WorkflowVersion, model: string): boolean {
  const name = model.slice(model.indexOf('/') + 1);
  return Object.values(graph).some(({ inputs }) => Object.values(inputs).includes(name));
}
