import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import type { ImageBatch } from '../node.js';
import { imageBatch, maskBatch } from './pixels.js';
import type { LatentValue, SigmasValue } from './values.js';

/** The whole rehearsed way: load, encode, sample, decode. */
let bench: Bench;
beforeAll(async () => {
  bench = await openBench({ stepMs: 5, loadMs: 70, previewSize: 48 });
});
afterEach(() => {
  bench.reports.length = 0;
  bench.delays.length = 0;
});
afterAll(() => bench.close());

const SIZE = 64;
const vae = { type: 'VAE', name: 'vae' };

async function parts(text = 'mountain lake', file = 'model.safetensors') {
  const { outputs } = await bench.run('CheckpointLoaderSimple', { ckpt_name: file });
  const [model, clip] = outputs;
  const encode = (prompt: string) => bench.output('CLIPTextEncode', { text: prompt, clip });
  return { model, clip, positive: await encode(text), negative: await encode(''), encode };
}

async function sample(changes: Readonly<Record<string, unknown>> = {}): Promise<LatentValue> {
  const { model, positive, negative } = await parts();
  const latent_image = await bench.output('EmptyLatentImage', { width: SIZE, height: SIZE, batch_size: 1 });
  const settings = { seed: 1, steps: 4, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 1 };
  return (await bench.output('KSampler', {
    model,
    positive,
    negative,
    latent_image,
    ...settings,
    ...changes,
  })) as LatentValue;
}

async function decode(samples: unknown): Promise<ImageBatch> {
  return (await bench.output('VAEDecode', { samples, vae })) as ImageBatch;
}

const hash = (frame: Buffer) => createHash('sha256').update(frame).digest('hex').slice(0, 12);
const drawn = async (changes: Readonly<Record<string, unknown>> = {}) =>
  hash((await decode(await sample(changes))).frames[0]!);

/** The picture above the caption strip. */
function above(image: ImageBatch, frame = 0): Buffer {
  return image.frames[frame]!.subarray(0, image.width * (image.height - 24) * 3);
}

