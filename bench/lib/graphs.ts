import type { Graph } from '../../src/graph/index.js';

/** Text to image on the rehearsed nodes. Another `serial` makes another prompt, which no cache answers. */
export function textToImage(
  serial: number,
  { width, height, steps }: { readonly width: number; readonly height: number; readonly steps: number },
): Graph {
  const sampler = { steps, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 1 };
  return {
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'bench.safetensors' } },
    '2': { class_type: 'CLIPTextEncode', inputs: { clip: ['1', 1], text: `mountains by the sea, sunset, ${serial}` } },
    '3': { class_type: 'EmptyLatentImage', inputs: { width, height, batch_size: 1 } },
    '4': {
      class_type: 'KSampler',
      inputs: {
        model: ['1', 0],
        positive: ['2', 0],
        negative: ['2', 0],
        latent_image: ['3', 0],
        seed: serial,
        ...sampler,
      },
    },
    '5': { class_type: 'VAEDecode', inputs: { samples: ['4', 0], vae: ['1', 2] } },
    '6': { class_type: 'SaveImage', inputs: { images: ['5', 0], filename_prefix: `bench/${serial}` } },
  };
}
