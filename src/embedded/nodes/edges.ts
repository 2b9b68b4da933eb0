import type { ImageBatch } from '../node.js';
import { brightness } from '../rehearsal/colour.js';
import { gaussianBlur } from './gaussian.js';
import type { NodeFamily } from './library.js';
import { imageBatch } from './pixels.js';

/** Edge detection and morphology. */
const interfaces = `
= canny v3 image/preprocessors
Canny  image:IMAGE low_threshold:FLOAT=0.4[0.01..0.99/0.01] high_threshold:FLOAT=0.8[0.01..0.99/0.01] -> IMAGE
= morphology v3 image/postprocessing
Morphology
  image:IMAGE operation:(erode|dilate|open|close|gradient|bottom_hat|top_hat) kernel_size:INT=3[3..999/1] -> IMAGE
`;

export const edgeFamily: NodeFamily = {
  interfaces,
  behaviours: {
    Canny: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const frames: Buffer[] = [];
      for (const frame of image.frames) {
        frames.push(await canny(frame, image, inputs.number('low_threshold'), inputs.number('high_threshold')));
      }
      return [imageBatch(image.width, image.height, 3, frames)];
    },
    Morphology: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const frames: Buffer[] = [];
      for (const frame of image.frames) {
        frames.push(await morph(frame, image, inputs.text('operation'), inputs.integer('kernel_size')));
      }
      return [{ ...image, frames }];
    },
  },
};

const NONE = 0;
const WEAK = 1;
const STRONG = 2;

/** Blur, gradient, thinning along the gradient, then keep weak edges that touch strong ones. Thresholds in 0..1. */
async function canny(frame: Buffer, image: ImageBatch, low: number, high: number): Promise<Buffer> {
  const { width, height, channels } = image;
  const grey = Buffer.allocUnsafe(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    grey[i] = brightness(frame[at]!, frame[at + 1]!, frame[at + 2]!) + 0.5;
  }
  const smooth = await gaussianBlur(grey, { width, height, channels: 1 }, 2, 1);
  const strength = new Float32Array(width * height);
  const slopeX = new Float32Array(width * height);
  const slopeY = new Float32Array(width * height);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const value = (dx: number, dy: number) => smooth[at + dy * width + dx]! / 255;
      const gx = value(1, -1) + 2 * value(1, 0) + value(1, 1) - value(-1, -1) - 2 * value(-1, 0) - value(-1, 1);
      const gy = value(-1, 1) + 2 * value(0, 1) + value(1, 1) - value(-1, -1) - 2 * value(0, -1) - value(1, -1);
      slopeX[at] = gx;
      slopeY[at] = gy;
      strength[at] = Math.sqrt(gx * gx + gy * gy);
    }
  }
  const marks = new Uint8Array(width * height);
  const open: number[] = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const step = alongGradient(slopeX[at]!, slopeY[at]!, width);
      const here = strength[at]!;
      if (here <= low || here < strength[at + step]! || here < strength[at - step]!) continue;
      marks[at] = here > high ? STRONG : WEAK;
      if (marks[at] === STRONG) open.push(at);
    }
  }
  const result = Buffer.alloc(width * height * 3);
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    result.fill(255, at * 3, at * 3 + 3);
    for (const step of [1, -1, width, -width, width + 1, width - 1, -width + 1, -width - 1]) {
      if (marks[at + step] !== WEAK) continue;
      marks[at + step] = STRONG;
      open.push(at + step);
    }
    marks[at] = NONE;
  }
  return result;
}

/** The neighbour, as an offset, towards which the gradient points: one of four directions. */
function alongGradient(gx: number, gy: number, width: number): number {
  const across = Math.abs(gx);
  const down = Math.abs(gy);
  if (across > 2.414 * down) return 1;
  if (down > 2.414 * across) return width;
  return gx * gy > 0 ? width + 1 : width - 1;
}

async function morph(frame: Buffer, image: ImageBatch, operation: string, size: number): Promise<Buffer> {
  const erode = (source: Buffer) => windowed(source, image, size, Math.min);
  const dilate = (source: Buffer) => windowed(source, image, size, Math.max);
  const minus = (a: Buffer, b: Buffer) => Buffer.from(a.map((value, i) => Math.max(0, value - b[i]!)));
  switch (operation) {
    case 'erode':
      return erode(frame);
    case 'dilate':
      return dilate(frame);
    case 'open':
      return dilate(await erode(frame));
    case 'close':
      return erode(await dilate(frame));
    case 'gradient':
      return minus(await dilate(frame), await erode(frame));
    case 'top_hat':
      return minus(frame, await dilate(await erode(frame)));
    default:
      return minus(await erode(await dilate(frame)), frame);
  }
}

/** The least or greatest value in a square around each pixel, rows first and then columns. */
async function windowed(
  frame: Buffer,
  { width, height, channels }: ImageBatch,
  size: number,
  pick: (a: number, b: number) => number,
): Promise<Buffer> {
  const before = Math.floor(size / 2);
  const rows = Buffer.allocUnsafe(frame.length);
  const line = width * channels;
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < channels; channel++) {
      slide(frame, rows, y * line + channel, channels, width, size, before, pick);
    }
    if (y % 64 === 63) await nextTurn();
  }
  const result = Buffer.allocUnsafe(frame.length);
  for (let i = 0; i < line; i++) {
    slide(rows, result, i, line, height, size, before, pick);
    if (i % 64 === 63) await nextTurn();
  }
  return result;
}

/**
 * One line of `windowed` in a time that does not grow with the window: running extremes of blocks from both sides
 * (after van Herk, and Gil and Werman).
 */
function slide(
  source: Buffer,
  target: Buffer,
  start: number,
  stride: number,
  length: number,
  size: number,
  before: number,
  pick: (a: number, b: number) => number,
): void {
  const padded = length + size - 1;
  const value = (i: number) => source[start + Math.min(length - 1, Math.max(0, i - before)) * stride]!;
  const forward = new Uint8Array(padded);
  const backward = new Uint8Array(padded);
  for (let i = 0; i < padded; i++) forward[i] = i % size === 0 ? value(i) : pick(forward[i - 1]!, value(i));
  for (let i = padded - 1; i >= 0; i--) {
    const isEnd = i % size === size - 1 || i === padded - 1;
    backward[i] = isEnd ? value(i) : pick(backward[i + 1]!, value(i));
  }
  for (let i = 0; i < length; i++) target[start + i * stride] = pick(backward[i]!, forward[i + size - 1]!);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
