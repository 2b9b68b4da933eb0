import sharp from 'sharp';
import type { ImageBatch } from '../node.js';
import { Random } from '../rehearsal/random.js';
import { gaussianBlur } from './gaussian.js';
import type { NodeFamily } from './library.js';
import { channelOf, frameAt, imageBatch, MAX_PIXELS, mapBytes, resizeImage, withBatchChannels } from './pixels.js';

/** Nodes that change colours and sharpness. */
const interfaces = `
= post_processing v3 image/postprocessing
ImageBlend
  image1,image2:IMAGE blend_factor:UNIT=0.5 blend_mode:(normal|multiply|screen|overlay|soft_light|difference)
  -> IMAGE
ImageBlur  image:IMAGE blur_radius:INT=1[1..31/1] sigma:FLOAT=1[0.1..10/0.1] -> IMAGE
ImageSharpen  image:IMAGE sharpen_radius:INT=1[1..31/1] sigma:FLOAT=1[0.1..10/0.01] alpha:FLOAT=1[0..5/0.01] -> IMAGE
ImageQuantize
  image:IMAGE colors:INT=256[1..256/1] dither:(none|floyd-steinberg|bayer-2|bayer-4|bayer-8|bayer-16) -> IMAGE
= morphology v3 image/batch
ImageRGBToYUV  image:IMAGE -> Y:IMAGE U:IMAGE V:IMAGE
ImageYUVToRGB  Y,U,V:IMAGE -> IMAGE
= images v1>v3 image
ImageAddNoise  image:IMAGE seed:SEED strength:UNIT=0.5 -> IMAGE
= dataset v3 dataset/image
AdjustBrightness @0.8  images:IMAGE factor:FLOAT=1[0..2] -> images:IMAGE
AdjustContrast @0.8  images:IMAGE factor:FLOAT=1[0..2] -> images:IMAGE
NormalizeImages @0.8  images:IMAGE mean:FLOAT=0.5[0..1] std:FLOAT=0.5[0.001..1] -> images:IMAGE
`;

export const filterFamily: NodeFamily = {
  interfaces,
  behaviours: {
    ImageBlend: async (inputs) => {
      const image1 = inputs.get('image1', 'IMAGE');
      const given = withBatchChannels(inputs.get('image2', 'IMAGE'), image1.channels);
      const image2 = await resizeImage(given, image1.width, image1.height, 'bicubic', 'center');
      const factor = inputs.number('blend_factor');
      const table = blendTable(BLENDS[inputs.text('blend_mode')] ?? BLENDS['normal']!, factor);
      const count = Math.max(image1.frames.length, image2.frames.length);
      const frames = Array.from({ length: count }, (_, index) => {
        const [below, above] = [frameAt(image1.frames, index), frameAt(image2.frames, index)];
        const result = Buffer.allocUnsafe(below.length);
        for (let i = 0; i < below.length; i++) result[i] = table[(below[i]! << 8) | above[i]!]!;
        return result;
      });
      return [{ ...image1, frames }];
    },
    ImageBlur: async (inputs) => [
      await filtered(inputs.get('image', 'IMAGE'), (frame, image) =>
        gaussianBlur(frame, image, inputs.integer('blur_radius'), inputs.number('sigma')),
      ),
    ],
    ImageSharpen: async (inputs) => {
      // ComfyUI's kernel weighs alpha tenfold.
      const weight = inputs.number('alpha') * 10;
      const radius = inputs.integer('sharpen_radius');
      const sigma = inputs.number('sigma');
      return [
        await filtered(inputs.get('image', 'IMAGE'), async (frame, image) => {
          const blurred = await gaussianBlur(frame, image, radius, sigma);
          return mapBytes(frame, (value, i) => value + weight * (value - blurred[i]!));
        }),
      ];
    },
    ImageQuantize: async (inputs) => {
      const colours = inputs.integer('colors');
      const dither = inputs.text('dither');
      const rgb = withBatchChannels(inputs.get('image', 'IMAGE'), 3);
      return [await filtered(rgb, (frame, image) => quantize(frame, image, colours, dither))];
    },
    ImageRGBToYUV: (inputs) => {
      const rgb = withBatchChannels(inputs.get('image', 'IMAGE'), 3);
      return toYuv(rgb);
    },
    ImageYUVToRGB: (inputs) => {
      const [y, u, v] = (['Y', 'U', 'V'] as const).map((name) => inputs.get(name, 'IMAGE'));
      return [fromYuv(y!, u!, v!)];
    },
    ImageAddNoise: async (inputs) => {
      const random = new Random('image noise', inputs.seed('seed'));
      const strength = inputs.number('strength') * 255;
      // The sum of four evenly spread numbers is close to a bell of width 1.
      const bell = () => (random.next() + random.next() + random.next() + random.next() - 2) * 1.73;
      return [
        await filtered(inputs.get('image', 'IMAGE'), (frame) => mapBytes(frame, (value) => value + bell() * strength)),
      ];
    },
    AdjustBrightness: (inputs) => {
      const factor = inputs.number('factor');
      return [adjusted(inputs.get('images', 'IMAGE'), (value) => value * factor)];
    },
    AdjustContrast: (inputs) => {
      const factor = inputs.number('factor');
      return [adjusted(inputs.get('images', 'IMAGE'), (value) => (value - 127.5) * factor + 127.5)];
    },
    NormalizeImages: (inputs) => {
      const mean = inputs.number('mean') * 255;
      const deviation = inputs.number('std');
      return [adjusted(inputs.get('images', 'IMAGE'), (value) => (value - mean) / deviation)];
    },
  },
};

