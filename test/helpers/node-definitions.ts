import type { InputSpec, NodeDefinition, NodeDefinitions } from '../../src/graph/index.js';

/** A few node definitions in the form of /object_info, enough for workflows that tests make up. */
type Specs = Record<string, InputSpec>;

interface Rest {
  readonly optional?: Specs;
  readonly outputs?: readonly string[];
  readonly outputNames?: readonly string[];
  readonly outputNode?: boolean;
  readonly displayName?: string;
}

export function defineNode(name: string, required: Specs, rest: Rest = {}): NodeDefinition {
  const { optional, outputs = [], outputNames = outputs, outputNode = false, displayName = name } = rest;
  return {
    name,
    display_name: displayName,
    input: optional === undefined ? { required } : { required, optional },
    input_order: {
      required: Object.keys(required),
      ...(optional === undefined ? {} : { optional: Object.keys(optional) }),
    },
    output: outputs,
    output_name: outputNames,
    output_node: outputNode,
  };
}

export function definitionsOf(...nodes: NodeDefinition[]): NodeDefinitions {
  return Object.fromEntries(nodes.map((node) => [node.name, node]));
}

const FLOAT: InputSpec = ['FLOAT', { default: 1, min: 0, max: 10 }];
// As JSON.parse leaves the limit 2^64-1 of a real server.
const SEED: InputSpec = ['INT', { default: 0, min: 0, max: 2 ** 64, control_after_generate: true }];

export const CORE_NODES: NodeDefinitions = definitionsOf(
  defineNode(
    'CheckpointLoaderSimple',
    { ckpt_name: [['sd15.safetensors', 'sdxl.safetensors']] },
    { outputs: ['MODEL', 'CLIP', 'VAE'] },
  ),
  defineNode(
    'CLIPTextEncode',
    { text: ['STRING', { multiline: true, dynamicPrompts: true }], clip: ['CLIP'] },
    { outputs: ['CONDITIONING'] },
  ),
  defineNode(
    'EmptyLatentImage',
    {
      width: ['INT', { default: 512, min: 16, max: 16384, step: 8 }],
      height: ['INT', { default: 512, min: 16, max: 16384, step: 8 }],
      batch_size: ['INT', { default: 1, min: 1, max: 4096 }],
    },
    { outputs: ['LATENT'], displayName: 'Empty Latent Image' },
  ),
  defineNode(
    'KSampler',
    {
      model: ['MODEL'],
      seed: SEED,
      steps: ['INT', { default: 20, min: 1, max: 10000 }],
      cfg: ['FLOAT', { default: 8, min: 0, max: 100 }],
      sampler_name: [['euler', 'heun', 'dpmpp_2m']],
      scheduler: [['normal', 'karras']],
      positive: ['CONDITIONING'],
      negative: ['CONDITIONING'],
      latent_image: ['LATENT'],
      denoise: ['FLOAT', { default: 1, min: 0, max: 1 }],
    },
    { outputs: ['LATENT'] },
  ),
  defineNode('VAEDecode', { samples: ['LATENT'], vae: ['VAE'] }, { outputs: ['IMAGE'] }),
  defineNode(
    'SaveImage',
    { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
    { outputNode: true },
  ),
  defineNode('PreviewImage', { images: ['IMAGE'] }, { outputNode: true }),
  defineNode(
    'LoadImage',
    { image: [['a.png', 'b.png'], { image_upload: true }] },
    { outputs: ['IMAGE', 'MASK'], displayName: 'Load Image' },
  ),
  defineNode(
    'LoadImageMask',
    { image: [['a.png'], { image_upload: true }], channel: [['alpha', 'red']] },
    { outputs: ['MASK'] },
  ),
  defineNode('LoadAudio', { audio: ['COMBO', { options: ['a.wav'], audio_upload: true }] }, { outputs: ['AUDIO'] }),
  defineNode(
    'LoraLoader',
    {
      model: ['MODEL'],
      clip: ['CLIP'],
      lora_name: [['style.safetensors']],
      strength_model: FLOAT,
      strength_clip: FLOAT,
    },
    { outputs: ['MODEL', 'CLIP'] },
  ),
  defineNode(
    'ControlNetApplyAdvanced',
    { positive: ['CONDITIONING'], negative: ['CONDITIONING'], image: ['IMAGE'], strength: FLOAT },
    { outputs: ['CONDITIONING', 'CONDITIONING'], outputNames: ['positive', 'negative'] },
  ),
  defineNode(
    'ConditioningCombine',
    { conditioning_1: ['CONDITIONING'], conditioning_2: ['CONDITIONING'] },
    { outputs: ['CONDITIONING'] },
  ),
  defineNode('ConditioningZeroOut', { conditioning: ['CONDITIONING'] }, { outputs: ['CONDITIONING'] }),
  defineNode('BasicGuider', { model: ['MODEL'], conditioning: ['CONDITIONING'] }, { outputs: ['GUIDER'] }),
  defineNode('PrimitiveInt', { value: ['INT', { control_after_generate: true }] }, { outputs: ['INT'] }),
  defineNode('PrimitiveStringMultiline', { value: ['STRING', { multiline: true }] }, { outputs: ['STRING'] }),
  defineNode(
    'ResizePicture',
    {
      image: ['IMAGE'],
      mode: [
        'COMFY_DYNAMICCOMBO_V3',
        {
          options: [
            {
              key: 'size',
              inputs: {
                required: { width: ['INT', {}], height: ['INT', {}], crop: ['COMBO', { options: ['no', 'center'] }] },
              },
            },
            { key: 'factor', inputs: { required: { factor: ['FLOAT', {}] } } },
          ],
        },
      ],
      method: ['COMBO', { options: ['area', 'lanczos'] }],
    },
    { outputs: ['IMAGE'] },
  ),
  defineNode(
    'BatchImages',
    {
      images: [
        'COMFY_AUTOGROW_V3',
        { template: { input: { required: { image: ['IMAGE', {}] } }, prefix: 'image', min: 2 } },
      ],
    },
    { outputs: ['IMAGE'] },
  ),
);
