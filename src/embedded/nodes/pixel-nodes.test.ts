import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import type { ImageBatch, MaskBatch } from '../node.js';
import { imageBatch, maskBatch } from './pixels.js';

/** Each node against a picture small enough to compute by hand. Greys stand for pixels: [1, 2] is two grey pixels. */
let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const grey = (width: number, height: number, ...values: readonly number[]): ImageBatch =>
  imageBatch(width, height, 3, [Buffer.from(values.flatMap((value) => [value, value, value]))]);

const greys = (image: unknown, frame = 0): number[] => {
  const { frames, channels } = image as ImageBatch;
  return [...frames[frame]!].filter((_, index) => index % channels === 0);
};

const mask = (width: number, height: number, ...values: readonly number[]): MaskBatch =>
  maskBatch(width, height, [Buffer.from(values)]);

const bytes = (value: unknown, frame = 0): number[] => [...(value as MaskBatch).frames[frame]!];
const sizeOf = (value: unknown): number[] => [(value as ImageBatch).width, (value as ImageBatch).height];
const run = (name: string, inputs: Readonly<Record<string, unknown>>) => bench.output(name, inputs);

describe('making and cutting', () => {
  it('EmptyImage fills with its colour', async () => {
    const image = (await run('EmptyImage', { width: 2, height: 1, batch_size: 3, color: 0x0a141e })) as ImageBatch;
    expect([...image.frames[2]!]).toEqual([10, 20, 30, 10, 20, 30]);
    expect(image.frames.length).toBe(3);
  });

  it('ImageInvert turns values around', async () => {
    expect(greys(await run('ImageInvert', { image: grey(2, 1, 0, 200) }))).toEqual([255, 55]);
  });

  it('ImageCrop stays inside the picture', async () => {
    const image = grey(3, 2, 1, 2, 3, 4, 5, 6);
    expect(greys(await run('ImageCrop', { image, width: 2, height: 1, x: 1, y: 1 }))).toEqual([5, 6]);
    expect(greys(await run('ImageCrop', { image, width: 99, height: 99, x: 99, y: 0 }))).toEqual([3, 6]);
  });

  it('ImageFlip and ImageRotate move pixels', async () => {
    const image = grey(2, 2, 1, 2, 3, 4);
    expect(greys(await run('ImageFlip', { image, flip_method: 'x-axis: vertically' }))).toEqual([3, 4, 1, 2]);
    expect(greys(await run('ImageFlip', { image, flip_method: 'y-axis: horizontally' }))).toEqual([2, 1, 4, 3]);
    expect(greys(await run('ImageRotate', { image, rotation: '90 degrees' }))).toEqual([3, 1, 4, 2]);
    expect(greys(await run('ImageRotate', { image, rotation: '180 degrees' }))).toEqual([4, 3, 2, 1]);
    expect(greys(await run('ImageRotate', { image, rotation: '270 degrees' }))).toEqual([2, 4, 1, 3]);
  });

  it('ImagePadForOutpaint surrounds with grey and masks the margin', async () => {
    const inputs = { image: grey(1, 1, 9), left: 1, top: 0, right: 0, bottom: 1, feathering: 0 };
    const { outputs } = await bench.run('ImagePadForOutpaint', inputs);
    expect(greys(outputs[0])).toEqual([127, 9, 127, 127]);
    expect(bytes(outputs[1])).toEqual([255, 0, 255, 255]);
  });

  it('ImagePadForOutpaint feathers towards padded sides only', async () => {
    const image = grey(5, 5, ...new Array<number>(25).fill(9));
    const { outputs } = await bench.run('ImagePadForOutpaint', {
      image,
      left: 1,
      top: 0,
      right: 0,
      bottom: 0,
      feathering: 2,
    });
    expect(bytes(outputs[1]).slice(0, 6)).toEqual([255, 255, 64, 0, 0, 0]);
  });

  it('ImageStitch joins with a gap', async () => {
    const inputs = { image1: grey(1, 1, 5), image2: grey(1, 1, 7), match_image_size: true, spacing_color: 'white' };
    expect(greys(await run('ImageStitch', { ...inputs, direction: 'right', spacing_width: 2 }))).toEqual([
      5, 255, 255, 7,
    ]);
    expect(greys(await run('ImageStitch', { ...inputs, direction: 'up', spacing_width: 0 }))).toEqual([7, 5]);
  });

  it('GetImageSize tells the size, also as text', async () => {
    const { outputs } = await bench.run('GetImageSize', { image: grey(2, 1, 0, 0) });
    expect(outputs).toEqual([2, 1, 1]);
    expect(bench.texts.at(-1)).toBe('width: 2, height: 1\n batch size: 1');
  });
});

