import type { NodeContext } from '../node.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, NodeSetup, Run } from './library.js';
import type { ClipValue, LinkValues, ModelValue } from './values.js';

/** Loaders of model files. No file is read: a rehearsal only keeps the name, and takes the time that loading takes. */
const interfaces = `
= nodes v1 loaders
CheckpointLoaderSimple  ckpt_name:<checkpoints> -> MODEL CLIP VAE
unCLIPCheckpointLoader  ckpt_name:<checkpoints> -> MODEL CLIP VAE CLIP_VISION
VAELoader  vae_name:<vae|pixel_space> -> VAE
LoraLoader  model:MODEL clip:CLIP lora_name:<loras> strength_model,strength_clip:FLOAT=1[-100..100/0.01] -> MODEL CLIP
LoraLoaderModelOnly  model:MODEL lora_name:<loras> strength_model:FLOAT=1[-100..100/0.01] -> MODEL
ControlNetLoader  control_net_name:<controlnet> -> CONTROL_NET
DiffControlNetLoader  model:MODEL control_net_name:<controlnet> -> CONTROL_NET
CLIPVisionLoader  clip_name:<clip_vision> -> CLIP_VISION
StyleModelLoader  style_model_name:<style_models> -> STYLE_MODEL
GLIGENLoader  gligen_name:<gligen> -> GLIGEN
= nodes v1 advanced/loaders
CheckpointLoader  config_name:(@checkpointConfigs) ckpt_name:<checkpoints> -> MODEL CLIP VAE
UNETLoader  unet_name:<diffusion_models> weight_dtype:(default|fp8_e4m3fn|fp8_e4m3fn_fast|fp8_e5m2) -> MODEL
CLIPLoader  clip_name:<text_encoders> type:(@clipTypes) device?:(default|cpu),advanced -> CLIP
DualCLIPLoader  clip_name1,clip_name2:<text_encoders> type:(@dualClipTypes) device?:(default|cpu),advanced -> CLIP
= nodes v1 advanced/loaders/deprecated
DiffusersLoader  model_path:<diffusers> -> MODEL CLIP VAE
= video_model v1 loaders/video_models
ImageOnlyCheckpointLoader  ckpt_name:<checkpoints> -> MODEL CLIP_VISION VAE
= sd3 v3 advanced/loaders
TripleCLIPLoader  clip_name{1..3}:<text_encoders> -> CLIP
= hidream v3 advanced/loaders
QuadrupleCLIPLoader  clip_name{1..4}:<text_encoders> -> CLIP
= lt_audio v3 advanced/loaders
LTXAVTextEncoderLoader @0.8  text_encoder:<text_encoders> ckpt_name:<checkpoints> -> CLIP
= controlnet v1>v3 conditioning/controlnet
SetUnionControlNetType
  control_net:CONTROL_NET
  type:(auto|openpose|depth|hed/pidi/scribble/ted|canny/lineart/anime_lineart/mlsd|normal|segment|tile|repaint)
  -> CONTROL_NET
= hypernetwork v1>v3 loaders
HypernetworkLoader  model:MODEL hypernetwork_name:<hypernetworks> strength:FLOAT=1[-10..10/0.01] -> MODEL
= model_patch v1 advanced/loaders
ModelPatchLoader  name:<model_patches> -> MODEL_PATCH
= photomaker v3 _for_testing/photomaker
PhotoMakerLoader  photomaker_model_name:<photomaker> -> PHOTOMAKER
= hunyuan v3 loaders
LatentUpscaleModelLoader @0.8  model_name:<latent_upscale_models> -> LATENT_UPSCALE_MODEL
= nodes v1 conditioning
CLIPVisionEncode  clip_vision:CLIP_VISION image:IMAGE crop:(center|none) -> CLIP_VISION_OUTPUT
`;

type FileKind = {
  [K in keyof LinkValues]: LinkValues[K] extends { readonly name: string; readonly type: K } ? K : never;
}[keyof LinkValues];

/** A loader whose outputs are named after the file in `input`. */
function loads(input: string, ...kinds: readonly (FileKind | 'CLIP')[]): Run {
  return async (inputs, context, setup) => {
    await load(context, setup);
    const name = inputs.text(input);
    return kinds.map((kind) => {
      if (kind === 'MODEL') return loadedModel(name);
      return kind === 'CLIP' ? loadedClip([name]) : { type: kind, name };
    });
  };
}

