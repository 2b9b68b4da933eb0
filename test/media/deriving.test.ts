import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { systemClock } from '../../src/core/clock.js';
import { grabFrame } from '../../src/media/frames.js';
import type { Media, RecipeInput } from '../../src/media/index.js';
import { describePicture } from '../../src/media/pictures.js';
import { makeKit } from '../helpers/databases.js';
import { films } from './bombs.js';
import { animation, codeOf, type PictureFormat, picture, useMedia } from './harness.js';

describe('deriving', () => {
  const { createDb } = makeKit('sqlite');
  const open = useMedia();

  async function derive(media: Media, bytes: Buffer, recipe: RecipeInput) {
    const file = await media.put('a', bytes);
    const derived = await media.derive(file.id, 'a', recipe);
    const content = await buffer((await media.store.open(derived.hash)).stream);
    expect(content.length).toBe(derived.bytes);
    return { file, derived, content, metadata: await sharp(content, { pages: -1 }).metadata() };
  }

  it.each<[RecipeInput, number, number]>([
    [{ width: 100 }, 100, 50],
    [{ height: 100 }, 200, 100],
    [{ width: 100, height: 100 }, 100, 50],
    [{ width: 100, height: 100, fit: 'cover' }, 100, 100],
    [{ width: 100, height: 100, fit: 'contain' }, 100, 100],
    [{ width: 100, height: 100, fit: 'fill' }, 100, 100],
    [{ width: 1000 }, 400, 200],
    [{ width: 1000, enlarge: true }, 1000, 500],
    [{ preset: 'thumbnail' }, 256, 128],
    [{ preset: 'thumbnail', width: 50 }, 50, 25],
  ])('resizes: %j', async (recipe, width, height) => {
    const { media } = open(await createDb());
    const { derived, metadata } = await derive(media, await picture('png', 400, 200), recipe);
    expect([derived.width, derived.height, metadata.width, metadata.height]).toEqual([width, height, width, height]);
  });

  it.each(['png', 'jpeg', 'webp', 'gif', 'avif'] as const)('converts every kind to %s', async (format) => {
    const { media } = open(await createDb());
    for (const source of ['png', 'jpeg', 'webp', 'gif', 'avif'] as PictureFormat[]) {
      const { derived, metadata } = await derive(media, await picture(source), { format });
      expect(derived.contentType).toBe(`image/${format}`);
      expect(metadata.format).toBe(format === 'avif' ? 'heif' : format);
    }
  });

  it('heeds quality', async () => {
    const { media } = open(await createDb());
    const noise = await sharp({
      create: { width: 200, height: 200, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 60 } } as never,
    })
      .png()
      .toBuffer();
    const [low, high] = await Promise.all([10, 95].map((quality) => derive(media, noise, { format: 'webp', quality })));
    expect(low!.derived.bytes).toBeLessThan(high!.derived.bytes / 2);
  });

  it('strips what the file says about itself, unless it is to be kept', async () => {
    const { media } = open(await createDb());
    const exif = { IFD0: { Copyright: 'somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } };
    const jpeg = await sharp(await picture('jpeg'))
      .withExif(exif)
      .jpeg()
      .toBuffer();
    expect((await derive(media, jpeg, { width: 20 })).metadata.exif).toBeUndefined();
    expect((await derive(media, jpeg, { width: 20, metadata: 'keep' })).metadata.exif?.toString('latin1')).toContain(
      'somebody',
    );
  });

  it('turns a picture as its camera says', async () => {
    const { media } = open(await createDb());
    const turned = await sharp(await picture('jpeg', 60, 30))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { file, derived } = await derive(media, turned, { width: 15 });
    expect([derived.width, derived.height]).toEqual([15, 30]);
    expect((await media.info(file.id, 'a')).facts).toMatchObject({ width: 30, height: 60 });
  });

  it('keeps an animation one, with every frame', async () => {
    const { media } = open(await createDb());
    for (const format of ['gif', 'webp'] as const) {
      const { metadata, file } = await derive(media, await animation(format, 6), { width: 15 });
      expect([metadata.pages, metadata.width, metadata.pageHeight]).toEqual([6, 15, 10]);
      expect((await media.info(file.id, 'a')).facts.frames).toBe(6);
      const still = await derive(media, await animation(format, 6), { format: 'png' });
      expect([still.metadata.pages ?? 1, still.metadata.height]).toEqual([1, 20]);
    }
  });

  it.each(['png', 'jpeg', 'webp', 'gif', 'avif'] as const)('writes a watermark on %s', async (format) => {
    const { media } = open(await createDb());
    const { content } = await derive(media, await picture(format, 300, 200), { watermark: true });
    const region = { left: 150, top: 120, width: 150, height: 80 };
    const { channels } = await sharp(await sharp(content).extract(region).png().toBuffer()).stats();
    expect(Math.max(...channels.slice(0, 3).map(({ max, min }) => max - min))).toBeGreaterThan(60);
    const clean = await sharp(
      await sharp(content)
        .extract({ ...region, left: 0, top: 0 })
        .png()
        .toBuffer(),
    ).stats();
    expect(Math.max(...clean.channels.slice(0, 3).map(({ max, min }) => max - min))).toBeLessThan(12);
  });

  it('writes it on every frame of an animation, at the same place', async () => {
    const { media } = open(await createDb());
    const { content, metadata } = await derive(media, await animation('gif', 5, 120, 60), { watermark: true });
    expect([metadata.pages, metadata.pageHeight, metadata.delay]).toEqual([5, 60, [80, 80, 80, 80, 80]]);
    for (let page = 0; page < 5; page += 1) {
      const frame = await sharp(content, { page }).png().toBuffer();
      const corner = await sharp(frame).extract({ left: 60, top: 40, width: 60, height: 20 }).png().toBuffer();
      const { channels } = await sharp(corner).stats();
      expect(Math.max(...channels.slice(0, 3).map(({ max, min }) => max - min)), `frame ${page}`).toBeGreaterThan(60);
    }
  });

  it('leaves pictures as they are that have no room for it', async () => {
    const { media } = open(await createDb());
    const { metadata } = await derive(media, await picture('png', 5, 3), { watermark: true });
    expect([metadata.width, metadata.height]).toEqual([5, 3]);
  });

  it('opens many pictures at the same time, none of which is taken for a damaged one, and no drawing', async () => {
    open(await createDb());
    const limits = parseConfig({}).media;
    const bytes = await picture();
    const codes = await Promise.all(
      Array.from({ length: 300 }, () => codeOf(describePicture(bytes, 'image/png', limits))),
    );
    expect(codes.filter((code) => code !== 'none')).toEqual([]);
    const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(sharp(drawing).metadata()).rejects.toThrow(/unsupported image format/);
  });

  it('makes each once, also for many who ask at the same time', async () => {
    let made = 0;
    const probe = async (point: string) => {
      if (point === 'derived-staged') made += 1;
    };
    const { media, objects } = open(await createDb(), { probe });
    const file = await media.put('a', await picture());
    const same = await media.put('b', await picture());
    const results = await Promise.all(
      Array.from({ length: 8 }, () => media.derive(file.id, 'a', { width: 10, height: 10 })),
    );
    await media.derive(same.id, 'b', { height: 10, width: 10, fit: 'inside' });
    expect(new Set(results.map(({ hash }) => hash)).size).toBe(1);
    expect([made, (await objects()).length]).toEqual([1, 2]);
    await media.derive(file.id, 'a', { width: 11 });
    expect(made).toBe(2);
  });

  it('makes it again when it has gone from the store', async () => {
    const { media, objects } = open(await createDb());
    const file = await media.put('a', await picture());
    const first = await media.derive(file.id, 'a', { width: 10 });
    await media.store.remove(first.hash);
    const second = await media.derive(file.id, 'a', { width: 10 });
    expect([second.hash, (await objects()).includes(first.hash)]).toEqual([first.hash, true]);
  });

  it('refuses what cannot be', async () => {
    const { media } = open(await createDb(), { settings: { maxMegapixels: 1 } });
    const file = await media.put('a', await picture());
    const wrong = [{ width: 0 }, { width: 1.5 }, { fit: 'x' }, { unknown: 1 }, { quality: 101 }, { preset: 'x' }];
    for (const recipe of wrong)
      expect(await codeOf(media.derive(file.id, 'a', recipe as RecipeInput))).toBe('request_invalid');
    expect(await codeOf(media.derive(file.id, 'a', { width: 4000, enlarge: true }))).toBe('media_too_complex');
    expect(await codeOf(media.derive(file.id, 'b', { width: 4 }))).toBe('not_found');
  });

  it('takes a frame of a video, where ffmpeg is', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-films-'));
    const videos = films(folder).filter(({ declaredType }) => declaredType.startsWith('video/'));
    rmSync(folder, { recursive: true });
    if (videos.length === 0) return context.skip('ffmpeg is not installed, so there is no film to take a frame of');
    const { media, staged } = open(await createDb());
    for (const { bytes } of videos) {
      const { derived, metadata } = await derive(media, bytes, { frameMs: 1_000, width: 80, format: 'jpeg' });
      expect([derived.width, derived.height, metadata.format]).toEqual([80, 60, 'jpeg']);
      const file = await media.put('a', bytes);
      expect(await codeOf(media.derive(file.id, 'a', { frameMs: 60_000 }))).toBe('media_underivable');
    }
    expect(await staged()).toEqual([]);
    const without = open(await createDb(), { settings: { ffmpeg: 'no-such-ffmpeg' } });
    const file = await without.media.put('a', videos[0]!.bytes);
    await expect(without.media.derive(file.id, 'a', {})).rejects.toMatchObject({
      code: 'media_tool_missing',
      hint: expect.stringContaining('ffmpeg'),
    });
    expect(await without.staged()).toEqual([]);
  });

  it('does not decode a video of more pixels than is allowed, where ffmpeg is', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-films-'));
    try {
      const videos = films(folder).filter(({ declaredType }) => declaredType.startsWith('video/'));
      if (videos.length === 0) return context.skip('ffmpeg is not installed, so there is no film to take a frame of');
      const options = { clock: systemClock, ffmpeg: 'ffmpeg', frameMs: 0 };
      for (const { name, declaredType } of videos) {
        const grab = (maxPixels: number) => grabFrame(join(folder, name), declaredType, { ...options, maxPixels });
        expect(await codeOf(grab((160 * 120) / 3)), name).toBe('media_too_complex');
        expect(await codeOf(grab(64 * 1_000_000)), name).toBe('none');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('makes nothing from a sound', async () => {
    const { media } = open(await createDb());
    const wav = Buffer.from(
      '524946462600000057415645666d74201000000001000100401f0000803e000002001000646174610200000000ff',
      'hex',
    );
    const file = await media.put('a', wav);
    expect(await codeOf(media.derive(file.id, 'a', {}))).toBe('media_underivable');
  });
});