describe('scaling', () => {
  const image = grey(2, 2, 0, 100, 200, 40);

  it.each([
    ['nearest-exact', [0, 0, 100, 100]],
    ['bilinear', [0, 25, 75, 100]],
    ['area', [0, 0, 100, 100]],
  ])('ImageScale by %s doubles the first row', async (method, row) => {
    const result = await run('ImageScale', { image, upscale_method: method, width: 4, height: 4, crop: 'disabled' });
    expect(greys(result).slice(0, 4)).toEqual(row);
  });

  it.each(['area', 'bilinear', 'bicubic', 'lanczos'])('%s keeps an even colour and gives the size', async (method) => {
    const even = grey(4, 4, ...new Array<number>(16).fill(77));
    const result = await run('ImageScale', {
      image: even,
      upscale_method: method,
      width: 3,
      height: 5,
      crop: 'disabled',
    });
    expect(sizeOf(result)).toEqual([3, 5]);
    expect(new Set(greys(result))).toEqual(new Set([77]));
  });

  it('area averages', async () => {
    expect(
      greys(await run('ImageScale', { image, upscale_method: 'area', width: 1, height: 1, crop: 'disabled' })),
    ).toEqual([85]);
  });

  it('a side of 0 follows the other', async () => {
    const wide = grey(4, 2, ...new Array<number>(8).fill(1));
    const inputs = { image: wide, upscale_method: 'area', crop: 'disabled' };
    expect(sizeOf(await run('ImageScale', { ...inputs, width: 0, height: 4 }))).toEqual([8, 4]);
    expect(sizeOf(await run('ImageScale', { ...inputs, width: 0, height: 0 }))).toEqual([4, 2]);
  });

  it('crop center takes the middle', async () => {
    const strip = grey(4, 1, 1, 2, 3, 4);
    const result = await run('ImageScale', {
      image: strip,
      upscale_method: 'area',
      width: 2,
      height: 1,
      crop: 'center',
    });
    expect(greys(result)).toEqual([2, 3]);
  });

  it('computes sizes like a real server', async () => {
    const wide = grey(300, 200, ...new Array<number>(60_000).fill(1));
    const area = 'area';
    expect(sizeOf(await run('ImageScaleBy', { image: wide, upscale_method: area, scale_by: 0.5 }))).toEqual([150, 100]);
    expect(
      sizeOf(
        await run('ImageScaleToTotalPixels', {
          image: wide,
          upscale_method: area,
          megapixels: 0.01,
          resolution_steps: 8,
        }),
      ),
    ).toEqual([128, 80]);
    expect(
      sizeOf(await run('ImageScaleToMaxDimension', { image: wide, upscale_method: area, largest_size: 90 })),
    ).toEqual([90, 60]);
    expect(sizeOf(await run('FluxKontextImageScale', { image: wide }))).toEqual([1248, 832]);
    expect(sizeOf(await run('ResizeImagesByShorterEdge', { images: wide, shorter_edge: 20 }))).toEqual([30, 20]);
    const padded = { image: wide, target_width: 30, target_height: 30, padding_color: 'white', interpolation: area };
    const square = await run('ResizeAndPadImage', padded);
    expect(sizeOf(square)).toEqual([30, 30]);
    expect([greys(square)[0], greys(square)[15 * 30]]).toEqual([255, 1]);
  });

  it('ResizeImageMaskNode takes its dotted inputs, for pictures and masks', async () => {
    const inputs = { scale_method: 'nearest-exact' };
    const wide = await run('ResizeImageMaskNode', {
      ...inputs,
      input: image,
      resize_type: 'scale width',
      'resize_type.width': 6,
    });
    expect(sizeOf(wide)).toEqual([6, 6]);
    const half = await run('ResizeImageMaskNode', {
      ...inputs,
      input: mask(2, 2, 1, 2, 3, 4),
      resize_type: 'scale by multiplier',
      'resize_type.multiplier': 2,
    });
    expect(half).toMatchObject({ type: 'MASK', width: 4, height: 4 });
    const matched = await run('ResizeImageMaskNode', {
      ...inputs,
      input: image,
      resize_type: 'match size',
      'resize_type.match': mask(3, 1, 0, 0, 0),
      'resize_type.crop': 'disabled',
    });
    expect(sizeOf(matched)).toEqual([3, 1]);
  });

  it('ImageUpscaleWithModel enlarges by the factor in the file name', async () => {
    const size = async (name: string) =>
      sizeOf(await run('ImageUpscaleWithModel', { upscale_model: { type: 'UPSCALE_MODEL', name }, image }));
    expect(await size('RealESRGAN_x2plus.pth')).toEqual([4, 4]);
    expect(await size('4x-UltraSharp.pth')).toEqual([8, 8]);
    expect(await size('plain.pth')).toEqual([8, 8]);
  });
});