async function filtered(
  image: ImageBatch,
  filter: (frame: Buffer, image: ImageBatch) => Promise<Buffer> | Buffer,
): Promise<ImageBatch> {
  const frames: Buffer[] = [];
  for (const frame of image.frames) frames.push(await filter(frame, image));
  return { ...image, frames };
}

function adjusted(image: ImageBatch, compute: (value: number) => number): ImageBatch {
  const table = Uint8Array.from({ length: 256 }, (_, value) => Math.min(255, Math.max(0, Math.round(compute(value)))));
  return { ...image, frames: image.frames.map((frame) => mapBytes(frame, (value) => table[value]!)) };
}

/** Below and above in 0..1 give the blended value. */
const BLENDS: Readonly<Record<string, (below: number, above: number) => number>> = {
  normal: (_, above) => above,
  multiply: (below, above) => below * above,
  screen: (below, above) => 1 - (1 - below) * (1 - above),
  overlay: (below, above) => (below <= 0.5 ? 2 * below * above : 1 - 2 * (1 - below) * (1 - above)),
  soft_light: (below, above) => {
    if (above <= 0.5) return below - (1 - 2 * above) * below * (1 - below);
    const curve = below <= 0.25 ? ((16 * below - 12) * below + 4) * below : Math.sqrt(below);
    return below + (2 * above - 1) * (curve - below);
  },
  difference: (below, above) => below - above,
};

/** The result for each pair of bytes: 65536 entries, so that the formula runs once per pair and not per pixel. */
function blendTable(blend: (below: number, above: number) => number, factor: number): Uint8Array {
  const table = new Uint8Array(65_536);
  for (let below = 0; below < 256; below++) {
    for (let above = 0; above < 256; above++) {
      const mixed = (below / 255) * (1 - factor) + blend(below / 255, above / 255) * factor;
      table[(below << 8) | above] = Math.round(Math.min(1, Math.max(0, mixed)) * 255);
    }
  }
  return table;
}

/** Reduces to a palette in libvips, off the main thread. Ordered dithers shift the pixels by their matrix first. */
async function quantize(frame: Buffer, image: ImageBatch, colours: number, dither: string): Promise<Buffer> {
  const raw = { raw: { width: image.width, height: image.height, channels: 3 as const }, limitInputPixels: MAX_PIXELS };
  const order = Number(/^bayer-(\d+)$/.exec(dither)?.[1] ?? 0);
  const source = order > 0 ? orderedOffsets(frame, image.width, order, colours) : frame;
  if (colours < 2) {
    const { channels } = await sharp(source, raw).stats();
    return Buffer.alloc(frame.length, Buffer.from(channels.slice(0, 3).map((channel) => Math.round(channel.mean))));
  }
  const png = await sharp(source, raw)
    .png({ palette: true, colours, dither: dither === 'floyd-steinberg' ? 1 : 0 })
    .toBuffer();
  return sharp(png).removeAlpha().toColourspace('srgb').raw().toBuffer();
}

function orderedOffsets(frame: Buffer, width: number, order: number, colours: number): Buffer {
  // The wider apart the colours of the palette, the larger the shift.
  const spread = 256 / Math.cbrt(colours);
  return mapBytes(frame, (value, index) => {
    const pixel = Math.floor(index / 3);
    const threshold = bayer(pixel % width, Math.floor(pixel / width), order);
    return value + (threshold - 0.5) * spread * 0.5;
  });
}

/** The ordered dither matrix of size `order` (a power of two), as numbers in 0..1. */
function bayer(x: number, y: number, order: number): number {
  let value = 0;
  let weight = 0.25;
  for (let size = 1; size < order; size *= 2) {
    const bits = (Math.floor(x / size) % 2) + 2 * (Math.floor(y / size) % 2);
    value += [0, 2, 3, 1][bits]! * weight;
    weight /= 4;
  }
  return value;
}

function toYuv(image: ImageBatch): [ImageBatch, ImageBatch, ImageBatch] {
  const plane = (weights: readonly [number, number, number], offset: number): ImageBatch => {
    const frames = image.frames.map((frame) => {
      const result = Buffer.allocUnsafe(frame.length);
      for (let i = 0; i < frame.length; i += 3) {
        const value = weights[0] * frame[i]! + weights[1] * frame[i + 1]! + weights[2] * frame[i + 2]! + offset;
        result.fill(Math.min(255, Math.max(0, Math.round(value))), i, i + 3);
      }
      return result;
    });
    return { ...image, frames };
  };
  return [
    plane([0.299, 0.587, 0.114], 0),
    plane([-0.168736, -0.331264, 0.5], 127.5),
    plane([0.5, -0.418688, -0.081312], 127.5),
  ];
}

function fromYuv(y: ImageBatch, u: ImageBatch, v: ImageBatch): ImageBatch {
  const frames = y.frames.map((frame, index) => {
    const [luma, blue, red] = [
      channelOf(frame, y.channels, 0),
      channelOf(frameAt(u.frames, index), u.channels, 0),
      channelOf(frameAt(v.frames, index), v.channels, 0),
    ];
    const result = Buffer.allocUnsafe(luma.length * 3);
    for (let i = 0; i < luma.length; i++) {
      const cb = blue[i]! - 127.5;
      const cr = red[i]! - 127.5;
      const values = [luma[i]! + 1.402 * cr, luma[i]! - 0.344136 * cb - 0.714136 * cr, luma[i]! + 1.772 * cb];
      values.forEach((value, channel) => {
        result[i * 3 + channel] = Math.min(255, Math.max(0, Math.round(value)));
      });
    }
    return result;
  });
  return imageBatch(y.width, y.height, 3, frames);
}
