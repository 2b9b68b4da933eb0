import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import type { ImageBatch, MaskBatch } from '../node.js';
import { definitionWithFiles } from './index.js';

describe('load nodes', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
  });
  afterEach(() => bench.close());

  const check = (name: string) => bench.node('LoadImage').validate!({ image: name }, bench.context);
  const png = (pixels: readonly number[], width: number, height: number, channels: 3 | 4) =>
    sharp(Buffer.from(pixels), { raw: { width, height, channels } }).png().toBuffer();

  it('gives the colours, and what is transparent as the mask', async () => {
    await writeFile(join(bench.folders.input, 'a.png'), await png([10, 20, 30, 255, 40, 50, 60, 55], 2, 1, 4));
    const { outputs } = await bench.run('LoadImage', { image: 'a.png' });
    const [image, mask] = outputs as [ImageBatch, MaskBatch];
    expect(image).toMatchObject({ type: 'IMAGE', width: 2, height: 1, channels: 3 });
    expect([...image.frames[0]!]).toEqual([10, 20, 30, 40, 50, 60]);
    expect([...mask.frames[0]!]).toEqual([0, 200]);
  });

  it('gives a black 64 x 64 mask for an opaque picture', async () => {
    await writeFile(join(bench.folders.input, 'a.png'), await png([1, 2, 3], 1, 1, 3));
    const { outputs } = await bench.run('LoadImage', { image: 'a.png' });
    const mask = outputs[1] as MaskBatch;
    expect([mask.width, mask.height, mask.frames[0]!.every((value) => value === 0)]).toEqual([64, 64, true]);
  });

  it('reads the other folders by suffix, and files in subfolders', async () => {
    const bytes = await png([1, 2, 3], 1, 1, 3);
    await mkdir(join(bench.folders.input, 'sub'));
    await writeFile(join(bench.folders.input, 'sub', 'b.png'), bytes);
    await writeFile(join(bench.folders.output, 'o.png'), bytes);
    await writeFile(join(bench.folders.temp, 't.png'), bytes);
    for (const name of ['sub/b.png', 'o.png [output]', 't.png [temp]', 'sub/b.png [input]']) {
      expect([name, await check(name)]).toEqual([name, true]);
      expect(await bench.output('LoadImageOutput', { image: name })).toMatchObject({ width: 1, height: 1 });
    }
  });

  it('refuses what is not there and what lies outside', async () => {
    const bytes = await png([1, 2, 3], 1, 1, 3);
    await writeFile(join(bench.folders.input, '..', 'secret.png'), bytes);
    await symlink(join(bench.folders.input, '..', 'secret.png'), join(bench.folders.input, 'way-out.png'));
    for (const name of ['x.png', '../secret.png', '../secret.png [output]', '/etc/passwd', '', 'way-out.png', 'a\0b']) {
      expect([name, await check(name)]).toEqual([name, `Invalid image file: ${name}`]);
    }
  });

  it('turns pictures as their EXIF says', async () => {
    const jpeg = await sharp(Buffer.from([250, 0, 0, 0, 0, 250]), { raw: { width: 2, height: 1, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    await writeFile(join(bench.folders.input, 'a.png'), jpeg);
    expect(await bench.output('LoadImage', { image: 'a.png' })).toMatchObject({ width: 1, height: 2 });
  });

  it('reads an animation as a batch', async () => {
    const stack = Buffer.concat([Buffer.alloc(12, 255), Buffer.alloc(12, 0)]);
    const gif = await sharp(stack, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } })
      .gif()
      .toBuffer();
    await writeFile(join(bench.folders.input, 'a.gif'), gif);
    const image = (await bench.output('LoadImage', { image: 'a.gif' })) as ImageBatch;
    expect([image.width, image.height, image.frames.length]).toEqual([2, 2, 2]);
    expect(image.frames.map((frame) => frame[0])).toEqual([255, 0]);
  });

  it('takes a channel as a mask, alpha reversed', async () => {
    await writeFile(join(bench.folders.input, 'a.png'), await png([10, 20, 30, 55], 1, 1, 4));
    const channel = async (name: string) => {
      const mask = (await bench.output('LoadImageMask', { image: 'a.png', channel: name })) as MaskBatch;
      return mask.frames[0]![0];
    };
    expect([await channel('red'), await channel('green'), await channel('blue'), await channel('alpha')]).toEqual([
      10, 20, 30, 200,
    ]);
  });

  it('changes its token when the file changes', async () => {
    const token = () => bench.node('LoadImage').isChanged!({ image: 'a.png' }, bench.context);
    await writeFile(join(bench.folders.input, 'a.png'), await png([1, 2, 3], 1, 1, 3));
    const first = await token();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await token()).toBe(first);
    await writeFile(join(bench.folders.input, 'a.png'), await png([4, 2, 3], 1, 1, 3));
    expect(await token()).not.toBe(first);
  });

  it('names a file that is no picture', async () => {
    await writeFile(join(bench.folders.input, 'a.png'), 'not a picture');
    await expect(bench.run('LoadImage', { image: 'a.png' })).rejects.toMatchObject({
      exceptionType: 'PIL.UnidentifiedImageError',
    });
  });

  it('lists input files in the definition', async () => {
    await writeFile(join(bench.folders.input, 'b.png'), 'x');
    await writeFile(join(bench.folders.input, 'a.webp'), 'x');
    await writeFile(join(bench.folders.input, 'c.txt'), 'x');
    const { definition } = bench.node('LoadImage');
    const filled = await definitionWithFiles(definition, bench.folders);
    expect(filled.input.required?.['image']).toEqual([['a.webp', 'b.png'], { image_upload: true }]);
    const other = bench.node('KSampler').definition;
    expect(await definitionWithFiles(other, bench.folders)).toBe(other);
  });
});

describe('stand-in pictures', () => {
  it('are drawn only when the rehearsal allows it, marked, with a hole where a mask is needed', async () => {
    const bench = await openBench({ standInImages: true });
    try {
      const validate = bench.node('LoadImage').validate!;
      expect(await validate({ image: 'my_inpaint_cat.png' }, bench.context)).toBe(true);
      expect(await validate({ image: '../cat.png' }, bench.context)).toBe('Invalid image file: ../cat.png');
      const { outputs } = await bench.run('LoadImage', { image: 'my_inpaint_cat.png' });
      const [image, mask] = outputs as [ImageBatch, MaskBatch];
      expect([image.width, image.height]).toEqual([768, 768]);
      expect(mask.frames[0]![384 * 768 + 384]).toBe(255);
      expect(mask.frames[0]![0]).toBe(0);
      const again = (await bench.output('LoadImage', { image: 'my_inpaint_cat.png' })) as ImageBatch;
      expect(again.frames[0]!.equals(image.frames[0]!)).toBe(true);
    } finally {
      await bench.close();
    }
  });
});
