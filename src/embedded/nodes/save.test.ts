import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import { chunksOf } from './apng.js';
import { imageBatch, maskBatch } from './pixels.js';

const prompt = { '1': { class_type: 'EmptyImage', inputs: { seed: 18446744073709551615n, text: 'blå' } } };
const workflow = { nodes: [], links: [] };

const red = Buffer.alloc(6 * 4 * 3, Buffer.from([255, 0, 0]));
const blue = Buffer.alloc(6 * 4 * 3, Buffer.from([0, 0, 255]));
const film = imageBatch(6, 4, 3, [red, blue]);

describe('save nodes', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench({}, { prompt, extraPngInfo: { workflow } });
  });
  afterEach(() => bench.close());

  it('writes one PNG per frame with the graph inside, and counts on', async () => {
    const first = await bench.run('SaveImage', { images: film, filename_prefix: 'a/pic_%width%x%height%_%year%' });
    expect(first.ui).toEqual({
      images: [
        { filename: 'pic_6x4_2026_00001_.png', subfolder: 'a', type: 'output' },
        { filename: 'pic_6x4_2026_00002_.png', subfolder: 'a', type: 'output' },
      ],
    });
    const again = await bench.run('SaveImage', { images: film, filename_prefix: 'a/pic_%width%x%height%_%year%' });
    expect(again.ui?.['images']?.[0]).toMatchObject({ filename: 'pic_6x4_2026_00003_.png' });
    const bytes = await readFile(join(bench.folders.output, 'a', 'pic_6x4_2026_00002_.png'));
    expect(await sharp(bytes).raw().toBuffer()).toEqual(blue);
    const texts = chunksOf(bytes).filter((chunk) => chunk.type === 'tEXt');
    expect(texts.map((chunk) => chunk.data.toString('latin1').split('\0')[0])).toEqual(['prompt', 'workflow']);
    expect(texts[0]!.data.toString('latin1')).toContain('18446744073709551615');
    expect(texts[0]!.data.toString('latin1')).toContain('bl\\u00e5');
  });

  it('refuses a prefix that leaves the folder', async () => {
    await expect(bench.run('SaveImage', { images: film, filename_prefix: '../x' })).rejects.toThrow('outside');
  });

  it('keeps alpha', async () => {
    const rgba = imageBatch(1, 1, 4, [Buffer.from([10, 20, 30, 40])]);
    await bench.run('SaveImage', { images: rgba, filename_prefix: 'alpha' });
    const file = join(bench.folders.output, 'alpha_00001_.png');
    expect([...(await sharp(file).raw().toBuffer())]).toEqual([10, 20, 30, 40]);
  });

  it('writes previews into the temp folder under a name of their own', async () => {
    const result = await bench.run('PreviewImage', { images: film });
    expect(result.ui?.['images']?.[0]).toEqual({
      filename: 'ComfyUI_temp_abcde_00001_.png',
      subfolder: '',
      type: 'temp',
    });
    const mask = await bench.run('MaskPreview', { mask: maskBatch(2, 1, [Buffer.from([0, 200])]) });
    const [file] = (mask.ui?.['images'] ?? []) as { filename: string }[];
    const pixels = await sharp(join(bench.folders.temp, file!.filename)).toColourspace('srgb').raw().toBuffer();
    expect([...pixels]).toEqual([0, 0, 0, 200, 200, 200]);
    expect(await readdir(bench.folders.output)).toEqual([]);
  });

  it('sends pictures over the socket with reports that count from 0, and is never cached', async () => {
    const result = await bench.run('SaveImageWebsocket', { images: film });
    expect(result).toEqual({ outputs: [] });
    expect(bench.reports.map(({ value, max, preview }) => [value, max, preview?.format])).toEqual([
      [0, 2, 'png'],
      [1, 2, 'png'],
    ]);
    expect(await sharp(bench.reports[1]!.preview!.bytes).raw().toBuffer()).toEqual(blue);
    expect(await bench.node('SaveImageWebsocket').isChanged?.({}, bench.context)).toBeNaN();
  });

  it('saves animated WebP with the graph in its EXIF', async () => {
    const inputs = { images: film, filename_prefix: 'film', fps: 8, lossless: true, quality: 80, method: 'fastest' };
    const result = await bench.run('SaveAnimatedWEBP', inputs);
    expect(result.ui).toEqual({
      images: [{ filename: 'film_00001_.webp', subfolder: '', type: 'output' }],
      animated: [true],
    });
    const file = join(bench.folders.output, 'film_00001_.webp');
    const facts = await sharp(file, { pages: -1 }).metadata();
    expect(facts).toMatchObject({ pages: 2, delay: [125, 125], loop: 0, pageHeight: 4 });
    const exif = facts.exif!.toString('latin1');
    expect(exif).toContain('prompt:{"1": {"class_type"');
    expect(exif).toContain('workflow:{"nodes": []');
    const pixels = await sharp(file, { pages: -1 }).removeAlpha().raw().toBuffer();
    expect(pixels).toEqual(Buffer.concat([red, blue]));
  });

  it('saves animated PNG with frames in order and the graph in private chunks', async () => {
    const inputs = { images: film, filename_prefix: 'film', fps: 8, compress_level: 4 };
    const result = await bench.run('SaveAnimatedPNG', inputs);
    expect(result.ui?.['animated']).toEqual([true]);
    const bytes = await readFile(join(bench.folders.output, 'film_00001_.png'));
    const types = chunksOf(bytes).map((chunk) => chunk.type);
    expect(types).toEqual(['IHDR', 'acTL', 'fcTL', 'IDAT', 'fcTL', 'fdAT', 'comf', 'comf', 'IEND']);
    // Programs that know nothing of animations show the first frame.
    expect(await sharp(bytes).raw().toBuffer()).toEqual(red);
  });

  it('says that a single frame is not animated', async () => {
    const still = imageBatch(6, 4, 3, [red]);
    const inputs = { images: still, filename_prefix: 'still', fps: 8, compress_level: 4 };
    expect((await bench.run('SaveAnimatedPNG', inputs)).ui?.['animated']).toEqual([false]);
    const bytes = await readFile(join(bench.folders.output, 'still_00001_.png'));
    expect(chunksOf(bytes).map((chunk) => chunk.type)).toEqual(['IHDR', 'IDAT', 'comf', 'comf', 'IEND']);
  });
});
