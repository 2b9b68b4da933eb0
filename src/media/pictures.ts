import sharp, { type Metadata, type Sharp } from 'sharp';
import { EaselError } from '../core/errors.js';
import { type MediaLimits, maxPixels, maxTotalPixels } from './limits.js';

/** Kinds of pictures that are decoded. Everything else that libvips can load stays blocked: SVG runs scripts and reads files. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'];

/** Type by the name that the decoder gives to what it found. AVIF comes in a HEIF container. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  jpeg: ['image/jpeg'],
  png: ['image/png', 'image/apng'],
  webp: ['image/webp'],
  gif: ['image/gif'],
  heif: ['image/avif', 'image/heif'],
};

/**
 * Blocks every loader but those, for the whole process, which is what is wanted. To be called before the first picture is
 * opened, and not at each: between the two calls nothing can be loaded, so that a good picture which another thread opens
 * just then would be refused as damaged.
 */
export function guardLoaders(): void {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) });
}

export interface Picture {
  readonly metadata: Metadata;
  /** As it is shown, after the orientation of its EXIF. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

/** A pipeline that reads from memory, within the limits; `guardLoaders` was called. `all` takes every frame of an animation. */
export function openPicture(bytes: Uint8Array, limits: MediaLimits, frames: 'first' | 'all' = 'first'): Sharp {
  return sharp(bytes, {
    failOn: 'truncated',
    sequentialRead: true,
    pages: frames === 'all' ? -1 : 1,
    limitInputPixels: frames === 'all' ? maxTotalPixels(limits) : maxPixels(limits),
  });
}

/** Reads the header and checks it against type and limits. Throws `media_invalid`, `media_too_complex`. */
export async function describePicture(bytes: Uint8Array, contentType: string, limits: MediaLimits): Promise<Picture> {
  // Before the decoder: it takes time by the square of the number of frames, 18 s for 100,000.
  if (contentType === 'image/webp') checkFrames(countWebpFrames(bytes, limits.maxFrames), limits);
  const metadata = await decoding(openPicture(bytes, limits).metadata());
  if (!TYPES[metadata.format]?.includes(contentType))
    throw unusable(`The file looks like ${contentType} but holds a picture of the kind ${metadata.format}.`);
  const { width, height } = metadata.format === 'gif' ? screenOf(bytes) : metadata.autoOrient;
  const frames = metadata.pages ?? 1;
  const megapixels = (width * height) / 1_000_000;
  if (width * height > maxPixels(limits))
    throw tooComplex(`The picture has ${megapixels.toFixed(1)} megapixels; ${limits.maxMegapixels} are allowed.`);
  checkFrames(frames, limits);
  if (width * height * frames > maxTotalPixels(limits))
    throw tooComplex(`The frames of the animation have ${Math.round(megapixels * frames)} megapixels together.`);
  return { metadata, width, height, frames };
}

function checkFrames(frames: number, limits: MediaLimits): void {
  if (frames > limits.maxFrames)
    throw tooComplex(`The animation has ${frames} or more frames; ${limits.maxFrames} are allowed.`);
}

/** Chunks of a RIFF file, each a name, a size and as many bytes, made even. Stops counting beyond `most`. */
function countWebpFrames(bytes: Uint8Array, most: number): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frames = 0;
  for (let at = 12; at + 8 <= file.length && frames <= most; ) {
    const size = file.readUInt32LE(at + 4);
    if (file.toString('latin1', at, at + 4) === 'ANMF') frames += 1;
    at += 8 + size + (size % 2);
  }
  return frames;
}

/** What a GIF says of itself. The decoder here takes a very large screen for a mistake; the backend's may believe it. */
function screenOf(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, 10);
  return { width: header.readUInt16LE(6), height: header.readUInt16LE(8) };
}

const SAMPLE = 32;

/**
 * Decodes every pixel of every frame, keeping only a thumbnail: what is cut off or damaged is found here and not by the
 * backend an hour later. Returns the first frame as RGBA.
 */
export async function decodeWhole(
  bytes: Uint8Array,
  picture: Picture,
  limits: MediaLimits,
): Promise<{ readonly pixels: Uint8ClampedArray; readonly width: number; readonly height: number }> {
  const animated = picture.frames > 1;
  const { data } = await decoding(
    openPicture(bytes, limits, animated ? 'all' : 'first')
      .autoOrient()
      .resize({ width: SAMPLE, height: SAMPLE, fit: 'fill' })
      .ensureAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  );
  const first = data.subarray(0, SAMPLE * SAMPLE * 4);
  return { pixels: new Uint8ClampedArray(first), width: SAMPLE, height: SAMPLE };
}

/** What the decoder throws, as our error: the file is at fault, and what libvips says is for the log. */
export async function decoding<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EaselError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (/pixel limit/i.test(message)) throw tooComplex('The picture has more pixels than is allowed.');
    throw new EaselError('media_invalid', 'The picture is cut off or damaged: it cannot be decoded.', { cause: error });
  }
}

function unusable(message: string): EaselError {
  return new EaselError('media_invalid', message);
}

function tooComplex(message: string): EaselError {
  return new EaselError('media_too_complex', message);
}