function meanDifference(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe('a rehearsed run', () => {
  it('takes the time of loading and of each step, and reports progress with previews', async () => {
    await sample({ steps: 3 });
    expect(bench.delays).toEqual([70, 5, 5, 5]);
    expect(bench.reports.map(({ value, max }) => [value, max])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    const { format, bytes } = bench.reports[0]!.preview!;
    const facts = await sharp(bytes).metadata();
    expect([format, facts.format, facts.width, facts.height]).toEqual(['jpeg', 'jpeg', 48, 48]);
  });

  it('shows the picture coming out of the noise', async () => {
    await sample({ steps: 4 });
    const pixels = await Promise.all(bench.reports.map(({ preview }) => sharp(preview!.bytes).raw().toBuffer()));
    const last = pixels.at(-1)!;
    const away = pixels.map((frame) => meanDifference(frame, last));
    expect(away[0]!).toBeGreaterThan(away[1]!);
    expect(away[1]!).toBeGreaterThan(away[2]!);
  });

  it('stops when it is interrupted', async () => {
    const controller = new AbortController();
    const context = {
      ...bench.context,
      delay: async () => {
        controller.signal.throwIfAborted();
        controller.abort(new Error('interrupted'));
      },
    };
    const { model, positive, negative } = await parts();
    const latent_image = await bench.output('EmptyLatentImage', { width: SIZE, height: SIZE, batch_size: 1 });
    const inputs = {
      model,
      positive,
      negative,
      latent_image,
      seed: 1,
      steps: 9,
      cfg: 7,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
    };
    await expect(async () => bench.node('KSampler').execute(inputs, context)).rejects.toThrow('interrupted');
    expect(bench.reports.length).toBe(1);
  });

  it('gives the same bytes for the same inputs, and others for any other', async () => {
    const first = await drawn();
    expect(await drawn()).toBe(first);
    const { encode } = await parts();
    const others = await Promise.all([
      drawn({ seed: 2 }),
      drawn({ seed: 18446744073709551615n }),
      drawn({ seed: 18446744073709551614n }),
      drawn({ steps: 5 }),
      drawn({ cfg: 6 }),
      drawn({ sampler_name: 'heun' }),
      drawn({ positive: await encode('mountain lake ') }),
      drawn({ positive: await encode('mountain river') }),
      drawn({ negative: await encode('blurry') }),
      parts('mountain lake', 'other.safetensors').then(({ model }) => drawn({ model })),
    ]);
    // Only white space around a prompt makes no difference.
    expect(others[6]).toBe(first);
    expect(new Set([first, ...others]).size).toBe(others.length);
  });

  it('tells LoRAs and their strengths apart', async () => {
    const { model, clip } = await parts();
    const withLora = async (strength_model: number) => {
      const lora = { model, clip, lora_name: 'a.safetensors', strength_model, strength_clip: 1 };
      return drawn({ model: await bench.output('LoraLoader', lora) });
    };
    const hashes = [await drawn(), await withLora(1), await withLora(0.5)];
    expect(new Set(hashes).size).toBe(3);
    expect(await withLora(0)).toBe(hashes[0]);
  });

  it('draws each picture of a batch by itself, and the first as if it were alone', async () => {
    const latent_image = await bench.output('EmptyLatentImage', { width: SIZE, height: SIZE, batch_size: 3 });
    const image = await decode(await sample({ latent_image }));
    const hashes = image.frames.map(hash);
    expect(new Set(hashes).size).toBe(3);
    expect(hashes[0]).toBe(await drawn());
    const second = await bench.output('LatentFromBatch', { samples: latent_image, batch_index: 1, length: 1 });
    expect(await drawn({ latent_image: second })).toBe(hashes[1]);
  });

  it('marks every drawn picture, and nothing that only went through a VAE', async () => {
    const [{ frames, width, height }] = [await decode(await sample())];
    const amber = frames[0]!.subarray((height - 17) * width * 3, (height - 17) * width * 3 + 3);
    expect([...amber]).toEqual([246, 184, 62]);
    const plain = imageBatch(SIZE, SIZE, 3, [Buffer.alloc(SIZE * SIZE * 3, 90)]);
    const back = await decode(await bench.output('VAEEncode', { pixels: plain, vae }));
    expect(back.frames[0]!.equals(plain.frames[0]!)).toBe(true);
  });
});

describe('image to image', () => {
  const source = imageBatch(SIZE, SIZE, 3, [
    Buffer.from(Array.from({ length: SIZE * SIZE * 3 }, (_, i) => ((i % (SIZE * 3)) * 255) / (SIZE * 3))),
  ]);

  it('keeps the source in proportion to 1 - denoise', async () => {
    const latent_image = await bench.output('VAEEncode', { pixels: source, vae });
    const away: number[] = [];
    for (const denoise of [0, 0.2, 0.5, 0.8, 1]) {
      away.push(meanDifference(above(await decode(await sample({ latent_image, denoise }))), above(source)));
    }
    expect(away[0]).toBe(0);
    expect([...away].sort((a, b) => a - b)).toEqual(away);
    expect(away[1]! * 2).toBeLessThan(away[4]!);
  });

  it('changes only what the mask opens', async () => {
    const open = Buffer.alloc(SIZE * SIZE);
    for (let y = 8; y < 24; y++) open.fill(255, y * SIZE + 8, y * SIZE + 24);
    const mask = maskBatch(SIZE, SIZE, [open]);
    const encoded = await bench.output('VAEEncode', { pixels: source, vae });
    const latent_image = await bench.output('SetLatentNoiseMask', { samples: encoded, mask });
    const image = await decode(await sample({ latent_image }));
    let changed = 0;
    above(image).forEach((value, i) => {
      if (value === source.frames[0]![i]) return;
      changed++;
      expect(open[Math.floor(i / 3)]).toBe(255);
    });
    expect(changed).toBeGreaterThan(300);
  });

  it('VAEEncodeForInpaint greys the hole and grows its mask', async () => {
    const hole = Buffer.alloc(SIZE * SIZE);
    for (let y = 20; y < 30; y++) hole.fill(255, y * SIZE + 20, y * SIZE + 30);
    const inputs = { pixels: source, vae, mask: maskBatch(SIZE, SIZE, [hole]), grow_mask_by: 6 };
    const latent = (await bench.output('VAEEncodeForInpaint', inputs)) as LatentValue;
    const lit = latent.noiseMask!.frames[0]!.filter((value) => value === 255).length;
    expect(lit).toBe(16 * 16);
    const image = await decode(latent);
    expect(image.frames[0]![(25 * SIZE + 25) * 3]).toBe(127);
  });

  it('upscaled latents keep the picture', async () => {
    const small = await sample();
    const big = await bench.output('LatentUpscale', {
      samples: small,
      upscale_method: 'bilinear',
      width: SIZE * 2,
      height: SIZE * 2,
      crop: 'disabled',
    });
    const image = await decode(big);
    expect([image.width, image.height]).toEqual([128, 128]);
    const back = await bench.output('ImageScale', {
      image,
      upscale_method: 'area',
      width: SIZE,
      height: SIZE,
      crop: 'disabled',
    });
    expect(meanDifference(above(back as ImageBatch), above(await decode(small)))).toBeLessThan(6);
  });
});

describe('samplers of several parts', () => {
  it('KSamplerAdvanced runs its share of the steps and leaves noise when asked', async () => {
    const { model, positive, negative } = await parts();
    const latent_image = await bench.output('EmptyLatentImage', { width: SIZE, height: SIZE, batch_size: 1 });
    const common = {
      model,
      positive,
      negative,
      noise_seed: 3,
      steps: 10,
      cfg: 7,
      sampler_name: 'euler',
      scheduler: 'normal',
    };
    bench.reports.length = 0;
    const first = (await bench.output('KSamplerAdvanced', {
      ...common,
      latent_image,
      add_noise: 'enable',
      start_at_step: 0,
      end_at_step: 8,
      return_with_leftover_noise: 'enable',
    })) as LatentValue;
    expect(bench.reports.length).toBe(8);
    expect(first.items[0]!.noise).toBeCloseTo(0.2);
    bench.reports.length = 0;
    const second = (await bench.output('KSamplerAdvanced', {
      ...common,
      latent_image: first,
      add_noise: 'disable',
      start_at_step: 8,
      end_at_step: 10000,
      return_with_leftover_noise: 'disable',
    })) as LatentValue;
    expect(bench.reports.map(({ value, max }) => `${value}/${max}`)).toEqual(['1/2', '2/2']);
    expect(second.items[0]!.noise).toBe(0);
    expect((await decode(first)).frames[0]!.equals((await decode(second)).frames[0]!)).toBe(false);
  });

  it('SamplerCustomAdvanced follows guider, noise and sigmas', async () => {
    const { model, positive } = await parts('a cat', 'flux1-dev.safetensors');
    const guider = await bench.output('BasicGuider', { model, conditioning: positive });
    const noise = await bench.output('RandomNoise', { noise_seed: 18446744073709551615n });
    const sampler = await bench.output('KSamplerSelect', { sampler_name: 'euler' });
    const sigmas = await bench.output('BasicScheduler', { model, scheduler: 'simple', steps: 5, denoise: 1 });
    const latent_image = await bench.output('EmptySD3LatentImage', { width: SIZE, height: SIZE, batch_size: 1 });
    bench.reports.length = 0;
    const { outputs } = await bench.run('SamplerCustomAdvanced', { guider, noise, sampler, sigmas, latent_image });
    expect(bench.reports.length).toBe(5);
    expect(outputs.length).toBe(2);
    expect((await decode(outputs[0])).frames.length).toBe(1);
  });

  it('schedulers give falling levels; partial denoising starts lower', async () => {
    const { model } = await parts();
    const levels = async (name: string, inputs: Readonly<Record<string, unknown>>) =>
      ((await bench.output(name, inputs)) as SigmasValue).values;
    const full = await levels('BasicScheduler', { model, scheduler: 'normal', steps: 4, denoise: 1 });
    expect(full.length).toBe(5);
    expect([...full].sort((a, b) => b - a)).toEqual(full);
    const half = await levels('BasicScheduler', { model, scheduler: 'normal', steps: 4, denoise: 0.5 });
    expect(half[0]).toBeCloseTo(full[0]! / 2);
    const karras = await levels('KarrasScheduler', { steps: 6, sigma_max: 14, sigma_min: 0.1, rho: 7 });
    expect([karras[0], karras.at(-2), karras.at(-1)]).toEqual([14, 0.1, 0]);
    const { outputs } = await bench.run('SplitSigmas', {
      sigmas: { type: 'SIGMAS', values: full, full: full[0] },
      step: 2,
    });
    expect(outputs.map((part) => (part as SigmasValue).values.length)).toEqual([3, 3]);
    expect(await levels('ManualSigmas', { sigmas: '1, .5, 0' })).toEqual([1, 0.5, 0]);
  });

  it('a film becomes as many frames as it is long', async () => {
    const latent_image = await bench.output('EmptyHunyuanLatentVideo', {
      width: SIZE,
      height: SIZE,
      length: 5,
      batch_size: 1,
    });
    const film = await decode(await sample({ latent_image }));
    expect(film.frames.length).toBe(5);
    expect(new Set(film.frames.map(hash)).size).toBe(5);
  });
});
