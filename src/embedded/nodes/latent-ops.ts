import { NodeException } from '../node.js';
import type { Picture } from '../rehearsal/picture.js';
import { maskAt } from '../rehearsal/sample.js';
import { growing } from './batches.js';
import type { Inputs } from './inputs.js';
import { latentOpInterfaces as interfaces } from './latent-op-interfaces.js';
import { combine, latentOf, mapItems, reshaped, toCells } from './latent-values.js';
import type { NodeFamily, Run } from './library.js';
import { centreCrop, roundHalfEven } from './pixels.js';
import type { LatentItem, LatentValue } from './values.js';

/** Nodes that scale, cut, turn, mix and stack latents. They work on the pictures that the latents stand for. */
const MIDDLE = 127;

function scaled(latent: LatentValue, width: number, height: number, method: string): LatentValue {
  const how = method === 'nearest-exact' ? 'nearest' : 'smooth';
  return reshaped(latent, width, height, (picture) => picture.resized(width, height, how));
}

const upscale: Run = (inputs) => {
  const samples = inputs.get('samples', 'LATENT');
  let width = inputs.integer('width');
  let height = inputs.integer('height');
  if (width === 0 && height === 0) return [samples];
  if (width === 0) width = toCells((samples.width * height) / samples.height);
  if (height === 0) height = toCells((samples.height * width) / samples.width);
  const method = inputs.text('upscale_method');
  if (inputs.text('crop') !== 'center') return [scaled(samples, toCells(width), toCells(height), method)];
  const area = centreCrop(samples, width, height);
  const cut = reshaped(samples, area.width, area.height, (picture) =>
    picture.resized(samples.width, samples.height).cropped(area.x, area.y, area.width, area.height),
  );
  return [scaled(cut, toCells(width), toCells(height), method)];
};

/** A model that enlarges latents: twice, unless the node names a size. */
const upscaleWithModel: Run = async (inputs, context, setup, definition) => {
  await context.delay(setup.rehearsal.stepMs);
  if (definition.input.required?.['width']) return upscale(inputs, context, setup, definition);
  const samples = inputs.get('samples', 'LATENT');
  return [scaled(samples, samples.width * 2, samples.height * 2, 'bilinear')];
};

function composite(inputs: Inputs): LatentValue {
  const to = inputs.get('samples_to', 'LATENT');
  const from = inputs.get('samples_from', 'LATENT');
  const [left, top, feather] = [inputs.integer('x'), inputs.integer('y'), inputs.integer('feather')];
  // An edge that coincides with the border of the target is not feathered.
  const fade = (place: number, isOpen: boolean) => (isOpen && feather > 0 ? Math.min(1, place / feather) : 1);
  const opacity = (x: number, y: number) =>
    fade(x - left + 1, left > 0) *
    fade(left + from.width - x, left + from.width < to.width) *
    fade(y - top + 1, top > 0) *
    fade(top + from.height - y, top + from.height < to.height);
  return overlay(to, from, left, top, opacity);
}

function overlay(
  to: LatentValue,
  from: LatentValue,
  left: number,
  top: number,
  opacity: (x: number, y: number) => number,
): LatentValue {
  const items = to.items.map((item, index) => {
    const above = from.items[Math.min(index, from.items.length - 1)]?.picture;
    return item.picture && above ? { ...item, picture: item.picture.under(above, left, top, opacity) } : item;
  });
  return { ...to, items };
}

async function compositeMasked(inputs: Inputs): Promise<LatentValue> {
  const to = inputs.get('destination', 'LATENT');
  const given = inputs.get('source', 'LATENT');
  const from = inputs.flag('resize_source') ? scaled(given, to.width, to.height, 'bilinear') : given;
  const [left, top] = [inputs.integer('x'), inputs.integer('y')];
  const mask = inputs.maybe('mask', 'MASK');
  if (!mask) return overlay(to, from, left, top, () => 1);
  const weights = await maskAt(mask, 0, from.width, from.height);
  return overlay(to, from, left, top, (x, y) => weights[(y - top) * from.width + x - left]! / 255);
}

function crop(inputs: Inputs): LatentValue {
  const samples = inputs.get('samples', 'LATENT');
  const x = Math.min(inputs.integer('x'), samples.width - 8);
  const y = Math.min(inputs.integer('y'), samples.height - 8);
  const width = Math.min(toCells(inputs.integer('width')), samples.width - x);
  const height = Math.min(toCells(inputs.integer('height')), samples.height - y);
  return reshaped(samples, width, height, (picture) => picture.cropped(x, y, width, height));
}

