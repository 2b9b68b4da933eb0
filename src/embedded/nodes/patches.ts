import { guideOf } from './conditioning-values.js';
import { literalNotes } from './encoders.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';
import type { ModelValue } from './values.js';

/**
 * Model patches: sampling modes, attention and guidance tricks, caches. A rehearsal cannot show what they do; it passes
 * the model on and notes them, and the note changes nuances of the picture.
 */
const interfaces = `
= model_advanced v1 advanced/model
ModelSamplingAuraFlow  model:MODEL shift:SHIFT=1.73 -> MODEL
ModelSamplingContinuousEDM
  model:MODEL sampling:(v_prediction|edm|edm_playground_v2.5|eps|cosmos_rflow) sigma_max:FLOAT=120[0..1000/0.001~no]
  sigma_min:FLOAT=0.002[0..1000/0.001~no] -> MODEL
ModelSamplingContinuousV
  model:MODEL sampling:(v_prediction) sigma_max:FLOAT=500[0..1000/0.001~no] sigma_min:FLOAT=0.03[0..1000/0.001~no]
  -> MODEL
ModelSamplingDiscrete  model:MODEL sampling:(eps|v_prediction|lcm|x0|img_to_img) zsnr:BOOLEAN=false -> MODEL
ModelSamplingFlux  model:MODEL max_shift:SHIFT=1.15 base_shift:SHIFT=0.5 width,height:SIDE8=1024 -> MODEL
ModelSamplingSD3  model:MODEL shift:SHIFT=3 -> MODEL
ModelSamplingStableCascade  model:MODEL shift:SHIFT=2 -> MODEL
RescaleCFG  model:MODEL multiplier:UNIT=0.7 -> MODEL
= lt v3 advanced/model
ModelSamplingLTXV  model:MODEL max_shift:SHIFT=2.05 base_shift:SHIFT=0.95 latent?:LATENT -> MODEL
= lumina2 v3 advanced/model
RenormCFG  model:MODEL cfg_trunc:SHIFT=100 renorm_cfg:SHIFT -> MODEL
= model_advanced v1 advanced/debug/model
ModelComputeDtype  model:MODEL dtype:(default|fp32|fp16|bf16) -> MODEL
= freelunch v1>v3 model_patches/unet
FreeU  model:MODEL b1:GAIN=1.1 b2:GAIN=1.2 s1:GAIN=0.9 s2:GAIN=0.2 -> MODEL
FreeU_V2  model:MODEL b1:GAIN=1.3 b2:GAIN=1.4 s1:GAIN=0.9 s2:GAIN=0.2 -> MODEL
= fresca v3 _for_testing
FreSca  model:MODEL scale_low:GAIN scale_high:GAIN=1.25 freq_cutoff:INT=20[1..10000/1] -> MODEL
= hypertile v3 model_patches/unet
HyperTile
  model:MODEL tile_size:INT=256[1..2048] swap_size:INT=2[1..128] max_depth:INT=0[0..10] scale_depth:BOOLEAN=false
  -> MODEL
= pag v3 model_patches/unet
PerturbedAttentionGuidance  model:MODEL scale:FLOAT=3[0..100/0.01~0.01] -> MODEL
= perpneg v3 _for_testing
PerpNeg  model:MODEL empty_conditioning:CONDITIONING neg_scale:SHIFT -> MODEL
= sag v3 _for_testing
SelfAttentionGuidance  model:MODEL scale:FLOAT=0.5[-2..5/0.01] blur_sigma:FLOAT=2[0..10/0.1] -> MODEL
= sd3 v3 advanced/guidance
SkipLayerGuidanceSD3
  model:MODEL layers:LINE="7, 8, 9" scale:FLOAT=3[0..10/0.1] start_percent:PERCENT=0.01 end_percent:PERCENT=0.15
  -> MODEL
= slg v3 advanced/guidance
SkipLayerGuidanceDiT
  model:MODEL double_layers,single_layers:LINE="7, 8, 9" scale:FLOAT=3[0..10/0.1] start_percent:PERCENT=0.01
  end_percent:PERCENT=0.15 rescaling_scale:GAIN=0 -> MODEL
SkipLayerGuidanceDiTSimple
  model:MODEL double_layers,single_layers:LINE="7, 8, 9" start_percent:PERCENT end_percent:PERCENT=1 -> MODEL
= tomesd v3 model_patches/unet
TomePatchModel  model:MODEL ratio:UNIT=0.3 -> MODEL
= torch_compile v3 _for_testing
TorchCompileModel  model:MODEL backend:(inductor|cudagraphs) -> MODEL
= model_downscale v3 model_patches/unet
PatchModelAddDownscale
  model:MODEL block_number:INT=3[1..32/1] downscale_factor:FLOAT=2[0.1..9/0.001] start_percent:PERCENT
  end_percent:PERCENT=0.35 downscale_after_skip:BOOLEAN=true downscale_method,upscale_method:(@patchScale) -> MODEL
= apg v3 sampling/custom_sampling
APG  model:MODEL eta:FLOAT=1[-10..10/0.01] norm_threshold:FLOAT=5[0..50/0.1] momentum:FLOAT=0[-5..1/0.01] -> MODEL
= cfg v3 advanced/guidance
CFGNorm  model:MODEL strength:SHIFT -> patched_model:MODEL
CFGZeroStar  model:MODEL -> patched_model:MODEL
= tcfg v3 advanced/guidance
TCFG  model:MODEL -> patched_model:MODEL
= mahiro v3 _for_testing
Mahiro  model:MODEL -> patched_model:MODEL
= eps v3 model_patches/unet
Epsilon Scaling  model:MODEL scaling_factor:FLOAT=1.005[0.5..1.5/0.001],number -> MODEL
TemporalScoreRescaling @0.8
  model:MODEL tsr_k:FLOAT=0.95[0.01..100/0.001],number tsr_sigma:FLOAT=1[0.01..100/0.001],number
  -> patched_model:MODEL
= easycache v3 advanced/debug/model
EasyCache
  model:MODEL reuse_threshold:FLOAT=0.2[0..3/0.01] start_percent:UNIT=0.15 end_percent:UNIT=0.95
  verbose:BOOLEAN=false -> MODEL
LazyCache
  model:MODEL reuse_threshold:FLOAT=0.2[0..3/0.01] start_percent:UNIT=0.15 end_percent:UNIT=0.95
  verbose:BOOLEAN=false -> MODEL
= differential_diffusion v3 _for_testing
DifferentialDiffusion  model:MODEL strength?:UNIT -> MODEL
= context_windows v3 context
ContextWindowsManual
  model:MODEL context_length:INT=16[1..] context_overlap:INT=4[0..] context_schedule:(@windowSchedules)
  context_stride:INT=1[1..] closed_loop:BOOLEAN=false fuse_method:(@windowFusions)=pyramid dim:INT=0[0..5]
  freenoise@0.8:BOOLEAN=false -> MODEL
WanContextWindowsManual
  model:MODEL context_length:FRAMES4 context_overlap:INT=30[0..] context_schedule:(@windowSchedules)
  context_stride:INT=1[1..] closed_loop:BOOLEAN=false fuse_method:(@windowFusions)=pyramid
  freenoise@0.8:BOOLEAN=false -> MODEL
= chroma_radiance v3 model_patches/chroma_radiance
ChromaRadianceOptions
  model:MODEL preserve_wrapper:BOOLEAN=true start_sigma:FLOAT=1[0..1] end_sigma:FLOAT=0[0..1]
  nerf_tile_size:INT=-1[-1..] -> MODEL
= attention_multiply v3 _for_testing/attention_experiments
UNetCrossAttentionMultiply  model:MODEL q,k,v,out:GAIN -> MODEL
UNetSelfAttentionMultiply  model:MODEL q,k,v,out:GAIN -> MODEL
UNetTemporalAttentionMultiply  model:MODEL self_structural,self_temporal,cross_structural,cross_temporal:GAIN -> MODEL
= rope v3 advanced/model_patches
ScaleROPE @0.8
  model:MODEL scale_x:FLOAT=1[0..100/0.1] shift_x:FLOAT=0[-256..256/0.1] scale_y:FLOAT=1[0..100/0.1]
  shift_y:FLOAT=0[-256..256/0.1] scale_t:FLOAT=1[0..100/0.1] shift_t:FLOAT=0[-256..256/0.1] -> MODEL
= video_model v1 sampling/video_models
VideoLinearCFGGuidance  model:MODEL min_cfg:FLOAT=1[0..100/0.5~0.01] -> MODEL
VideoTriangleCFGGuidance  model:MODEL min_cfg:FLOAT=1[0..100/0.5~0.01] -> MODEL
= nop v3 
wanBlockSwap @0.8  model:MODEL -> MODEL
= latent v3 latent/advanced/operations
LatentApplyOperationCFG  model:MODEL operation:LATENT_OPERATION -> MODEL
= model_patch v1 advanced/loaders/qwen
QwenImageDiffsynthControlnet
  model:MODEL model_patch:MODEL_PATCH vae:VAE image:IMAGE strength:FLOAT=1[-10..10/0.01] mask?:MASK -> MODEL
= model_patch v1 advanced/loaders/zimage
ZImageFunControlnet @0.8
  model:MODEL model_patch:MODEL_PATCH vae:VAE strength:FLOAT=1[-10..10/0.01] image,inpaint_image?:IMAGE mask?:MASK
  -> MODEL
= model_patch v1 advanced/model_patches/flux
USOStyleReference  model:MODEL model_patch:MODEL_PATCH clip_vision_output:CLIP_VISION_OUTPUT -> MODEL
`;

