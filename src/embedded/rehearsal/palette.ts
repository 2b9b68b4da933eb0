import { blend, oklch, type Rgb, scaled } from './colour.js';
import { clamp } from './math.js';
import type { Random } from './random.js';
import type { DayTime, Impression } from './words.js';

/** The few colours that a picture is made of. */
export interface Palette {
  readonly zenith: Rgb;
  readonly sky: Rgb;
  readonly horizon: Rgb;
  /** Sun, moon or lamp. */
  readonly lamp: Rgb;
  /** The far and the near end of the land. */
  readonly far: Rgb;
  readonly near: Rgb;
  readonly accent: Rgb;
  readonly second: Rgb;
  readonly ink: Rgb;
  readonly paper: Rgb;
}

/** Lightness, chroma, hue. */
type Tone = readonly [lightness: number, chroma: number, hue: number];
type Tones = Readonly<Record<'zenith' | 'sky' | 'horizon' | 'lamp' | 'far' | 'near', Tone>>;

const BY_TIME: Readonly<Record<DayTime, Tones>> = {
  day: {
    zenith: [0.6, 0.12, 250],
    sky: [0.76, 0.09, 236],
    horizon: [0.93, 0.04, 210],
    lamp: [0.98, 0.05, 98],
    far: [0.72, 0.06, 232],
    near: [0.34, 0.07, 155],
  },
  dawn: {
    zenith: [0.62, 0.09, 272],
    sky: [0.79, 0.09, 345],
    horizon: [0.93, 0.08, 78],
    lamp: [0.98, 0.06, 92],
    far: [0.7, 0.08, 320],
    near: [0.27, 0.06, 268],
  },
  sunset: {
    zenith: [0.36, 0.11, 288],
    sky: [0.63, 0.16, 20],
    horizon: [0.87, 0.14, 72],
    lamp: [0.97, 0.1, 92],
    far: [0.58, 0.12, 12],
    near: [0.17, 0.06, 300],
  },
  evening: {
    zenith: [0.25, 0.09, 272],
    sky: [0.46, 0.13, 318],
    horizon: [0.77, 0.13, 42],
    lamp: [0.95, 0.08, 80],
    far: [0.44, 0.11, 310],
    near: [0.13, 0.05, 280],
  },
  night: {
    zenith: [0.15, 0.055, 272],
    sky: [0.27, 0.08, 262],
    horizon: [0.47, 0.09, 228],
    lamp: [0.96, 0.03, 95],
    far: [0.34, 0.07, 250],
    near: [0.09, 0.035, 270],
  },
};

const GREEN = 140;

/** Derives the colours from what the prompt says of time, weather and colour, and from chance for the rest. */
export function choosePalette(impression: Impression, time: DayTime, random: Random, manner: Random): Palette {
  const tones = BY_TIME[time];
  const mood = 1 + 0.3 * impression.vividness + (impression.neon ? 0.25 : 0);
  const lift = 0.05 * impression.lightness;
  // Green is the colour of land, not of skies, unless the picture glows.
  const skyHues = impression.hues.filter((hue) => impression.neon || hue !== GREEN);
  const [named, other] = skyHues;
  const verdant = impression.hues.includes(GREEN);
  // A colour that the prompt names turns the whole sky towards it; without one, chance turns it a little.
  const turn = named === undefined ? random.between(-22, 22) : shortestTurn(tones.sky[2], named) * 0.85;
  const drift = manner.between(-7, 7);
  const grey = impression.weather === 'storm' || impression.weather === 'rain' ? 0.55 : 1;
  const tone = (source: Tone, turned: number, chroma = 1): Rgb =>
    oklch(
      clamp(source[0] + lift * (1 - source[0]), 0.04, 0.985),
      clamp(source[1] * mood * grey * chroma, 0, 0.24),
      source[2] + turn * turned + drift,
    );
  const lampHue = named !== undefined && impression.neon ? named : tones.lamp[2] + turn * 0.2;
  const season = impression.season;
  const nearHue = season === 'autumn' ? 48 : season === 'spring' || verdant ? 132 : tones.near[2] + turn * 0.5;
  const accentHue = other ?? (named === undefined ? tones.sky[2] + 150 + random.between(-40, 40) : named);
  const snow = impression.weather === 'snow' || season === 'winter';
  return {
    zenith: tone(tones.zenith, 1),
    sky: tone(tones.sky, 1),
    horizon: tone(tones.horizon, 0.55),
    lamp: oklch(tones.lamp[0], tones.lamp[1] * mood, lampHue),
    far: tone(tones.far, 0.8),
    near: oklch(
      tones.near[0] + (snow ? 0.12 : 0),
      tones.near[1] * mood * (snow ? 0.6 : verdant ? 1.35 : 1),
      nearHue + drift,
    ),
    accent: oklch(0.68, 0.17 * clamp(mood, 0.3, 1.3), accentHue),
    second: oklch(0.78, 0.13 * clamp(mood, 0.3, 1.3), accentHue + 55),
    ink: scaled(blend(tone(tones.near, 0.6), [0, 0, 0], 0.45), 1),
    paper: blend(tone(tones.horizon, 0.4), [1, 1, 1], 0.55),
  };
}

function shortestTurn(from: number, to: number): number {
  const turn = (((to - from) % 360) + 540) % 360;
  return turn - 180;
}
