import type { ImageBatch, MaskBatch } from '../node.js';
import { drawCaption } from '../rehearsal/caption.js';
import { Picture } from '../rehearsal/picture.js';
import { addNoise } from '../rehearsal/sample.js';
import { cropFrame, imageBatch, requireMemory, withBatchChannels } from './pixels.js';
import type { LatentItem, LatentValue } from './values.js';

/** Helpers on rehearsed latents. Sizes are in pixels; a latent cell is 8 pixels wide. */
const CELL = 8;
const GREY = 127;

export function emptyLatent(width: number, height: number, batch: number, length = 1): LatentValue {
  return latentOf(
    toCells(width),
    toCells(height),
    Array.from({ length: batch }, (_, index) => ({ picture: null, index, noise: 0 })),
    length,
  );
}

export function latentOf(width: number, height: number, items: readonly LatentItem[], length = 1): LatentValue {
  return { type: 'LATENT', width, height, length, items, noiseMask: null, seconds: 0, trim: 0 };
}

export function toCells(pixels: number): number {
  return Math.max(CELL, Math.floor(pixels / CELL) * CELL);
}

/** Encodes a batch; like a VAE it cuts the sides to whole cells, evenly on both sides. */
export function encode(pixels: ImageBatch): LatentValue {
  const image = withBatchChannels(pixels, 3);
  if (image.width < CELL || image.height < CELL) {
    // Too small to cut: enlarged instead.
    const items = image.frames.map((frame, index) => ({
      picture: Picture.of(image.width, image.height, frame).resized(toCells(image.width), toCells(image.height)),
      index,
      noise: 0,
    }));
    return latentOf(toCells(image.width), toCells(image.height), items);
  }
  const area = encodedArea(image.width, image.height);
  const items = image.frames.map((frame, index) => ({
    picture: Picture.of(area.width, area.height, cropFrame(frame, image.width, 3, area)),
    index,
    noise: 0,
  }));
  return latentOf(area.width, area.height, items);
}

/** The part of a picture that a VAE encodes. */
export function encodedArea(width: number, height: number): { x: number; y: number; width: number; height: number } {
  return {
    x: Math.floor((width % CELL) / 2),
    y: Math.floor((height % CELL) / 2),
    width: toCells(width),
    height: toCells(height),
  };
}

/** Decodes to pictures: draws them, drowns unfinished ones in their noise, and marks what a rehearsal made. */
export async function decode(latent: LatentValue): Promise<ImageBatch> {
  requireMemory(latent.width, latent.height, latent.items.length * (latent.length - latent.trim));
  const frames: Buffer[] = [];
  for (const item of latent.items) {
    const picture = (item.picture ?? Picture.flat(latent.width, latent.height, GREY)).resized(
      latent.width,
      latent.height,
    );
    for (let frame = latent.trim; frame < latent.length; frame++) {
      frames.push(await finishedFrame(item, latent.length === 1 ? picture : moved(picture, frame, latent.length)));
    }
  }
  return imageBatch(latent.width, latent.height, 3, frames);
}

async function finishedFrame(item: LatentItem, picture: Picture): Promise<Buffer> {
  const bytes = await picture.bytes();
  const rgb =
    item.noise > 0 ? addNoise(bytes, picture.width, picture.height, item.noise, item.index + 1) : Buffer.from(bytes);
  if (picture.caption) drawCaption(rgb, picture.width, picture.height, picture.caption);
  return rgb;
}

/** How much of the picture a rehearsed camera leaves out, to have room to move. */
const CAMERA_ROOM = 0.06;

/** Frame `index` of a film of `length` frames: the camera drifts over the picture and comes closer. */
function moved(picture: Picture, index: number, length: number): Picture {
  const t = index / Math.max(1, length - 1);
  const room = CAMERA_ROOM * (0.5 + 0.5 * t);
  const width = picture.width * (1 - room);
  const height = picture.height * (1 - room);
  const left = (picture.width - width) * (0.25 + 0.5 * t);
  return picture.zoomed({ left, top: (picture.height - height) / 2, width, height });
}

export function mapItems(latent: LatentValue, change: (picture: Picture) => Picture): LatentItem[] {
  return latent.items.map((item) => ({ ...item, picture: item.picture ? change(item.picture) : null }));
}

/** The same change for every picture, with a new size. */
export function reshaped(
  latent: LatentValue,
  width: number,
  height: number,
  change: (picture: Picture) => Picture,
): LatentValue {
  return { ...latent, width, height, items: mapItems(latent, change) };
}

/** Combines two latents picture by picture; the second repeats its last item. Empty ones count as grey. */
export function combine(
  first: LatentValue,
  second: LatentValue,
  compute: (here: number, there: number) => number,
): LatentValue {
  const grey = Picture.flat(first.width, first.height, GREY);
  const items = first.items.map((item, index) => {
    const other = second.items[Math.min(index, second.items.length - 1)]?.picture ?? null;
    if (!item.picture && !other) return item;
    return { ...item, picture: (item.picture ?? grey).combined(other ?? grey, compute) };
  });
  return { ...first, items };
}

export function withNoiseMask(latent: LatentValue, mask: MaskBatch): LatentValue {
  return { ...latent, noiseMask: mask };
}
