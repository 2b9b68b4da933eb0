import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawCaption, rehearsalCaption } from './caption.js';
import { glyphPixel } from './font.js';
import { clamp, cubeRoot, sineOfTurns } from './math.js';
import { Picture } from './picture.js';
import { Random } from './random.js';
import { renderScene } from './render.js';
import { resample } from './resample.js';
import type { Scene } from './scene.js';
import { readPrompt } from './words.js';

const scene = (changes: Partial<Scene> = {}): Scene => ({
  prompt: 'mountain lake at sunset',
  negative: '',
  seed: 1n,
  index: 0,
  model: 'model.safetensors',
  loras: [],
  steps: 20,
  cfg: 7,
  manner: [],
  ...changes,
});

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** One prompt per setting and subject, so that every painter is covered. */
const PROMPTS = [
  'mountain lake at sunset',
  'mountains and a city, winter',
  'sea in a storm, boat',
  'forest in autumn fog',
  'neon city at night',
  'desert, day',
  'green meadow with a house',
  'galaxy and a planet',
  'portrait of a woman with fennec ears',
  'a cat in the evening',
  'a fox in snow',
  'an eagle',
  'red roses in spring',
  'glass bottle',
  'castle in the mist',
  'old oak tree',
  'lighthouse at night',
  'words that name nothing',
  '',
];

describe('renderScene', () => {
  it.each(PROMPTS)('draws "%s", the same each time, with contrast and without holes', async (prompt) => {
    const picture = await renderScene(scene({ prompt }), 96, 64);
    expect(picture.length).toBe(96 * 64 * 3);
    expect((await renderScene(scene({ prompt }), 96, 64)).equals(picture)).toBe(true);
    const levels = [...picture].sort((a, b) => a - b);
    expect(levels.at(-200)! - levels[200]!).toBeGreaterThan(40);
  });

  it('gives these very bytes on every machine', async () => {
    // A new value here means that pictures of old seeds change: say so in the change log.
    expect(hash(await renderScene(scene(), 128, 96))).toBe('b78fac247688283c');
    expect(hash(await renderScene(scene({ prompt: 'glass bottle', seed: 18446744073709551615n }), 64, 64))).toBe(
      'd6f2b7869d90ff61',
    );
  });

  it('changes with every part of the scene', async () => {
    const scenes = [
      scene(),
      scene({ prompt: 'mountain lake at dawn' }),
      scene({ prompt: 'mountain lake at sunset, calm' }),
      scene({ negative: 'blurry' }),
      scene({ seed: 2n }),
      scene({ seed: 18446744073709551615n }),
      scene({ index: 1 }),
      scene({ model: 'other.safetensors' }),
      scene({ loras: [{ name: 'a', strength: 1 }] }),
      scene({ loras: [{ name: 'a', strength: 0.9 }] }),
      scene({ steps: 21 }),
      scene({ cfg: 7.5 }),
      scene({ manner: ['euler'] }),
    ];
    const hashes = await Promise.all(scenes.map(async (one) => hash(await renderScene(one, 48, 48))));
    expect(new Set(hashes).size).toBe(scenes.length);
  });

  it('keeps the composition at every size', async () => {
    const small = await renderScene(scene(), 96, 64);
    const large = await renderScene(scene(), 288, 192);
    const shrunk = await resample(large, { width: 288, height: 192, channels: 3 }, 96, 64, 'area');
    const difference = small.reduce((sum, value, i) => sum + Math.abs(value - shrunk[i]!), 0) / small.length;
    expect(difference).toBeLessThan(9);
  });

  it('draws any prompt at any shape', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 60 }),
        fc.bigInt({ min: 0n, max: 18446744073709551615n }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        async (prompt, seed, width, height) => {
          const picture = await renderScene(scene({ prompt, seed }), width, height);
          expect(picture.length).toBe(width * height * 3);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('lets other work run meanwhile', async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await renderScene(scene(), 512, 512);
    isDone = true;
    expect(turns).toBeGreaterThan(10);
  });
});

describe('readPrompt', () => {
  it('finds settings, subjects, time and colours, weight before place', () => {
    expect(readPrompt('a cat by the sea, (sunset:1.4), purple')).toMatchObject({
      subjects: ['cat'],
      settings: ['sea'],
      time: 'sunset',
      hues: [308],
    });
    expect(readPrompt('forest, (city:1.9)').settings).toEqual(['city', 'forest']);
    expect(readPrompt('forest, (city:0.2)').settings).toEqual(['forest', 'city']);
  });

  it('knows plurals, and needs no words at all', () => {
    expect(readPrompt('Mountains').settings).toEqual(['mountains']);
    expect(readPrompt('(((:::)').words).toEqual([]);
  });
});

