/**
 * A Gaussian blur of a given radius and width, mirrored at the edges, in two passes. libvips' blur chooses its radius
 * by itself, which would not be what the node's inputs say. Lets other work of the process run between rows.
 */
export async function gaussianBlur(
  frame: Buffer,
  size: { readonly width: number; readonly height: number; readonly channels: number },
  radius: number,
  sigma: number,
): Promise<Buffer> {
  const { width, height, channels } = size;
  const kernel = gaussianKernel(radius, sigma);
  const line = width * channels;
  const rows = new Float32Array(frame.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
          sum += kernel[k + radius]! * frame[y * line + mirrored(x + k, width) * channels + channel]!;
        }
        rows[y * line + x * channels + channel] = sum;
      }
    }
    if (y % 32 === 31) await nextTurn();
  }
  const result = Buffer.allocUnsafe(frame.length);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < line; i++) {
      let sum = 0.5;
      for (let k = -radius; k <= radius; k++) sum += kernel[k + radius]! * rows[mirrored(y + k, height) * line + i]!;
      result[y * line + i] = sum;
    }
    if (y % 32 === 31) await nextTurn();
  }
  return result;
}

function gaussianKernel(radius: number, sigma: number): number[] {
  const kernel = Array.from({ length: radius * 2 + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)));
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  return kernel.map((weight) => weight / total);
}

/** Reflects at the edge pixel, which is not repeated. */
function mirrored(place: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((place % period) + period) % period;
  return folded < length ? folded : period - folded;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
