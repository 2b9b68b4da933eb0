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
const run = (name: string, inputs: Readonly<Record<string, unknown>>) => bench.output(name, inputs);

describe('masks', () => {
  it('converts between pictures and masks', async () => {
    const image = imageBatch(1, 1, 4, [Buffer.from([1, 2, 3, 4])]);
    const channels = await Promise.all(
      ['red', 'green', 'blue', 'alpha'].map(async (channel) => bytes(await run('ImageToMask', { image, channel }))[0]),
    );
    expect(channels).toEqual([1, 2, 3, 4]);
    expect(bytes(await run('ImageToMask', { image: grey(1, 1, 7), channel: 'alpha' }))).toEqual([255]);
    expect(greys(await run('MaskToImage', { mask: mask(2, 1, 0, 99) }))).toEqual([0, 99]);
    const colours = imageBatch(2, 1, 3, [Buffer.from([1, 2, 3, 9, 9, 9])]);
    expect(bytes(await run('ImageColorToMask', { image: colours, color: 0x010203 }))).toEqual([255, 0]);
  });

  it('makes, inverts, crops and thresholds', async () => {
    expect(bytes(await run('SolidMask', { value: 0.5, width: 2, height: 1 }))).toEqual([128, 128]);
    expect(bytes(await run('InvertMask', { mask: mask(2, 1, 0, 200) }))).toEqual([255, 55]);
    const crop = { mask: mask(3, 1, 1, 2, 3), x: 1, y: 0, width: 9, height: 9 };
    expect(bytes(await run('CropMask', crop))).toEqual([2, 3]);
    expect(bytes(await run('ThresholdMask', { mask: mask(3, 1, 127, 128, 255), value: 0.5 }))).toEqual([0, 255, 255]);
  });

  it.each([
    ['multiply', [100, 0]],
    ['add', [255, 255]],
    ['subtract', [0, 0]],
    ['and', [0, 0]],
    ['or', [255, 255]],
    ['xor', [255, 255]],
  ])('MaskComposite %s', async (operation, expected) => {
    const result = await run('MaskComposite', {
      destination: mask(3, 1, 100, 0, 55),
      source: mask(2, 1, 255, 255),
      x: 0,
      y: 0,
      operation,
    });
    expect(bytes(result)).toEqual([...expected, 55]);
  });

  it('FeatherMask fades towards the sides', async () => {
    const inputs = { mask: mask(4, 1, 255, 255, 255, 255), left: 2, top: 0, right: 1, bottom: 0 };
    expect(bytes(await run('FeatherMask', inputs))).toEqual([128, 255, 255, 255]);
  });

  it('GrowMask grows by steps, rounded or square, and shrinks', async () => {
    const dot = mask(5, 5, ...Array.from({ length: 25 }, (_, i) => (i === 12 ? 255 : 0)));
    const lit = async (expand: number, tapered: boolean) =>
      bytes(await run('GrowMask', { mask: dot, expand, tapered_corners: tapered })).filter((value) => value > 0).length;
    expect(await lit(1, true)).toBe(5);
    expect(await lit(1, false)).toBe(9);
    expect(await lit(2, true)).toBe(13);
    expect(await lit(-1, true)).toBe(0);
    expect(await lit(16384, true)).toBe(25);
  });
});

describe('compositing', () => {
  it('ImageCompositeMasked lays the source over at its place', async () => {
    const result = await run('ImageCompositeMasked', {
      destination: grey(3, 1, 0, 0, 0),
      source: grey(2, 1, 100, 200),
      x: 1,
      y: 0,
      resize_source: false,
      mask: mask(2, 1, 255, 51),
    });
    expect(greys(result)).toEqual([0, 100, 40]);
  });

  it('ImageCompositeMasked clips what sticks out, and can fit the source first', async () => {
    const inputs = { destination: grey(2, 1, 1, 1), source: grey(1, 1, 9), y: 0 };
    expect(greys(await run('ImageCompositeMasked', { ...inputs, x: 5, resize_source: false }))).toEqual([1, 1]);
    expect(greys(await run('ImageCompositeMasked', { ...inputs, x: 0, resize_source: true }))).toEqual([9, 9]);
  });

  it('joins and splits alpha, where a mask is what is transparent', async () => {
    const joined = (await run('JoinImageWithAlpha', { image: grey(1, 1, 7), alpha: mask(1, 1, 55) })) as ImageBatch;
    expect([...joined.frames[0]!]).toEqual([7, 7, 7, 200]);
    const { outputs } = await bench.run('SplitImageWithAlpha', { image: joined });
    expect([greys(outputs[0]), bytes(outputs[1])]).toEqual([[7], [55]]);
  });

  it('PorterDuffImageComposite follows its mode', async () => {
    const inputs = {
      source: grey(1, 1, 200),
      source_alpha: mask(1, 1, 0),
      destination: grey(1, 1, 100),
      destination_alpha: mask(1, 1, 0),
    };
    const value = async (mode: string) => greys(await run('PorterDuffImageComposite', { ...inputs, mode }))[0];
    expect([await value('SRC_OVER'), await value('DST'), await value('MULTIPLY'), await value('CLEAR')]).toEqual([
      200, 100, 78, 0,
    ]);
  });
});
