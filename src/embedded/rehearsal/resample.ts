import { clamp } from './math.js';

/**
 * Resizing in plain arithmetic: the same bytes on every machine (libvips picks other code paths on other processors),
 * and the sampling points of the tensor library behind ComfyUI. Interleaved 8-bit channels.
 *
 * - nearest   the source pixel under the middle of the target pixel
 * - bilinear  two neighbours, also when shrinking
 * - bicubic   four neighbours (a = -0.75), also when shrinking
 * - area      the mean of the covered source pixels
 * - smooth    like bilinear upwards; downwards a wide triangle, so nothing aliases
 */
export type ResampleMethod = 'nearest' | 'bilinear' | 'bicubic' | 'area' | 'smooth';

/** The part of the source that is shown, in source pixels; it may lie between pixels. */
export interface SourcePart {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Multiplications between two looks at other work of the process; about 10 ms. */
const WORK_PER_BREATH = 6_000_000;

export async function resample(
  source: Uint8Array,
  size: { readonly width: number; readonly height: number; readonly channels: number },
  toWidth: number,
  toHeight: number,
  method: ResampleMethod,
  part: SourcePart = { left: 0, top: 0, width: size.width, height: size.height },
): Promise<Buffer> {
  const { width, height, channels } = size;
  if (part.width === toWidth && part.height === toHeight && width === toWidth && height === toHeight) {
    return Buffer.from(source);
  }
  const across = tapsOf(width, toWidth, method, part.left, part.width);
  const down = tapsOf(height, toHeight, method, part.top, part.height);
  const line = toWidth * channels;
  const rows = new Float32Array(line * height);
  const breath = breather();
  for (let y = 0; y < height; y++) {
    const from = y * width * channels;
    for (let x = 0; x < toWidth; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let k = x * across.count; k < (x + 1) * across.count; k++) {
          const weight = across.weights[k]!;
          if (weight !== 0) sum += weight * source[from + across.places[k]! * channels + channel]!;
        }
        rows[y * line + x * channels + channel] = sum;
      }
    }
    if (breath(line * across.count)) await nextTurn();
  }
  const result = Buffer.allocUnsafe(line * toHeight);
  for (let y = 0; y < toHeight; y++) {
    for (let i = 0; i < line; i++) {
      let sum = 0;
      for (let k = y * down.count; k < (y + 1) * down.count; k++) {
        const weight = down.weights[k]!;
        if (weight !== 0) sum += weight * rows[down.places[k]! * line + i]!;
      }
      result[y * line + i] = clamp(sum + 0.5, 0, 255.5);
    }
    if (breath(line * down.count)) await nextTurn();
  }
  return result;
}

function breather(): (work: number) => boolean {
  let total = 0;
  return (work) => {
    total += work;
    if (total < WORK_PER_BREATH) return false;
    total = 0;
    return true;
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** For each target pixel `count` source pixels and their weights, which sum to 1. */
interface Taps {
  readonly count: number;
  readonly places: Int32Array;
  readonly weights: Float32Array;
}

function tapsOf(from: number, to: number, method: ResampleMethod, start: number, span: number): Taps {
  const scale = span / to;
  const reach = reachOf(method, scale);
  const count = method === 'nearest' ? 1 : Math.ceil(reach * 2) + 1;
  const places = new Int32Array(to * count);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = start + (i + 0.5) * scale;
    if (method === 'nearest') {
      places[i] = Math.min(from - 1, Math.floor(centre));
      weights[i] = 1;
      continue;
    }
    const first = Math.floor(centre - reach);
    let total = 0;
    for (let k = 0; k < count; k++) {
      const weight = weightOf(method, first + k + 0.5 - centre, scale);
      // What falls over the edge goes to the edge pixel.
      places[i * count + k] = clamp(first + k, 0, from - 1);
      weights[i * count + k] = weight;
      total += weight;
    }
    for (let k = i * count; k < (i + 1) * count; k++) weights[k] = weights[k]! / total;
  }
  return { count, places, weights };
}

function reachOf(method: ResampleMethod, scale: number): number {
  if (method === 'bicubic') return 2;
  if (method === 'area') return scale / 2 + 0.5;
  return method === 'smooth' ? Math.max(1, scale) : 1;
}

/** `away`: distance of the source pixel's middle from the target pixel's middle, in source pixels. */
function weightOf(method: ResampleMethod, away: number, scale: number): number {
  const x = Math.abs(away);
  switch (method) {
    case 'area':
      return Math.max(0, Math.min(scale / 2, away + 0.5) - Math.max(-scale / 2, away - 0.5));
    case 'smooth':
      return Math.max(0, 1 - x / Math.max(1, scale));
    case 'bicubic':
      if (x < 1) return (1.25 * x - 2.25) * x * x + 1;
      return x < 2 ? ((-0.75 * x + 3.75) * x - 6) * x + 3 : 0;
    default:
      return Math.max(0, 1 - x);
  }
}
