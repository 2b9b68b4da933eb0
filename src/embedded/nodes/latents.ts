import type { ImageBatch, MaskBatch } from '../node.js';
import { Picture } from '../rehearsal/picture.js';
import type { Inputs } from './inputs.js';
import { decode, emptyLatent, encode, encodedArea, latentOf, withNoiseMask } from './latent-values.js';
import type { NodeFamily, Run } from './library.js';
import { grow } from './masks.js';
import { cropFrame, frameAt, mapBytes, maskBatch, scaleMask, withBatchChannels } from './pixels.js';
import type { LatentValue } from './values.js';

/** Empty latents of every family, and the way between pictures and latents. */
const interfaces = `
= nodes v1 latent
EmptyLatentImage  width,height:SIDE8 batch_size:BATCH -> LATENT
VAEEncode  pixels:IMAGE vae:VAE -> LATENT
VAEDecode  samples:LATENT vae:VAE -> IMAGE
= sd3 v3 latent/sd3
EmptySD3LatentImage  width,height:SIDE16 batch_size:BATCH -> LATENT
= flux v3 latent
EmptyFlux2LatentImage @0.8  width,height:SIDE16 batch_size:BATCH -> LATENT
= hunyuan v1>v3 latent
EmptyHunyuanImageLatent  width,height:SIDE32=2048 batch_size:BATCH -> LATENT
= chroma_radiance v3 latent/chroma_radiance
EmptyChromaRadianceLatentImage  width,height:SIDE16 batch_size:BATCH -> LATENT
= qwen v3 latent/qwen
EmptyQwenImageLayeredLatentImage @0.8  width,height:SIDE16=640 layers:PLACE=3 batch_size:BATCH -> LATENT
= stable_cascade v3 latent/stable_cascade
StableCascade_EmptyLatentImage
  width,height:INT=1024[256..16384/8] compression:INT=42[4..128/1] batch_size:BATCH -> stage_c,stage_b:LATENT
StableCascade_StageC_VAEEncode  image:IMAGE vae:VAE compression:INT=42[4..128/1] -> stage_c,stage_b:LATENT
= stable_cascade v3 _for_testing/stable_cascade
StableCascade_SuperResolutionControlnet  image:IMAGE vae:VAE -> controlnet_input:IMAGE stage_c,stage_b:LATENT
= hunyuan v1>v3 latent/video
EmptyHunyuanLatentVideo  width:SIDE16=848 height:SIDE16=480 length:FRAMES4=25 batch_size:BATCH -> LATENT
= hunyuan v3 latent/video
EmptyHunyuanVideo15Latent @0.8  width:SIDE16=848 height:SIDE16=480 length:FRAMES4=25 batch_size:BATCH -> LATENT
= cosmos v3 latent/video
EmptyCosmosLatentVideo  width:SIDE16=1280 height:SIDE16=704 length:FRAMES8=121 batch_size:BATCH -> LATENT
= lt v3 latent/video/ltxv
EmptyLTXVLatentVideo  width:SIDE32 height:SIDE32=512 length:FRAMES8 batch_size:BATCH -> LATENT
= mochi v3 latent/video
EmptyMochiLatentVideo  width:SIDE16=848 height:SIDE16=480 length:INT=25[7..16384/6] batch_size:BATCH -> LATENT
= nodes v1 _for_testing
VAEEncodeTiled
  pixels:IMAGE vae:VAE tile_size:INT=512[64..4096/64] overlap:INT=64[0..4096/32] temporal_size:INT=64[8..4096/4]
  temporal_overlap:INT=8[4..4096/4] -> LATENT
VAEDecodeTiled
  samples:LATENT vae:VAE tile_size:INT=512[64..4096/32] overlap:INT=64[0..4096/32] temporal_size:INT=64[8..4096/4]
  temporal_overlap:INT=8[4..4096/4] -> IMAGE
= nodes v1 latent/inpaint
VAEEncodeForInpaint  pixels:IMAGE vae:VAE mask:MASK grow_mask_by:INT=6[0..64/1] -> LATENT
SetLatentNoiseMask  samples:LATENT mask:MASK -> LATENT
`;

