import { isJsonObject, type JsonValue } from '../core/json.js';
import { DefinitionIndex } from './definitions.js';
import { reachableNodes } from './topology.js';
import { type Graph, isLink, type NodeDefinitions } from './types.js';

/**
 * What a graph makes a backend load, as two keys for dispatch: graphs with equal keys can follow each other on a backend
 * without a model swap. Only nodes that feed an output count; node ids and the order of keys do not.
 */
export interface Fingerprint {
  /** Files apart from LoRAs, sorted: `checkpoints:a.safetensors|vae:b.safetensors`. Empty when nothing is loaded. */
  readonly modelKey: string;
  /** LoRA files with strengths, sorted, since their effects add up: `a.safetensors@0.8/0.8`. */
  readonly loraKey: string;
  readonly models: readonly LoadedModel[];
  /** Node classes in use, sorted. */
  readonly classes: readonly string[];
}

export interface LoadedModel {
  /** Folder key as /models lists it: `checkpoints`, `loras`, ... */
  readonly folder: string;
  readonly name: string;
  readonly nodeId: string;
  readonly input: string;
}

/**
 * Names of inputs that hold a model file, by convention of the core nodes, which custom nodes follow. Maps, because graphs
 * of strangers may name an input `constructor`.
 */
const FOLDER_BY_INPUT: ReadonlyMap<string, string> = new Map([
  ['ckpt_name', 'checkpoints'],
  ['unet_name', 'diffusion_models'],
  ['vae_name', 'vae'],
  ['clip_name', 'text_encoders'],
  ['clip_name1', 'text_encoders'],
  ['clip_name2', 'text_encoders'],
  ['clip_name3', 'text_encoders'],
  ['clip_name4', 'text_encoders'],
  ['lora_name', 'loras'],
  ['control_net_name', 'controlnet'],
  ['style_model_name', 'style_models'],
  ['gligen_name', 'gligen'],
  ['hypernetwork_name', 'hypernetworks'],
  ['photomaker_model_name', 'photomaker'],
  ['audio_encoder_name', 'audio_encoders'],
]);

/** Classes whose input name alone would mislead. */
const FOLDER_BY_CLASS_INPUT: ReadonlyMap<string, string> = new Map([
  ['CLIPVisionLoader.clip_name', 'clip_vision'],
  ['UpscaleModelLoader.model_name', 'upscale_models'],
  ['ModelPatchLoader.name', 'model_patches'],
]);

/** The model folder that an input names a file of, or undefined when it is no model input. */
export function modelFolder(classType: string, input: string): string | undefined {
  return FOLDER_BY_CLASS_INPUT.get(`${classType}.${input}`) ?? FOLDER_BY_INPUT.get(input);
}

export function fingerprint(graph: Graph, definitions?: NodeDefinitions): Fingerprint {
  const index = definitions === undefined ? undefined : new DefinitionIndex(definitions);
  const used = reachableNodes(graph, index);
  const models: LoadedModel[] = [];
  const loras = new Set<string>();
  const classes = new Set<string>();
  for (const [nodeId, node] of Object.entries(graph)) {
    if (!used.has(nodeId)) continue;
    classes.add(node.class_type);
    for (const [input, value] of Object.entries(node.inputs)) {
      const stacked = stackedLora(value);
      if (stacked !== undefined) {
        models.push({ folder: 'loras', name: stacked.name, nodeId, input });
        loras.add(`${stacked.name}@${stacked.strength}/${stacked.strength}`);
      }
      const folder = modelFolder(node.class_type, input);
      if (folder === undefined || typeof value !== 'string') continue;
      models.push({ folder, name: value, nodeId, input });
      if (folder === 'loras')
        loras.add(`${value}@${strength(node.inputs['strength_model'])}/${strength(node.inputs['strength_clip'])}`);
    }
  }
  const files = models.filter((model) => model.folder !== 'loras').map((model) => `${model.folder}:${model.name}`);
  return {
    modelKey: [...new Set(files)].sort().join('|'),
    loraKey: [...loras].sort().join('|'),
    models,
    classes: [...classes].sort(),
  };
}

function strength(value: unknown): string {
  if (isLink(value)) return 'linked';
  return typeof value === 'number' ? String(value) : '';
}

/** Nodes that load several LoRAs hold each as one object: `{on, lora, strength}`. */
function stackedLora(value: JsonValue): { readonly name: string; readonly strength: string } | undefined {
  if (!isJsonObject(value) || typeof value['lora'] !== 'string' || value['on'] === false) return undefined;
  return { name: value['lora'], strength: strength(value['strength']) };
}