/** One batch of several latents, each in the size of the first. */
function joinBatches(latents: readonly LatentValue[]): LatentValue {
  const [first] = latents;
  if (!first) throw new NodeException('ValueError', 'No latents to batch');
  const items = latents.flatMap((latent) => mapItems(latent, (picture) => picture.resized(first.width, first.height)));
  return { ...first, items };
}

function singles(latent: LatentValue): LatentValue[] {
  return latent.items.map((item) => ({ ...latent, items: [item] }));
}

function rebatch(latents: readonly LatentValue[], size: number): LatentValue[] {
  const all = latents.flatMap(singles);
  const batches: LatentValue[] = [];
  for (let i = 0; i < all.length; i += size) batches.push(joinBatches(all.slice(i, i + size)));
  return batches;
}

/** Side by side, above each other, or one after the other in time. */
function concat(first: LatentValue, second: LatentValue, dimension: string): LatentValue {
  const axis = dimension.replace('-', '');
  const [a, b] = dimension.startsWith('-') ? [second, first] : [first, second];
  if (axis === 't') return { ...a, length: a.length + b.length };
  const width = axis === 'x' ? a.width + b.width : a.width;
  const height = axis === 'y' ? a.height + b.height : a.height;
  const items = a.items.map((item, index): LatentItem => {
    const other = b.items[Math.min(index, b.items.length - 1)]?.picture;
    if (!item.picture || !other) return { ...item, picture: null };
    const canvas = item.picture.extended(width, height);
    const fitted = axis === 'x' ? other.resized(b.width, height) : other.resized(width, b.height);
    const place: readonly [number, number] = axis === 'x' ? [a.width, 0] : [0, a.height];
    return { ...item, picture: canvas.under(fitted, place[0], place[1], () => 1) };
  });
  return { ...a, width, height, items };
}

/** A slice in cells (x, y) or frames (t); a negative index counts from the end. */
function cut(latent: LatentValue, dimension: string, index: number, amount: number): LatentValue {
  const cell = dimension === 't' ? 1 : 8;
  const total = (dimension === 'x' ? latent.width : dimension === 'y' ? latent.height : latent.length) / cell;
  const start = Math.min(total - 1, Math.max(0, index < 0 ? total + index : index));
  const count = Math.max(1, Math.min(amount, total - start));
  if (dimension === 't') return { ...latent, length: count };
  const take = (picture: Picture) =>
    dimension === 'x'
      ? picture.cropped(start * cell, 0, count * cell, latent.height)
      : picture.cropped(0, start * cell, latent.width, count * cell);
  const [width, height] = dimension === 'x' ? [count * cell, latent.height] : [latent.width, count * cell];
  return reshaped(latent, width, height, take);
}

function cutToBatch(latent: LatentValue, dimension: string, size: number): LatentValue {
  const cells = dimension === 't' ? latent.length : (dimension === 'x' ? latent.width : latent.height) / 8;
  const count = Math.max(1, Math.floor(cells / size));
  return joinBatches(Array.from({ length: count }, (_, part) => cut(latent, dimension, part * size, size)));
}

const both = (inputs: Inputs) => [inputs.get('samples1', 'LATENT'), inputs.get('samples2', 'LATENT')] as const;

/** Arithmetic on values around the middle grey, which stands for the zero of a latent. */
const toned = (note: string, tone: (offset: number) => number) => ({
  type: 'LATENT_OPERATION' as const,
  note,
  apply: (latent: LatentValue) => combine(latent, latent, (value) => MIDDLE + tone(value - MIDDLE)),
});