const empty: Run = (inputs) => [sizedLatent(inputs)];

/** An empty latent of the size, batch and number of frames that a node's inputs name. */
export function sizedLatent(inputs: Inputs): LatentValue {
  const length = inputs.has('length') ? inputs.integer('length') : 1;
  const batch = inputs.has('batch_size') ? inputs.integer('batch_size') : 1;
  return emptyLatent(inputs.integer('width'), inputs.integer('height'), batch, length);
}

const encodes: Run = (inputs) => [encode(inputs.get('pixels', 'IMAGE'))];
const decodes: Run = async (inputs) => [await decode(inputs.get('samples', 'LATENT'))];

export const latentFamily: NodeFamily = {
  interfaces,
  behaviours: {
    EmptyLatentImage: empty,
    EmptySD3LatentImage: empty,
    EmptyFlux2LatentImage: empty,
    EmptyHunyuanImageLatent: empty,
    EmptyChromaRadianceLatentImage: empty,
    EmptyHunyuanLatentVideo: empty,
    EmptyHunyuanVideo15Latent: empty,
    EmptyCosmosLatentVideo: empty,
    EmptyLTXVLatentVideo: empty,
    EmptyMochiLatentVideo: empty,
    EmptyQwenImageLayeredLatentImage: (inputs) => {
      // The picture and its layers come out as the items of one batch.
      const items = (inputs.integer('layers') + 1) * inputs.integer('batch_size');
      return [emptyLatent(inputs.integer('width'), inputs.integer('height'), items)];
    },
    StableCascade_EmptyLatentImage: (inputs) => [sizedLatent(inputs), sizedLatent(inputs)],
    StableCascade_StageC_VAEEncode: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      return [encode(image), emptyLatent(image.width, image.height, image.frames.length)];
    },
    StableCascade_SuperResolutionControlnet: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const latent = () => emptyLatent(image.width * 4, image.height * 4, image.frames.length);
      return [image, latent(), latent()];
    },
    VAEEncode: encodes,
    VAEEncodeTiled: encodes,
    VAEDecode: decodes,
    VAEDecodeTiled: decodes,
    VAEEncodeForInpaint: async (inputs) => [
      await encodeForInpaint(inputs.get('pixels', 'IMAGE'), inputs.get('mask', 'MASK'), inputs.integer('grow_mask_by')),
    ],
    SetLatentNoiseMask: (inputs) => [withNoiseMask(inputs.get('samples', 'LATENT'), inputs.get('mask', 'MASK'))],
  },
};

/** The masked part becomes grey before it is encoded, and the mask grows a little to hide the seam. */
async function encodeForInpaint(pixels: ImageBatch, mask: MaskBatch, growBy: number): Promise<LatentValue> {
  const image = withBatchChannels(pixels, 3);
  const area = encodedArea(image.width, image.height);
  const scaled = await scaleMask(mask, image.width, image.height, 'bilinear');
  const hard = scaled.frames.map((frame) =>
    mapBytes(cropFrame(frame, image.width, 1, area), (value) => (value >= 128 ? 255 : 0)),
  );
  const items = image.frames.map((frame, index) => {
    const cut = Buffer.from(cropFrame(frame, image.width, 3, area));
    const holes = frameAt(hard, index);
    for (let i = 0; i < holes.length; i++) if (holes[i]) cut.fill(127, i * 3, i * 3 + 3);
    return { picture: Picture.of(area.width, area.height, cut), index, noise: 0 };
  });
  const steps = Math.ceil((growBy - 1) / 2);
  const grown: Buffer[] = [];
  for (const frame of hard) grown.push(await grow(frame, area.width, area.height, Math.max(0, steps), false));
  const latent = latentOf(area.width, area.height, items);
  return withNoiseMask(latent, maskBatch(area.width, area.height, grown));
}
