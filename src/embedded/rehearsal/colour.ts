import { clamp, cosineOfTurns, cubeRoot, mix, sineOfTurns } from './math.js';

/** Red, green, blue in 0..1 as screens take them (gamma encoded). */
export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * A colour by lightness (0..1), chroma (0..0.3) and hue (degrees) in the OKLCh space, where equal steps look equal.
 * What a screen cannot show loses chroma until it can.
 */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  let usable = chroma;
  for (let tries = 0; tries < 12; tries++) {
    const linear = oklchToLinear(lightness, usable, hue);
    if (linear.every((channel) => channel >= -0.001 && channel <= 1.001)) {
      return [encode(linear[0]), encode(linear[1]), encode(linear[2])];
    }
    usable *= 0.86;
  }
  const grey = encode(clamp(lightness * lightness * lightness));
  return [grey, grey, grey];
}

export function blend(from: Rgb, to: Rgb, amount: number): Rgb {
  return [mix(from[0], to[0], amount), mix(from[1], to[1], amount), mix(from[2], to[2], amount)];
}

export function scaled(colour: Rgb, factor: number): Rgb {
  return [clamp(colour[0] * factor), clamp(colour[1] * factor), clamp(colour[2] * factor)];
}

/** Perceived brightness of gamma-encoded red, green, blue; same scale as its inputs. */
export function brightness(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** A table of `size` colours that runs smoothly through `stops`, interleaved r, g, b. */
export function ramp(stops: readonly Rgb[], size: number): Float32Array {
  const table = new Float32Array(size * 3);
  for (let i = 0; i < size; i++) {
    const place = (i / (size - 1)) * (stops.length - 1);
    const index = Math.min(Math.floor(place), stops.length - 2);
    const t = place - index;
    const colour = blend(stops[index]!, stops[index + 1]!, t * t * (3 - 2 * t) * 0.6 + t * 0.4);
    table.set(colour, i * 3);
  }
  return table;
}

function oklchToLinear(lightness: number, chroma: number, hue: number): [number, number, number] {
  const a = chroma * cosineOfTurns(hue / 360);
  const b = chroma * sineOfTurns(hue / 360);
  const l = lightness + 0.3963377774 * a + 0.2158037573 * b;
  const m = lightness - 0.1055613458 * a - 0.0638541728 * b;
  const s = lightness - 0.0894841775 * a - 1.291485548 * b;
  const l3 = l * l * l;
  const m3 = m * m * m;
  const s3 = s * s * s;
  return [
    4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
    -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
    -0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3,
  ];
}

/** The sRGB transfer function; its exponent 1/2.4 is 5/12, which a cube root and two square roots make. */
function encode(linear: number): number {
  const value = clamp(linear);
  if (value <= 0.0031308) return 12.92 * value;
  const fourth = Math.sqrt(Math.sqrt(value));
  const third = cubeRoot(fourth);
  return 1.055 * fourth * third * third - 0.055;
}
