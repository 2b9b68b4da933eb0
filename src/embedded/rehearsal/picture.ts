import type { Caption } from './caption.js';
import { type ResampleMethod, resample, type SourcePart } from './resample.js';

/**
 * What a rehearsed latent holds: a picture that is drawn when somebody looks at it, and only once. The bytes are RGB,
 * `width * height * 3`; who gets them must not change them.
 */
export class Picture {
  #bytes: Promise<Buffer> | undefined;
  readonly #draw: () => Promise<Buffer> | Buffer;

  constructor(
    readonly width: number,
    readonly height: number,
    /** What the mark says, if any part of the picture was made by a rehearsed sampler. */
    readonly caption: Caption | null,
    draw: () => Promise<Buffer> | Buffer,
  ) {
    this.#draw = draw;
  }

  bytes(): Promise<Buffer> {
    this.#bytes ??= Promise.resolve().then(this.#draw);
    return this.#bytes;
  }

  static flat(width: number, height: number, value: number): Picture {
    return new Picture(width, height, null, () => Buffer.alloc(width * height * 3, value));
  }

  static of(width: number, height: number, rgb: Buffer): Picture {
    return new Picture(width, height, null, () => rgb);
  }

  resized(width: number, height: number, method: ResampleMethod = 'smooth'): Picture {
    if (width === this.width && height === this.height) return this;
    return new Picture(width, height, this.caption, async () =>
      resample(await this.bytes(), { width: this.width, height: this.height, channels: 3 }, width, height, method),
    );
  }

  /** A part of the picture, enlarged to its full size. */
  zoomed(part: SourcePart): Picture {
    const { width, height } = this;
    return new Picture(width, height, this.caption, async () =>
      resample(await this.bytes(), { width, height, channels: 3 }, width, height, 'smooth', part),
    );
  }

  /** A part of the picture; it must lie inside. */
  cropped(left: number, top: number, width: number, height: number): Picture {
    if (left === 0 && top === 0 && width === this.width && height === this.height) return this;
    return this.#mapped(width, height, (x, y) => (y + top) * this.width + x + left);
  }

  flipped(axis: 'vertical' | 'horizontal'): Picture {
    const { width, height } = this;
    return this.#mapped(width, height, (x, y) =>
      axis === 'vertical' ? (height - 1 - y) * width + x : y * width + width - 1 - x,
    );
  }

  /** The same picture in the upper left corner of a larger grey one. */
  extended(width: number, height: number): Picture {
    const grey = Picture.flat(width, height, 127);
    return new Picture(width, height, this.caption, () => grey.under(this, 0, 0, () => 1).bytes());
  }

  /** Clockwise, by quarter turns. */
  turned(quarters: number): Picture {
    const { width, height } = this;
    switch (((quarters % 4) + 4) % 4) {
      case 1:
        return this.#mapped(height, width, (x, y) => (height - 1 - x) * width + y);
      case 2:
        return this.#mapped(width, height, (x, y) => (height - 1 - y) * width + width - 1 - x);
      case 3:
        return this.#mapped(height, width, (x, y) => x * width + width - 1 - y);
      default:
        return this;
    }
  }

  /** This picture with another over it. `opacity` gives 0..1 for a pixel of the result. */
  under(other: Picture, left: number, top: number, opacity: (x: number, y: number) => number): Picture {
    return new Picture(this.width, this.height, this.caption ?? other.caption, async () => {
      const [below, above] = await Promise.all([this.bytes(), other.bytes()]);
      const result = Buffer.from(below);
      for (let y = Math.max(0, top); y < Math.min(this.height, top + other.height); y++) {
        for (let x = Math.max(0, left); x < Math.min(this.width, left + other.width); x++) {
          const weight = opacity(x, y);
          if (weight <= 0) continue;
          const to = (y * this.width + x) * 3;
          const from = ((y - top) * other.width + x - left) * 3;
          for (let channel = 0; channel < 3; channel++) {
            result[to + channel] = blendByte(result[to + channel]!, above[from + channel]!, weight);
          }
        }
      }
      return result;
    });
  }

  /** Each byte computed from the bytes of two pictures of one size (the other is resized to this one's). */
  combined(other: Picture, compute: (here: number, there: number) => number): Picture {
    return new Picture(this.width, this.height, this.caption ?? other.caption, async () => {
      const [here, there] = await Promise.all([this.bytes(), other.resized(this.width, this.height).bytes()]);
      const result = Buffer.allocUnsafe(here.length);
      for (let i = 0; i < here.length; i++) {
        result[i] = Math.min(255, Math.max(0, compute(here[i]!, there[i]!) + 0.5));
      }
      return result;
    });
  }

  #mapped(width: number, height: number, source: (x: number, y: number) => number): Picture {
    return new Picture(width, height, this.caption, async () => {
      const bytes = await this.bytes();
      const result = Buffer.allocUnsafe(width * height * 3);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const from = source(x, y) * 3;
          const to = (y * width + x) * 3;
          result[to] = bytes[from]!;
          result[to + 1] = bytes[from + 1]!;
          result[to + 2] = bytes[from + 2]!;
        }
      }
      return result;
    });
  }
}

export function blendByte(from: number, to: number, amount: number): number {
  return from + (to - from) * amount + 0.5;
}
