/** Interfaces of the nodes in latent-ops.ts. */
export const latentOpInterfaces = `
= nodes v1 latent
LatentUpscale  samples:LATENT upscale_method:(@latentScale) width,height:PLACE8=512 crop:(disabled|center) -> LATENT
LatentUpscaleBy  samples:LATENT upscale_method:(@latentScale) scale_by:FLOAT=1.5[0.01..8/0.01] -> LATENT
LatentComposite  samples_to,samples_from:LATENT x,y,feather:PLACE8 -> LATENT
= nodes v1 latent/transform
LatentCrop  samples:LATENT width,height:INT=512[64..16384/8] x,y:PLACE8 -> LATENT
LatentFlip  samples:LATENT flip_method:(@flip) -> LATENT
LatentRotate  samples:LATENT rotation:(@rotation) -> LATENT
= mask v1>v3 latent
LatentCompositeMasked  destination,source:LATENT x,y:PLACE8 resize_source:BOOLEAN=false mask?:MASK -> LATENT
= nodes v1 _for_testing
LatentBlend  samples1,samples2:LATENT blend_factor:UNIT=0.5 -> LATENT
= latent v3 latent/batch
LatentBatch  samples1,samples2:LATENT -> LATENT
ReplaceVideoLatentFrames @0.8  destination:LATENT index:INT=0[-16384..16384/1] source?:LATENT -> LATENT
= nodes v1 latent/batch
LatentFromBatch  samples:LATENT batch_index:INT=0[0..63] length:INT=1[1..64] -> LATENT
RepeatLatentBatch  samples:LATENT amount:INT=1[1..64] -> LATENT
= rebatch v3 latent/batch
RebatchLatents  latents:LATENT batch_size:BATCH -> LATENT[]
= post_processing v3 latent
BatchLatentsNode @0.8  latents:special -> LATENT
= latent v3 latent/advanced
LatentBatchSeedBehavior  samples:LATENT seed_behavior:(random|fixed)=fixed -> LATENT
LatentAdd  samples1,samples2:LATENT -> LATENT
LatentSubtract  samples1,samples2:LATENT -> LATENT
LatentMultiply  samples:LATENT multiplier:FLOAT=1[-10..10/0.01] -> LATENT
LatentInterpolate  samples1,samples2:LATENT ratio:UNIT -> LATENT
LatentConcat  samples1,samples2:LATENT dim:(x|-x|y|-y|t|-t) -> LATENT
LatentCut  samples:LATENT dim:(x|y|t) index:INT=0[-16384..16384/1] amount:PIXELS=1 -> LATENT
LatentCutToBatch @0.8  samples:LATENT dim:(t|x|y) slice_size:PIXELS=1 -> LATENT
= latent v3 latent/advanced/operations
LatentApplyOperation  samples:LATENT operation:LATENT_OPERATION -> LATENT
LatentOperationSharpen
  sharpen_radius:INT=9[1..31/1] sigma:FLOAT=1[0.1..10/0.1] alpha:FLOAT=0.1[0..5/0.01] -> LATENT_OPERATION
LatentOperationTonemapReinhard  multiplier:SHIFT -> LATENT_OPERATION
= lt_upsampler v1 latent/video
LTXVLatentUpsampler @0.8  samples:LATENT upscale_model:LATENT_UPSCALE_MODEL vae:VAE -> LATENT
= hunyuan v3 latent
HunyuanVideo15LatentUpscaleWithModel @0.8
  model:LATENT_UPSCALE_MODEL samples:LATENT upscale_method:(@latentScale)=bilinear width:PLACE8=1280
  height:PLACE8=720 crop:(disabled|center) -> LATENT
= wan v3 latent/video
TrimVideoLatent  samples:LATENT trim_amount:INT=0[0..99999] -> LATENT
= kandinsky5 v3 conditioning/video_models
NormalizeVideoLatentStart @0.8
  latent:LATENT start_frame_count:PIXELS=4 reference_frame_count:PIXELS=5 -> latent:LATENT
= custom_sampler v1>v3 _for_testing/custom_sampling/noise
AddNoise  model:MODEL noise:NOISE sigmas:SIGMAS latent_image:LATENT -> LATENT
= hunyuan v1>v3 sd
HunyuanRefinerLatent
  positive,negative:CONDITIONING latent:LATENT noise_augmentation:UNIT=0.1
  -> positive,negative:CONDITIONING latent:LATENT
`;