describe('caption', () => {
  it('is a strip along the lower edge that says seed and model', () => {
    const rgb = Buffer.alloc(600 * 100 * 3, 200);
    drawCaption(rgb, 600, 100, rehearsalCaption(42n, 'sub/flux1-dev.safetensors'));
    expect(rgb.subarray(0, 600 * 80 * 3).every((value) => value === 200)).toBe(true);
    expect([...rgb.subarray(600 * 83 * 3, 600 * 83 * 3 + 3)]).toEqual([246, 184, 62]);
    expect(readText(rgb, 600, 100)).toBe('EASEL REHEARSAL · SEED 42 · MODEL FLUX1-DEV');
  });

  it('says less where there is less room', () => {
    const text = (width: number) => {
      const rgb = Buffer.alloc(width * 64 * 3, 0);
      drawCaption(rgb, width, 64, rehearsalCaption(18446744073709551615n, 'model.safetensors'));
      return readText(rgb, width, 64);
    };
    expect(text(300)).toBe('EASEL REHEARSAL · SEED 18446744073709551615');
    expect(text(220)).toBe('EASEL REHEARSAL · SEED 18446744073…');
    expect(text(110)).toBe('EASEL REHEARSAL');
    expect(text(64)).toBe('EASEL RE…');
  });

  it('fits into any picture', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 60 }), (width, height) => {
        const rgb = Buffer.alloc(width * height * 3, 9);
        drawCaption(rgb, width, height, rehearsalCaption(1n, 'm'));
        expect(rgb.length).toBe(width * height * 3);
      }),
    );
  });
});

/** Reads the caption back, glyph by glyph, at scale 1. */
function readText(rgb: Buffer, width: number, height: number): string {
  const known = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ·…'];
  const top = height - 17 + 6;
  const isInk = (x: number, y: number) => rgb[((top + y) * width + x) * 3]! > 150;
  let text = '';
  for (let left = 5; left + 5 <= width; left += 6) {
    const glyph = known.find((character) => {
      for (let y = 0; y < 7; y++) {
        for (let x = 0; x < 5; x++) if (glyphPixel(character, x, y) !== isInk(left + x, y)) return false;
      }
      return true;
    });
    text += glyph ?? '?';
  }
  return text.trimEnd();
}

describe('arithmetic', () => {
  it('is close to the exact functions', () => {
    fc.assert(
      fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (turns) => {
        expect(Math.abs(sineOfTurns(turns) - Math.sin(turns * 2 * Math.PI))).toBeLessThan(0.0003);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1, noNaN: true }), (value) => {
        expect(Math.abs(cubeRoot(value) - Math.cbrt(value))).toBeLessThan(1e-9);
      }),
    );
    expect([clamp(-1), clamp(2), clamp(0.5)]).toEqual([0, 1, 0.5]);
  });

  it('chance is repeatable and tells its parts apart', () => {
    const draw = (...parts: readonly (string | number | bigint)[]) => new Random(...parts).next();
    expect(draw('a', 1n)).toBe(draw('a', 1n));
    expect(new Set([draw('a', 1n), draw('a', 1), draw('a1'), draw('a', '1'), draw('1', 'a')]).size).toBe(5);
    const random = new Random('spread');
    const mean = Array.from({ length: 4000 }, () => random.next()).reduce((sum, value) => sum + value, 0) / 4000;
    expect(mean).toBeGreaterThan(0.48);
    expect(mean).toBeLessThan(0.52);
  });
});

describe('Picture', () => {
  const picture = (values: readonly number[], width: number, height: number) =>
    Picture.of(width, height, Buffer.from(values.flatMap((value) => [value, value, value])));
  const values = async (one: Picture) => [...(await one.bytes())].filter((_, i) => i % 3 === 0);

  it('is drawn once, when somebody looks', async () => {
    let drawn = 0;
    const lazy = new Picture(1, 1, null, () => {
      drawn++;
      return Buffer.from([1, 2, 3]);
    });
    expect(drawn).toBe(0);
    await Promise.all([lazy.bytes(), lazy.bytes()]);
    expect(drawn).toBe(1);
  });

  it('crops, flips, turns and joins', async () => {
    const square = picture([1, 2, 3, 4], 2, 2);
    expect(await values(square.cropped(1, 0, 1, 2))).toEqual([2, 4]);
    expect(await values(square.flipped('vertical'))).toEqual([3, 4, 1, 2]);
    expect(await values(square.flipped('horizontal'))).toEqual([2, 1, 4, 3]);
    expect(await values(square.turned(1))).toEqual([3, 1, 4, 2]);
    expect(await values(square.turned(-1))).toEqual([2, 4, 1, 3]);
    expect(await values(square.extended(3, 2))).toEqual([1, 2, 127, 3, 4, 127]);
    expect(await values(square.under(picture([9], 1, 1), 1, 1, () => 1))).toEqual([1, 2, 3, 9]);
    expect(await values(square.combined(picture([9, 9, 9, 9], 2, 2), (a, b) => a + b))).toEqual([10, 11, 12, 13]);
  });
});
