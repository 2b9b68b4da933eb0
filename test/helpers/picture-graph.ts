import type { Graph, NodeDefinition, NodeDefinitions } from '../../src/graph/index.js';
import { CORE_NODES, defineNode } from './node-definitions.js';

/** A text-to-image graph such as everybody has. */
export function pictureGraph(change: { readonly steps?: number; readonly prompt?: string } = {}): Graph {
  return {
    '3': {
      class_type: 'KSampler',
      inputs: {
        seed: 5,
        steps: change.steps ?? 20,
        cfg: 7,
        sampler_name: 'euler',
        scheduler: 'normal',
        denoise: 1,
        model: ['4', 0],
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
      },
      _meta: { title: 'KSampler' },
    },
    '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd15.safetensors' } },
    '5': { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: change.prompt ?? 'a cat', clip: ['4', 1] } },
    '7': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry', clip: ['4', 1] } },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
    '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'easel', images: ['8', 0] } },
  };
}

/** A text-to-image graph as one finds it is enough of a file. */
export const pictureFile = (change?: Parameters<typeof pictureGraph>[0]) =>
  ({ format: 'api', graph: pictureGraph(change) }) as const;

const MODEL_ONLY = defineNode(
  'LoraLoaderModelOnly',
  {
    model: ['MODEL'],
    lora_name: [['detail.safetensors', 'styles/ink.safetensors']],
    strength_model: ['FLOAT', { default: 1, min: -100, max: 100 }],
  },
  { outputs: ['MODEL'] },
);

/** Node definitions as a server answers them, with these LoRAs. */
export function definitions(loras: string[] = ['detail.safetensors', 'styles/ink.safetensors']): NodeDefinitions {
  const withLoras = (definition: NodeDefinition): NodeDefinition => ({
    ...definition,
    input: { required: { ...definition.input.required, lora_name: [loras] } },
  });
  return {
    ...CORE_NODES,
    UNETLoader: defineNode('UNETLoader', { unet_name: [['flux.safetensors']] }, { outputs: ['MODEL'] }),
    CLIPLoader: defineNode('CLIPLoader', { clip_name: [['t5.safetensors']] }, { outputs: ['CLIP'] }),
    LoraLoader: withLoras(CORE_NODES['LoraLoader']!),
    LoraLoaderModelOnly: withLoras(MODEL_ONLY),
  };
}