const notesPatch: Run = (inputs, _context, _setup, definition) => [patched(inputs, definition.name)];

function patched(inputs: Inputs, name: string): ModelValue {
  const model = inputs.get('model', 'MODEL');
  const note = [name, ...literalNotes(inputs, inputs.names())].join(' ');
  return { ...model, patches: [...model.patches, note] };
}

/** Patches that bring a picture of their own. */
const withStructure: Run = (inputs, _context, _setup, definition) => {
  const model = patched(inputs, definition.name);
  const image = inputs.maybe('image', 'IMAGE');
  const strength = inputs.number('strength');
  if (!image || strength <= 0) return [model];
  return [{ ...model, guides: [...model.guides, guideOf(image, 'structure', strength)] }];
};

export const patchFamily: NodeFamily = {
  interfaces,
  otherwise: notesPatch,
  behaviours: {
    ModelComputeDtype: (inputs) => [inputs.get('model', 'MODEL')],
    TorchCompileModel: (inputs) => [inputs.get('model', 'MODEL')],
    QwenImageDiffsynthControlnet: withStructure,
    ZImageFunControlnet: withStructure,
    USOStyleReference: (inputs, _context, _setup, definition) => {
      const model = patched(inputs, definition.name);
      const image = inputs.get('clip_vision_output', 'CLIP_VISION_OUTPUT').image;
      return [{ ...model, guides: [...model.guides, guideOf(image, 'look', 0.7)] }];
    },
  },
};
