import type { Rgb } from './colour.js';
import { chanceAt, clamp } from './math.js';

/** Pixels between two looks at other work: about 5 ms, so that a server which paints still answers. */
const PIXELS_PER_BREATH = 60_000;

/** Bounds the damage where a shape's distance is wrong by more than half. */
const LONGEST_LEAP = 0.12;

/**
 * A picture in the making: red, green, blue as floats in 0..1 (gamma encoded), painted back to front.
 *
 * Places are given in units of the shorter side: x runs 0..`right`, y runs 0..`bottom`, and `pixel` is the size of one
 * pixel. So a scene keeps its composition at every resolution.
 */
export class Canvas {
  readonly pixels: Float32Array;
  readonly right: number;
  readonly bottom: number;
  readonly pixel: number;
  #sinceBreath = 0;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    const shorter = Math.min(width, height);
    this.pixels = new Float32Array(width * height * 3);
    this.right = width / shorter;
    this.bottom = height / shorter;
    this.pixel = 1 / shorter;
  }

  x(column: number): number {
    return (column + 0.5) * this.pixel;
  }

  y(row: number): number {
    return (row + 0.5) * this.pixel;
  }

  row(y: number): number {
    return Math.floor(clamp(y * Math.min(this.width, this.height), 0, this.height));
  }

  column(x: number): number {
    return Math.floor(clamp(x * Math.min(this.width, this.height), 0, this.width));
  }

  /** Calls `paint` for rows `from` <= row < `to`, and lets other work of the process run in between. */
  async eachRow(from: number, to: number, paint: (row: number) => void, cost = 1): Promise<void> {
    for (let row = Math.max(0, from); row < Math.min(this.height, to); row++) {
      paint(row);
      this.#sinceBreath += this.width * cost;
      if (this.#sinceBreath < PIXELS_PER_BREATH) continue;
      this.#sinceBreath = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Lays a colour over one pixel; `alpha` 0..1. */
  put(index: number, red: number, green: number, blue: number, alpha: number): void {
    const { pixels } = this;
    pixels[index] = pixels[index]! + (red - pixels[index]!) * alpha;
    pixels[index + 1] = pixels[index + 1]! + (green - pixels[index + 1]!) * alpha;
    pixels[index + 2] = pixels[index + 2]! + (blue - pixels[index + 2]!) * alpha;
  }

  /** Adds light, which never clips hard: 1 is only approached. */
  glow(index: number, colour: Rgb, amount: number): void {
    const { pixels } = this;
    for (let channel = 0; channel < 3; channel++) {
      const value = pixels[index + channel]!;
      pixels[index + channel] = value + (1 - value) * clamp(colour[channel]! * amount);
    }
  }

  /**
   * Fills a shape given by its signed distance (negative inside, in canvas units) within a box, with smooth edges.
   * `paint` returns the colour for a place; it may return the same array each time.
   */
  async fill(
    box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
    shape: (x: number, y: number) => number,
    paint: (x: number, y: number, depth: number) => Rgb,
    opacity = 1,
  ): Promise<void> {
    const left = this.column(box.left - this.pixel);
    const right = this.column(box.right + 2 * this.pixel);
    await this.eachRow(this.row(box.top - this.pixel), this.row(box.bottom + 2 * this.pixel), (row) => {
      const y = this.y(row);
      let index = (row * this.width + left) * 3;
      for (let column = left; column < right; column++, index += 3) {
        const x = this.x(column);
        const depth = shape(x, y);
        const cover = clamp(0.5 - depth / this.pixel);
        if (cover <= 0) {
          // Far outside: the distance says how many pixels cannot be touched. Half of it, since some distances are rough.
          const leap = Math.floor((Math.min(depth, LONGEST_LEAP) * 0.5) / this.pixel);
          column += leap;
          index += leap * 3;
          continue;
        }
        const colour = paint(x, y, depth);
        this.put(index, colour[0], colour[1], colour[2], cover * opacity);
      }
    });
  }

  /** Rounds to bytes, with a trace of noise so that smooth skies show no bands. */
  toBytes(salt: number): Buffer {
    const { pixels } = this;
    const bytes = Buffer.allocUnsafe(pixels.length);
    for (let i = 0, pixel = 0; i < pixels.length; i += 3, pixel++) {
      const dither = chanceAt(pixel, 7, salt) - 0.5;
      bytes[i] = clamp(pixels[i]! * 255 + dither + 0.5, 0, 255);
      bytes[i + 1] = clamp(pixels[i + 1]! * 255 + dither + 0.5, 0, 255);
      bytes[i + 2] = clamp(pixels[i + 2]! * 255 + dither + 0.5, 0, 255);
    }
    return bytes;
  }
}
