import sharp from 'sharp';
import { type ImageBatch, type MaskBatch, NodeException } from '../node.js';
import { type ResampleMethod, resample } from '../rehearsal/resample.js';

/** Helpers for raw 8-bit frames. */
export type Frame = Buffer;

/** Refuses pictures whose decoded size would exhaust memory; the largest side of a ComfyUI picture is 16384. */
export const MAX_PIXELS = 16_384 * 16_384;

/** Pixels that one result may hold over all its frames: about 450 MB as RGB. */
const MAX_RESULT_PIXELS = 150_000_000;

/**
 * Fails the node before a result is made that would take the process down; on a real server such a run ends by running
 * out of memory too.
 */
export function requireMemory(width: number, height: number, frames = 1): void {
  if (width * height * frames <= MAX_RESULT_PIXELS) return;
  throw new NodeException('MemoryError', `${frames} x ${width} x ${height} pixels are more than this engine holds.`);
}

export function imageBatch(width: number, height: number, channels: 3 | 4, frames: readonly Frame[]): ImageBatch {
  return { type: 'IMAGE', width, height, channels, frames };
}

export function maskBatch(width: number, height: number, frames: readonly Frame[]): MaskBatch {
  return { type: 'MASK', width, height, frames };
}

/** Python's rounding: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A value of 0..1 as a byte. */
export function byteOf(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 255);
}

/** Applies a function to every byte. */
export function mapBytes(frame: Frame, compute: (value: number, index: number) => number): Frame {
  const result = Buffer.allocUnsafe(frame.length);
  for (let i = 0; i < frame.length; i++) result[i] = Math.min(255, Math.max(0, Math.round(compute(frame[i]!, i))));
  return result;
}

/** Takes or adds channels: alpha is dropped, or added as opaque. */
export function withChannels(frame: Frame, from: 3 | 4, to: 3 | 4): Frame {
  if (from === to) return frame;
  const pixels = frame.length / from;
  const result = Buffer.alloc(pixels * to, 255);
  for (let i = 0; i < pixels; i++) frame.copy(result, i * to, i * from, i * from + 3);
  return result;
}

export function withBatchChannels(image: ImageBatch, channels: 3 | 4): ImageBatch {
  if (image.channels === channels) return image;
  return { ...image, channels, frames: image.frames.map((frame) => withChannels(frame, image.channels, channels)) };
}

/** One channel of a picture. */
export function channelOf(frame: Frame, channels: number, channel: number): Frame {
  const result = Buffer.allocUnsafe(frame.length / channels);
  for (let i = 0; i < result.length; i++) result[i] = frame[i * channels + channel]!;
  return result;
}

/** Copies a rectangle out of a frame; it must lie inside. */
export function cropFrame(
  frame: Frame,
  width: number,
  channels: number,
  area: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
): Frame {
  const line = area.width * channels;
  const result = Buffer.allocUnsafe(line * area.height);
  for (let row = 0; row < area.height; row++) {
    const from = ((area.y + row) * width + area.x) * channels;
    frame.copy(result, row * line, from, from + line);
  }
  return result;
}

export function remapFrame(
  frame: Frame,
  channels: number,
  width: number,
  height: number,
  source: (x: number, y: number) => number,
): Frame {
  const result = Buffer.allocUnsafe(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += channels) {
      const from = source(x, y) * channels;
      for (let channel = 0; channel < channels; channel++) result[to + channel] = frame[from + channel]!;
    }
  }
  return result;
}

const OWN_METHODS: Readonly<Record<string, ResampleMethod>> = {
  'nearest-exact': 'nearest',
  bilinear: 'bilinear',
  bislerp: 'bilinear',
  area: 'area',
  bicubic: 'bicubic',
};

/** Resizes one frame by a method of ComfyUI; Lanczos runs in libvips, off the main thread. */
export async function scaleFrame(
  frame: Frame,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 },
  width: number,
  height: number,
  method: string,
): Promise<Frame> {
  if (size.width === width && size.height === height) return frame;
  requireMemory(width, height);
  const own = OWN_METHODS[method];
  if (own) return resample(frame, size, width, height, own);
  const raw = sharp(frame, { raw: { ...size }, limitInputPixels: MAX_PIXELS })
    .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
    .raw();
  return size.channels === 1 ? raw.extractChannel(0).toBuffer() : raw.toBuffer();
}

export async function scaleImage(
  image: ImageBatch,
  width: number,
  height: number,
  method: string,
): Promise<ImageBatch> {
  const frames = await Promise.all(image.frames.map((frame) => scaleFrame(frame, image, width, height, method)));
  return imageBatch(width, height, image.channels, frames);
}

export async function scaleMask(mask: MaskBatch, width: number, height: number, method: string): Promise<MaskBatch> {
  const size = { width: mask.width, height: mask.height, channels: 1 as const };
  const frames = await Promise.all(mask.frames.map((frame) => scaleFrame(frame, size, width, height, method)));
  return maskBatch(width, height, frames);
}

/** The largest middle part with the aspect ratio of width : height. */
export function centreCrop(
  size: { readonly width: number; readonly height: number },
  width: number,
  height: number,
): { x: number; y: number; width: number; height: number } {
  const aspect = size.width / size.height;
  const wanted = width / height;
  const x = aspect > wanted ? roundHalfEven((size.width - size.width * (wanted / aspect)) / 2) : 0;
  const y = aspect < wanted ? roundHalfEven((size.height - size.height * (aspect / wanted)) / 2) : 0;
  return { x, y, width: size.width - x * 2, height: size.height - y * 2 };
}

/** ComfyUI's resize: optionally the middle part only. */
export async function resizeImage(
  image: ImageBatch,
  width: number,
  height: number,
  method: string,
  crop: string,
): Promise<ImageBatch> {
  if (crop !== 'center') return scaleImage(image, width, height, method);
  const area = centreCrop(image, width, height);
  const frames = image.frames.map((frame) => cropFrame(frame, image.width, image.channels, area));
  return scaleImage(imageBatch(area.width, area.height, image.channels, frames), width, height, method);
}

/** Frame `index` of a batch, where a shorter batch repeats its last frame. */
export function frameAt(frames: readonly Frame[], index: number): Frame {
  const frame = frames[Math.min(index, frames.length - 1)];
  if (!frame) throw new RangeError('A batch without frames.');
  return frame;
}

/** Encodes a frame as PNG. */
export function encodePng(
  frame: Frame,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 },
  compressionLevel: number,
): Promise<Buffer> {
  return sharp(frame, { raw: { ...size }, limitInputPixels: MAX_PIXELS })
    .png({ compressionLevel })
    .toBuffer();
}