describe('batches', () => {
  const first = grey(1, 1, 1);
  const three: ImageBatch = { ...first, frames: [1, 2, 3].map((value) => Buffer.from([value, value, value])) };

  it('ImageBatch brings the second to the size of the first', async () => {
    const image = (await run('ImageBatch', { image1: grey(2, 1, 1, 2), image2: first })) as ImageBatch;
    expect([image.frames.length, ...sizeOf(image)]).toEqual([2, 2, 1]);
    expect(greys(image, 1)).toEqual([1, 1]);
  });

  it('takes out, repeats and regroups', async () => {
    const part = (await run('ImageFromBatch', { image: three, batch_index: 1, length: 9 })) as ImageBatch;
    expect(part.frames.map((frame) => frame[0])).toEqual([2, 3]);
    const twice = (await run('RepeatImageBatch', { image: three, amount: 2 })) as ImageBatch;
    expect(twice.frames.map((frame) => frame[0])).toEqual([1, 2, 3, 1, 2, 3]);
    const lists = (await run('RebatchImages', { images: [three, first], batch_size: [3] })) as ImageBatch[];
    expect(lists.map((batch) => batch.frames.map((frame) => frame[0]))).toEqual([[1, 2, 3], [1]]);
    await expect(run('RebatchImages', { images: [three, grey(2, 1, 1, 2)], batch_size: [9] })).rejects.toMatchObject({
      exceptionType: 'RuntimeError',
    });
  });

  it('takes growing inputs in the order of their numbers', async () => {
    const images = { 'images.image10': grey(1, 1, 10), 'images.image2': grey(1, 1, 2), 'images.image0': grey(1, 1, 0) };
    const batch = (await run('BatchImagesNode', images)) as ImageBatch;
    expect(batch.frames.map((frame) => frame[0])).toEqual([0, 2, 10]);
  });
});

