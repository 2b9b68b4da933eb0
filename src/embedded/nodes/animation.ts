import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { type ImageBatch, type NodeContext, NodeException, type NodeResult } from '../node.js';
import { embeddedTexts } from '../png-text.js';
import { saveNames } from '../save-names.js';
import { encodeApng } from './apng.js';
import type { NodeFamily, NodeSetup } from './library.js';
import { encodePng, withBatchChannels } from './pixels.js';

/** Nodes that save films as animated pictures, with the graph in the file (comfyui.md 5). */
const interfaces = `
= images v1>v3 image/animation
SaveAnimatedWEBP! +graph
  images:IMAGE filename_prefix:LINE=ComfyUI fps:FLOAT=6[0.01..1000/0.01] lossless:BOOLEAN=true quality:INT=80[0..100]
  method:(default|fastest|slowest)
SaveAnimatedPNG! +graph
  images:IMAGE filename_prefix:LINE=ComfyUI fps:FLOAT=6[0.01..1000/0.01] compress_level:INT=4[0..9]
`;

/** The format cannot hold larger pictures. */
const MAX_WEBP_SIDE = 16_383;
const EFFORTS: Readonly<Record<string, number>> = { default: 4, fastest: 0, slowest: 6 };

export const animationFamily: NodeFamily = {
  interfaces,
  behaviours: {
    SaveAnimatedWEBP: async (inputs, context, setup) => {
      const images = inputs.get('images', 'IMAGE');
      const webp = await encodeWebp(images, context, {
        delayMs: delayOf(inputs.number('fps')),
        lossless: inputs.flag('lossless'),
        quality: Math.max(1, inputs.integer('quality')),
        effort: EFFORTS[inputs.text('method')] ?? 4,
      });
      return saveFile(webp, 'webp', images, inputs.text('filename_prefix'), context, setup);
    },
    SaveAnimatedPNG: async (inputs, context, setup) => {
      const images = withBatchChannels(inputs.get('images', 'IMAGE'), 3);
      const level = inputs.integer('compress_level');
      const pngs: Buffer[] = [];
      for (const frame of images.frames) pngs.push(await encodePng(frame, images, level));
      const texts = embeddedTexts(context.prompt, context.extraPngInfo);
      const apng = encodeApng(pngs, { delayMs: delayOf(inputs.number('fps')), texts });
      return saveFile(apng, 'png', images, inputs.text('filename_prefix'), context, setup);
    },
  },
};

function delayOf(fps: number): number {
  return Math.trunc(1000 / fps);
}

/** Saves one file, and reports it as the result. */
export async function saveFile(
  bytes: Buffer,
  extension: string,
  images: ImageBatch,
  prefix: string,
  context: NodeContext,
  setup: NodeSetup,
  isAnimated = images.frames.length > 1,
): Promise<NodeResult> {
  const names = await saveNames({
    baseFolder: context.folders.output,
    prefix,
    width: images.width,
    height: images.height,
    now: setup.now(),
  });
  const filename = await names.claim(0, extension);
  await writeFile(join(names.folder, filename), bytes);
  const file = { filename, subfolder: names.subfolder, type: 'output' };
  return { outputs: [], ui: { images: [file], animated: [isAnimated] } };
}

interface WebpOptions {
  readonly delayMs: number;
  readonly lossless: boolean;
  readonly quality: number;
  readonly effort: number;
}

/** Tags that count down from 0x0110, in which the graph and further texts are kept. */
const EXIF_TAGS = ['Model', 'Make', 'ImageDescription', 'DocumentName'] as const;

async function encodeWebp(images: ImageBatch, context: NodeContext, options: WebpOptions): Promise<Buffer> {
  const { width, height, channels, frames } = images;
  if (width > MAX_WEBP_SIDE || height > MAX_WEBP_SIDE) {
    throw new NodeException('ValueError', `${width}x${height} is too large for WebP`);
  }
  const texts = embeddedTexts(context.prompt, context.extraPngInfo);
  const tags = texts.slice(0, EXIF_TAGS.length).map(([key, text], i) => [EXIF_TAGS[i]!, `${key}:${text}`]);
  return sharp(Buffer.concat(frames), {
    raw: { width, height: height * frames.length, channels, pageHeight: height },
    limitInputPixels: false,
  })
    .withExif({ IFD0: Object.fromEntries(tags) })
    .webp({
      lossless: options.lossless,
      quality: options.quality,
      effort: options.effort,
      loop: 0,
      delay: frames.map(() => options.delayMs),
    })
    .toBuffer();
}