export const latentOpFamily: NodeFamily = {
  interfaces,
  special: { BatchLatentsNode: { latents: growing('latent', 'LATENT') } },
  behaviours: {
    LatentUpscale: upscale,
    LatentUpscaleBy: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      const factor = inputs.number('scale_by');
      const side = (length: number) => Math.max(8, roundHalfEven((length / 8) * factor) * 8);
      return [scaled(samples, side(samples.width), side(samples.height), inputs.text('upscale_method'))];
    },
    LTXVLatentUpsampler: upscaleWithModel,
    HunyuanVideo15LatentUpscaleWithModel: upscaleWithModel,
    LatentComposite: (inputs) => [composite(inputs)],
    LatentCompositeMasked: async (inputs) => [await compositeMasked(inputs)],
    LatentCrop: (inputs) => [crop(inputs)],
    LatentFlip: (inputs) => {
      const axis = inputs.text('flip_method').startsWith('x') ? 'vertical' : 'horizontal';
      const samples = inputs.get('samples', 'LATENT');
      return [{ ...samples, items: mapItems(samples, (picture) => picture.flipped(axis)) }];
    },
    LatentRotate: (inputs) => {
      const quarters = (Number.parseInt(inputs.text('rotation'), 10) || 0) / 90;
      const samples = inputs.get('samples', 'LATENT');
      const [width, height] = quarters % 2 === 1 ? [samples.height, samples.width] : [samples.width, samples.height];
      return [reshaped(samples, width, height, (picture) => picture.turned(quarters))];
    },
    LatentBlend: (inputs) => {
      const share = inputs.number('blend_factor');
      return [combine(...both(inputs), (a, b) => a * share + b * (1 - share))];
    },
    LatentInterpolate: (inputs) => {
      const share = inputs.number('ratio');
      return [combine(...both(inputs), (a, b) => a * share + b * (1 - share))];
    },
    LatentAdd: (inputs) => [combine(...both(inputs), (a, b) => a + b - MIDDLE)],
    LatentSubtract: (inputs) => [combine(...both(inputs), (a, b) => a - b + MIDDLE)],
    LatentMultiply: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      const factor = inputs.number('multiplier');
      return [combine(samples, samples, (value) => MIDDLE + (value - MIDDLE) * factor)];
    },
    LatentBatch: (inputs) => [joinBatches(both(inputs))],
    BatchLatentsNode: (inputs) => [joinBatches(inputs.grown('latents', 'LATENT'))],
    LatentFromBatch: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      const start = Math.min(inputs.integer('batch_index'), samples.items.length - 1);
      return [{ ...samples, items: samples.items.slice(start, start + inputs.integer('length')) }];
    },
    RepeatLatentBatch: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      const rounds = Array.from({ length: inputs.integer('amount') }, () => samples.items).flat();
      return [{ ...samples, items: rounds.map((item, index) => ({ ...item, index })) }];
    },
    RebatchLatents: {
      inputIsList: true,
      run: (inputs) => [rebatch(inputs.list('latents', 'LATENT'), inputs.first().integer('batch_size'))],
    },
    LatentBatchSeedBehavior: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      const first = samples.items[0]?.index ?? 0;
      const isFixed = inputs.text('seed_behavior') === 'fixed';
      return [{ ...samples, items: samples.items.map((item, i) => ({ ...item, index: isFixed ? first : i })) }];
    },
    LatentConcat: (inputs) => [concat(...both(inputs), inputs.text('dim'))],
    LatentCut: (inputs) => [
      cut(inputs.get('samples', 'LATENT'), inputs.text('dim'), inputs.integer('index'), inputs.integer('amount')),
    ],
    LatentCutToBatch: (inputs) => [
      cutToBatch(inputs.get('samples', 'LATENT'), inputs.text('dim'), inputs.integer('slice_size')),
    ],
    LatentApplyOperation: (inputs) => [
      inputs.get('operation', 'LATENT_OPERATION').apply(inputs.get('samples', 'LATENT')),
    ],
    LatentOperationSharpen: (inputs) => {
      const alpha = inputs.number('alpha');
      return [toned(`sharpen ${alpha}`, (offset) => offset * (1 + alpha * 0.2))];
    },
    LatentOperationTonemapReinhard: (inputs) => {
      const strength = inputs.number('multiplier');
      return [
        toned(`tonemap ${strength}`, (offset) => offset / (1 + (0.15 * Math.abs(offset)) / (60 * (strength + 0.1)))),
      ];
    },
    TrimVideoLatent: (inputs) => {
      const samples = inputs.get('samples', 'LATENT');
      // A latent frame of a video model stands for four frames of the film.
      const trim = Math.min(samples.length - 1, samples.trim + inputs.integer('trim_amount') * 4);
      return [{ ...samples, trim }];
    },
    ReplaceVideoLatentFrames: (inputs) => [inputs.get('destination', 'LATENT')],
    NormalizeVideoLatentStart: (inputs) => [inputs.get('latent', 'LATENT')],
    AddNoise: (inputs) => {
      const latent = inputs.get('latent_image', 'LATENT');
      const sigmas = inputs.get('sigmas', 'SIGMAS');
      const noise = Math.min(1, (sigmas.values[0] ?? 0) / sigmas.full);
      if (inputs.get('noise', 'NOISE').seed === null) return [latent];
      return [
        latentOf(
          latent.width,
          latent.height,
          latent.items.map((item) => ({ ...item, noise })),
          latent.length,
        ),
      ];
    },
    HunyuanRefinerLatent: (inputs) => [
      inputs.get('positive', 'CONDITIONING'),
      inputs.get('negative', 'CONDITIONING'),
      inputs.get('latent', 'LATENT'),
    ],
  },
};
