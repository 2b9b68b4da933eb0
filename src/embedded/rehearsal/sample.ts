import type { MaskBatch } from '../node.js';
import { rehearsalCaption } from './caption.js';
import { brightness } from './colour.js';
import { chanceAt, clamp, mix, smoothstep } from './math.js';
import { blendByte, Picture } from './picture.js';
import { renderScene } from './render.js';
import { resample } from './resample.js';
import type { Scene } from './scene.js';

/** A prompt that holds for a part of the picture. */
export interface Region {
  readonly scene: Scene;
  /** Fractions of the picture. */
  readonly area: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly mask: MaskBatch | null;
  readonly strength: number;
}

/** A picture that steers the result: `structure` as a ControlNet does, `look` as a reference or style picture does. */
export interface Guide {
  readonly picture: Picture;
  readonly kind: 'structure' | 'look';
  readonly weight: number;
}

/** Everything that one item of a sampled batch is made from. */
export interface SampleSpec {
  readonly width: number;
  readonly height: number;
  readonly scene: Scene;
  readonly regions: readonly Region[];
  readonly guides: readonly Guide[];
  /** What the latent held before; null for an empty one. */
  readonly source: Picture | null;
  /** 0 keeps the source, 1 ignores it. */
  readonly denoise: number;
  /** Where sampling may change the source, and which frame of it belongs to this item. */
  readonly mask: { readonly batch: MaskBatch; readonly frame: number } | null;
}

export function samplePicture(spec: SampleSpec): Picture {
  const { width, height, scene } = spec;
  const caption = rehearsalCaption(scene.seed + BigInt(scene.index), scene.model);
  return new Picture(width, height, caption, () => renderSample(spec, width, height));
}

/** Larger pictures are drawn at this many pixels and enlarged: nobody looks for detail in a rehearsal. */
const MAX_DRAWN_PIXELS = 2048 * 2048;

async function drawScene(scene: Scene, width: number, height: number): Promise<Buffer> {
  const scale = Math.sqrt(MAX_DRAWN_PIXELS / (width * height));
  if (scale >= 1) return renderScene(scene, width, height);
  const small = { width: Math.ceil(width * scale), height: Math.ceil(height * scale), channels: 3 };
  return resample(await renderScene(scene, small.width, small.height), small, width, height, 'smooth');
}

/** Draws a sample at any size: full size for the result, small for previews. */
export async function renderSample(spec: SampleSpec, width: number, height: number): Promise<Buffer> {
  const drawn = await drawScene(spec.scene, width, height);
  for (const region of spec.regions) {
    await blendRegion(drawn, await drawScene(region.scene, width, height), width, height, region);
  }
  for (const guide of spec.guides) await applyGuide(drawn, width, height, guide);
  if (!spec.source) return drawn;
  const source = await spec.source.resized(width, height).bytes();
  return mixWithSource(drawn, source, width, height, spec);
}

/**
 * The source stays visible by 1 - denoise. The rest is shared between the new picture and the source repainted in the
 * new picture's tones, so that a light touch changes the mood and a heavy one the motif.
 */
async function mixWithSource(
  drawn: Buffer,
  source: Buffer,
  width: number,
  height: number,
  spec: SampleSpec,
): Promise<Buffer> {
  const denoise = clamp(spec.denoise);
  const tones = toneTable(drawn);
  const mask = spec.mask ? await maskAt(spec.mask.batch, spec.mask.frame, width, height) : null;
  const result = Buffer.allocUnsafe(drawn.length);
  for (let i = 0, pixel = 0; i < drawn.length; i += 3, pixel++) {
    const open = mask ? mask[pixel]! / 255 : 1;
    if (open === 0) {
      result[i] = source[i]!;
      result[i + 1] = source[i + 1]!;
      result[i + 2] = source[i + 2]!;
      continue;
    }
    const tone = Math.floor(brightness(source[i]!, source[i + 1]!, source[i + 2]!)) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const made = mix(tones[tone + channel]!, drawn[i + channel]!, denoise);
      result[i + channel] = blendByte(source[i + channel]!, made, denoise * open);
    }
  }
  return result;
}

