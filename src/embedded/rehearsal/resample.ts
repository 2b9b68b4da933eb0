/**
 * Resizing in plain arithmetic, for everything whose bytes a rehearsal promises: libvips picks other code paths on other
 * processors. Interleaved 8-bit channels.
 */
export type ResampleMethod = 'nearest' | 'smooth';

interface Taps {
  readonly start: Int32Array;
  readonly count: number;
  readonly weights: Float32Array;
}

/** `smooth` interpolates linearly upwards and averages downwards, so nothing aliases. */
export function resample(
  source: Uint8Array,
  width: number,
  height: number,
  channels: number,
  toWidth: number,
  toHeight: number,
  method: ResampleMethod = 'smooth',
): Buffer {
  if (width === toWidth && height === toHeight) return Buffer.from(source);
  const across = taps(width, toWidth, method);
  const down = taps(height, toHeight, method);
  const rows = new Float32Array(toWidth * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const start = across.start[x]!;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let k = 0; k < across.count; k++) {
          const weight = across.weights[x * across.count + k]!;
          if (weight !== 0) sum += weight * source[(y * width + start + k) * channels + channel]!;
        }
        rows[(y * toWidth + x) * channels + channel] = sum;
      }
    }
  }
  const line = toWidth * channels;
  const result = Buffer.allocUnsafe(line * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const start = down.start[y]!;
    for (let i = 0; i < line; i++) {
      let sum = 0.5;
      for (let k = 0; k < down.count; k++) {
        const weight = down.weights[y * down.count + k]!;
        if (weight !== 0) sum += weight * rows[(start + k) * line + i]!;
      }
      result[y * line + i] = sum > 255 ? 255 : sum;
    }
  }
  return result;
}

function taps(from: number, to: number, method: ResampleMethod): Taps {
  const scale = from / to;
  const support = method === 'nearest' ? 0 : Math.max(1, scale);
  const count = method === 'nearest' ? 1 : Math.ceil(support * 2) + 1;
  const start = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    if (method === 'nearest') {
      start[i] = Math.min(from - 1, Math.floor(centre));
      weights[i] = 1;
      continue;
    }
    const first = Math.max(0, Math.floor(centre - support));
    start[i] = first;
    let total = 0;
    for (let k = 0; k < count && first + k < from; k++) {
      const weight = Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / support);
      weights[i * count + k] = weight;
      total += weight;
    }
    for (let k = 0; k < count; k++) weights[i * count + k] = weights[i * count + k]! / total;
  }
  return { start, count, weights };
}