export function loadedModel(name: string): ModelValue {
  return { type: 'MODEL', name, loras: [], patches: [], guides: [] };
}

function loadedClip(names: readonly string[], notes: readonly string[] = []): ClipValue {
  return { type: 'CLIP', names, loras: [], notes };
}

function load(context: NodeContext, { rehearsal }: NodeSetup): Promise<void> {
  return context.delay(rehearsal.loadMs);
}

/** Text encoders: one CLIP of several files. */
const loadsClip: Run = async (inputs, context, setup) => {
  await load(context, setup);
  const names = inputs.names().filter((name) => name.startsWith('clip_name') || name === 'text_encoder');
  return [
    loadedClip(
      names.map((name) => inputs.text(name)),
      inputs.has('type') ? [`type=${inputs.text('type')}`] : [],
    ),
  ];
};

function withLora(inputs: Inputs): ModelValue {
  const model = inputs.get('model', 'MODEL');
  const strength = inputs.number('strength_model');
  if (strength === 0) return model;
  return { ...model, loras: [...model.loras, { name: inputs.text('lora_name'), strength }] };
}

export const loaderFamily: NodeFamily = {
  interfaces,
  behaviours: {
    CheckpointLoaderSimple: loads('ckpt_name', 'MODEL', 'CLIP', 'VAE'),
    CheckpointLoader: loads('ckpt_name', 'MODEL', 'CLIP', 'VAE'),
    unCLIPCheckpointLoader: loads('ckpt_name', 'MODEL', 'CLIP', 'VAE', 'CLIP_VISION'),
    ImageOnlyCheckpointLoader: loads('ckpt_name', 'MODEL', 'CLIP_VISION', 'VAE'),
    DiffusersLoader: loads('model_path', 'MODEL', 'CLIP', 'VAE'),
    UNETLoader: loads('unet_name', 'MODEL'),
    VAELoader: loads('vae_name', 'VAE'),
    ControlNetLoader: loads('control_net_name', 'CONTROL_NET'),
    DiffControlNetLoader: loads('control_net_name', 'CONTROL_NET'),
    CLIPVisionLoader: loads('clip_name', 'CLIP_VISION'),
    StyleModelLoader: loads('style_model_name', 'STYLE_MODEL'),
    GLIGENLoader: loads('gligen_name', 'GLIGEN'),
    ModelPatchLoader: loads('name', 'MODEL_PATCH'),
    PhotoMakerLoader: loads('photomaker_model_name', 'PHOTOMAKER'),
    LatentUpscaleModelLoader: loads('model_name', 'LATENT_UPSCALE_MODEL'),
    CLIPLoader: loadsClip,
    DualCLIPLoader: loadsClip,
    TripleCLIPLoader: loadsClip,
    QuadrupleCLIPLoader: loadsClip,
    LTXAVTextEncoderLoader: loadsClip,
    LoraLoader: async (inputs, context, setup) => {
      await load(context, setup);
      const clip = inputs.get('clip', 'CLIP');
      const strength = inputs.number('strength_clip');
      const loras = strength === 0 ? clip.loras : [...clip.loras, { name: inputs.text('lora_name'), strength }];
      return [withLora(inputs), { ...clip, loras }];
    },
    LoraLoaderModelOnly: async (inputs, context, setup) => {
      await load(context, setup);
      return [withLora(inputs)];
    },
    HypernetworkLoader: async (inputs, context, setup) => {
      await load(context, setup);
      const model = inputs.get('model', 'MODEL');
      const note = `hypernetwork ${inputs.text('hypernetwork_name')} ${inputs.number('strength')}`;
      return [{ ...model, patches: [...model.patches, note] }];
    },
    SetUnionControlNetType: (inputs) => [inputs.get('control_net', 'CONTROL_NET')],
    CLIPVisionEncode: (inputs) => {
      inputs.get('clip_vision', 'CLIP_VISION');
      return [{ type: 'CLIP_VISION_OUTPUT', image: inputs.get('image', 'IMAGE') }];
    },
  },
};