/** The average colour of the drawn picture's pixels for each brightness: its palette as a ramp. */
function toneTable(drawn: Buffer): Float32Array {
  const levels = 16;
  const sums = new Float64Array(levels * 4);
  for (let i = 0; i < drawn.length; i += 12) {
    const level = Math.min(
      levels - 1,
      Math.floor(brightness(drawn[i]!, drawn[i + 1]!, drawn[i + 2]!) / (256 / levels)),
    );
    for (let channel = 0; channel < 3; channel++)
      sums[level * 4 + channel] = sums[level * 4 + channel]! + drawn[i + channel]!;
    sums[level * 4 + 3] = sums[level * 4 + 3]! + 1;
  }
  const known: { readonly at: number; readonly colour: readonly [number, number, number] }[] = [];
  for (let level = 0; level < levels; level++) {
    const count = sums[level * 4 + 3]!;
    if (count < 8) continue;
    known.push({
      at: (level + 0.5) * (256 / levels),
      colour: [sums[level * 4]! / count, sums[level * 4 + 1]! / count, sums[level * 4 + 2]! / count],
    });
  }
  const ends = [{ at: 0, colour: [4, 4, 8] as const }, ...known, { at: 255, colour: [252, 250, 244] as const }];
  const table = new Float32Array(256 * 3);
  for (let value = 0; value < 256; value++) {
    const next = Math.max(
      1,
      ends.findIndex((end) => end.at >= value),
    );
    const from = ends[next - 1]!;
    const to = ends[next]!;
    const t = to.at === from.at ? 1 : clamp((value - from.at) / (to.at - from.at));
    for (let channel = 0; channel < 3; channel++)
      table[value * 3 + channel] = mix(from.colour[channel]!, to.colour[channel]!, t);
  }
  return table;
}

async function blendRegion(drawn: Buffer, part: Buffer, width: number, height: number, region: Region): Promise<void> {
  const { area } = region;
  const mask = region.mask ? await maskAt(region.mask, 0, width, height) : null;
  const feather = 0.12 * Math.min(area.right - area.left, area.bottom - area.top);
  const strength = clamp(0.5 + region.strength * 0.45);
  // An edge that meets the border of the picture has nothing to blend with.
  const edge = (place: number, low: number, high: number) =>
    (low <= 0.001 ? 1 : smoothstep(low - feather, low + feather, place)) *
    (high >= 0.999 ? 1 : smoothstep(high + feather, high - feather, place));
  for (let y = 0; y < height; y++) {
    const vertical = edge((y + 0.5) / height, area.top, area.bottom);
    if (vertical <= 0) continue;
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const weight =
        vertical * edge((x + 0.5) / width, area.left, area.right) * strength * (mask ? mask[pixel]! / 255 : 1);
      if (weight <= 0) continue;
      for (let i = pixel * 3; i < pixel * 3 + 3; i++) drawn[i] = blendByte(drawn[i]!, part[i]!, weight);
    }
  }
}

async function applyGuide(drawn: Buffer, width: number, height: number, guide: Guide): Promise<void> {
  const picture = await fitted(guide.picture, width, height);
  if (guide.kind === 'look') {
    const weight = clamp(guide.weight * 0.55, 0, 0.85);
    for (let i = 0; i < drawn.length; i++) drawn[i] = blendByte(drawn[i]!, picture[i]!, weight);
    return;
  }
  const weight = clamp(guide.weight * 0.5, 0, 0.8);
  for (let i = 0; i < drawn.length; i++) {
    drawn[i] = 255 - ((255 - drawn[i]!) * (255 - picture[i]! * weight)) / 255 + 0.5;
  }
}

/** The picture scaled to cover the size, its middle kept. */
async function fitted(picture: Picture, width: number, height: number): Promise<Buffer> {
  const scale = Math.max(width / picture.width, height / picture.height);
  const across = Math.max(width, Math.round(picture.width * scale));
  const down = Math.max(height, Math.round(picture.height * scale));
  const large = picture.resized(across, down);
  return large.cropped(Math.floor((across - width) / 2), Math.floor((down - height) / 2), width, height).bytes();
}

/** A mask frame scaled to a size; a single frame serves every item. */
export function maskAt(mask: MaskBatch, frame: number, width: number, height: number): Promise<Buffer> {
  const bytes = mask.frames[Math.min(frame, mask.frames.length - 1)]!;
  return resample(bytes, { width: mask.width, height: mask.height, channels: 1 }, width, height, 'smooth');
}

/** The picture drowned in noise by `amount`, as a sampler's intermediate states look. Returns new bytes. */
export function addNoise(rgb: Buffer, width: number, height: number, amount: number, salt: number): Buffer {
  const cell = Math.max(1, Math.floor(Math.min(width, height) / 128));
  const result = Buffer.allocUnsafe(rgb.length);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / cell);
      const index = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const coarse = chanceAt(column, row, salt + channel);
        const fine = chanceAt(x, y, salt + 7 + channel);
        result[index + channel] = blendByte(rgb[index + channel]!, 40 + 175 * (coarse * 0.6 + fine * 0.4), amount);
      }
    }
  }
  return result;
}