describe('filters', () => {
  const blend = async (mode: string, below: number, above: number, factor = 1) =>
    greys(
      await run('ImageBlend', {
        image1: grey(1, 1, below),
        image2: grey(1, 1, above),
        blend_factor: factor,
        blend_mode: mode,
      }),
    )[0];

  it.each([
    ['normal', 200],
    ['multiply', 78],
    ['screen', 222],
    ['overlay', 157],
    ['soft_light', 134],
    ['difference', 0],
  ])('ImageBlend %s', async (mode, expected) => {
    expect(await blend(mode, 100, 200)).toBe(expected);
  });

  it('ImageBlend mixes by the factor', async () => {
    expect(await blend('normal', 100, 200, 0.25)).toBe(125);
  });

  it('ImageBlur spreads a dot evenly and keeps its sum', async () => {
    const dot = grey(5, 5, ...Array.from({ length: 25 }, (_, i) => (i === 12 ? 250 : 0)));
    const values = greys(await run('ImageBlur', { image: dot, blur_radius: 1, sigma: 1 }));
    expect(values[12]).toBe(51);
    expect([values[11], values[13], values[7], values[17]]).toEqual([31, 31, 31, 31]);
    expect(values[0]).toBe(0);
  });

  it('ImageSharpen leaves even areas alone and lifts edges', async () => {
    const edge = grey(4, 1, 100, 100, 120, 120);
    const values = greys(await run('ImageSharpen', { image: edge, sharpen_radius: 1, sigma: 1, alpha: 0.1 }));
    expect(values[1]!).toBeLessThan(100);
    expect(values[2]!).toBeGreaterThan(120);
  });

  it.each(['none', 'floyd-steinberg', 'bayer-4'])(
    'ImageQuantize with %s keeps no more colours than asked',
    async (dither) => {
      const ramp = grey(16, 16, ...Array.from({ length: 256 }, (_, i) => i));
      const values = greys(await run('ImageQuantize', { image: ramp, colors: 4, dither }));
      expect(new Set(values).size).toBeLessThanOrEqual(4);
      expect(new Set(values).size).toBeGreaterThan(1);
    },
  );

  it('Canny finds the outline of a square', async () => {
    const side = 24;
    const square = Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [i % side, Math.floor(i / side)];
      return x >= 8 && x < 16 && y >= 8 && y < 16 ? 255 : 0;
    });
    const edges = greys(
      await run('Canny', { image: grey(side, side, ...square), low_threshold: 0.2, high_threshold: 0.5 }),
    );
    const at = (x: number, y: number) => edges[y * side + x]!;
    expect(Math.max(at(7, 12), at(8, 12))).toBe(255);
    expect(at(12, 12)).toBe(0);
    expect(at(2, 2)).toBe(0);
    expect(new Set(edges)).toEqual(new Set([0, 255]));
  });

  it('Morphology erodes and dilates', async () => {
    const image = grey(5, 1, 0, 0, 9, 9, 0);
    const morph = async (operation: string) => greys(await run('Morphology', { image, operation, kernel_size: 3 }));
    expect(await morph('dilate')).toEqual([0, 9, 9, 9, 9]);
    expect(await morph('erode')).toEqual([0, 0, 0, 0, 0]);
    expect(await morph('close')).toEqual([0, 0, 9, 9, 9]);
    expect(await morph('gradient')).toEqual([0, 9, 9, 9, 9]);
  });

  it('RGB to YUV and back changes nothing that shows', async () => {
    const image = imageBatch(2, 1, 3, [Buffer.from([10, 200, 90, 250, 0, 128])]);
    const { outputs } = await bench.run('ImageRGBToYUV', { image });
    const back = (await run('ImageYUVToRGB', { Y: outputs[0], U: outputs[1], V: outputs[2] })) as ImageBatch;
    [...back.frames[0]!].forEach((value, i) => {
      expect(Math.abs(value - image.frames[0]![i]!)).toBeLessThanOrEqual(2);
    });
  });

  it('ImageAddNoise depends on the seed alone', async () => {
    const image = grey(4, 4, ...new Array<number>(16).fill(128));
    const noisy = async (seed: bigint) => greys(await run('ImageAddNoise', { image, seed, strength: 0.5 }));
    expect(await noisy(7n)).toEqual(await noisy(7n));
    expect(await noisy(7n)).not.toEqual(await noisy(8n));
  });
});
