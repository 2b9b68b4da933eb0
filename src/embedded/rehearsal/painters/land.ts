import { blend, type Rgb } from '../colour.js';
import { bell, clamp, mix, smoothstep } from '../math.js';
import type { Painting } from './painting.js';

/** Samples of a skyline per pixel column, so that steep edges stay smooth. */
const SAMPLES = 3;

/** A layer of land: everything below a skyline. */
export interface Layer {
  /** Height of the skyline at x; smaller is higher up. */
  readonly skyline: (x: number) => number;
  /** How far away, 0 near to 1 far: far layers drown in the air's colour. */
  readonly distance: number;
  /** Colour of the body at a place; `below` is the depth under the skyline. */
  readonly colour: (x: number, y: number, below: number, slope: number) => Rgb;
  /** Height of the mist that gathers at the foot, and its strength. */
  readonly mist?: { readonly from: number; readonly to: number; readonly strength: number };
  /** Where the layer ends; default the bottom of the picture. */
  readonly bottom?: number;
}

/** Paints layers from far to near. What a nearer layer will hide is not painted. */
export async function paintLayers(painting: Painting, layers: readonly Layer[]): Promise<void> {
  const { canvas } = painting;
  const skylines = layers.map((layer) => {
    const heights = new Float32Array(canvas.width * SAMPLES);
    for (let i = 0; i < heights.length; i++) heights[i] = layer.skyline(((i + 0.5) / SAMPLES) * canvas.pixel);
    return heights;
  });
  // From near to far: above which height is each column still free?
  const cutoffs: Float32Array[] = [];
  const cutoff = new Float32Array(canvas.width).fill(canvas.bottom);
  for (let i = layers.length - 1; i >= 0; i--) {
    const bottom = layers[i]!.bottom ?? canvas.bottom;
    cutoffs[i] = cutoff.map((free) => Math.min(free, bottom));
    // A layer that ends above the foot of the picture hides nothing below its end.
    if (bottom < Math.min(canvas.bottom, layers[0]!.bottom ?? canvas.bottom)) continue;
    for (let column = 0; column < canvas.width; column++) {
      let lowest = 0;
      for (let s = 0; s < SAMPLES; s++) lowest = Math.max(lowest, skylines[i]![column * SAMPLES + s]!);
      cutoff[column] = Math.min(cutoff[column]!, lowest + canvas.pixel);
    }
  }
  for (let i = 0; i < layers.length; i++) await paintLayer(painting, layers[i]!, skylines[i]!, cutoffs[i]!);
}

async function paintLayer(
  { canvas, plan }: Painting,
  layer: Layer,
  heights: Float32Array,
  cutoff: Float32Array,
): Promise<void> {
  const { horizon: air } = plan.palette;
  let top = canvas.bottom;
  let last = 0;
  for (const height of heights) top = Math.min(top, height);
  for (const free of cutoff) last = Math.max(last, free);
  await canvas.eachRow(
    canvas.row(top - canvas.pixel),
    canvas.row(last) + 1,
    (row) => {
      const y = canvas.y(row);
      const mist = layer.mist ? smoothstep(layer.mist.from, layer.mist.to, y) * layer.mist.strength : 0;
      let index = row * canvas.width * 3;
      for (let column = 0; column < canvas.width; column++, index += 3) {
        if (y > cutoff[column]!) continue;
        let cover = 0;
        let height = 0;
        for (let s = 0; s < SAMPLES; s++) {
          const sample = heights[column * SAMPLES + s]!;
          height += sample;
          cover += clamp((y - sample) / canvas.pixel + 0.5);
        }
        if (cover <= 0) continue;
        height /= SAMPLES;
        const before = heights[Math.max(0, column * SAMPLES - 6)]!;
        const after = heights[Math.min(heights.length - 1, column * SAMPLES + 8)]!;
        const slope = (after - before) / (canvas.pixel * 5);
        const colour = layer.colour(canvas.x(column), y, Math.max(0, y - height), slope);
        canvas.put(
          index,
          mix(colour[0], air[0], mist),
          mix(colour[1], air[1], mist),
          mix(colour[2], air[2], mist),
          cover / SAMPLES,
        );
      }
    },
    3,
  );
}

/** Grows a little faster than `t`: t to the power of 1.25. */
export function steep(t: number): number {
  return t * Math.sqrt(Math.sqrt(t));
}

/** Ranges of mountains from far to near, with snow on the high ones, light from the lamp's side and mist between. */
export async function paintMountains(
  painting: Painting,
  options: { readonly ranges: number; readonly height: number; readonly bottom?: number },
): Promise<void> {
  const { plan, noise, horizon, lamp, canvas } = painting;
  const { far, near, horizon: air } = plan.palette;
  const snow = plan.impression.weather === 'snow' || plan.impression.season === 'winter';
  const snowColour = blend(blend([0.97, 0.98, 1], plan.palette.lamp, 0.3), air, plan.time === 'night' ? 0.55 : 0.12);
  const foot = options.bottom ?? canvas.bottom;
  const side = lamp.x > canvas.right / 2 ? 1 : -1;
  const layers: Layer[] = [];
  for (let i = 0; i < options.ranges; i++) {
    const t = options.ranges === 1 ? 1 : i / (options.ranges - 1);
    const base = mix(horizon + 0.015, mix(horizon, foot, 0.72), steep(t));
    const height = options.height * mix(1, 0.42, t) * plan.random.between(0.85, 1.15);
    const frequency = mix(1.15, 2.1, t) * plan.random.between(0.85, 1.2);
    const offset = plan.random.between(0, 200);
    const away = 1 - t;
    const body = blend(far, near, mix(t, Math.sqrt(t), 0.3));
    const lit = blend(body, plan.palette.lamp, mix(0.34, 0.16, t));
    const dark = blend(body, plan.palette.ink, mix(0.16, 0.5, t));
    const snowy = snow ? 0.9 : (1 - t) * (plan.time === 'day' || plan.time === 'dawn' ? 0.85 : 0.55);
    const snowline = base - height * (snow ? 0.3 : 0.55);
    const out: [number, number, number] = [0, 0, 0];
    layers.push({
      distance: away,
      skyline: (x) => base - height * (noise.ridged(x * frequency + offset, offset * 0.37, 6) * 1.35 - 0.3),
      mist: { from: base - height * 0.35, to: base + 0.1, strength: mix(0.12, 0.78, away) * (t === 1 ? 0.3 : 1) },
      bottom: foot,
      colour: (x, y, below, slope) => {
        // The rock is lit as a relief: the difference of two nearby heights tells which faces look at the lamp.
        const px = x * frequency * 2.3 + offset + below * side * 0.9;
        const py = y * frequency * 1.7;
        const here = noise.ridged(px, py, plan.detail);
        const beside = noise.ridged(px + side * 0.09, py - 0.07, plan.detail - 1);
        const face = clamp(
          0.42 + (here - beside) * 1.5 - slope * side * 0.2 * bell(below, 0.03) + 0.18 * bell(below, 0.02),
        );
        const high = smoothstep(snowline + 0.09, snowline - 0.05, y + (0.45 - here) * 0.3);
        const white = snowy * high * smoothstep(0.2, 0.5, face);
        for (let channel = 0; channel < 3; channel++) {
          const rock = mix(dark[channel]!, lit[channel]!, face);
          out[channel] = mix(rock, snowColour[channel]!, white);
        }
        return out;
      },
    });
  }
  await paintLayers(painting, layers);
}

/** Rolling ground in the foreground, with grass or snow drawn as fine strokes. */
export async function paintGround(
  painting: Painting,
  options: { readonly level: number; readonly roll: number; readonly colour: Rgb; readonly strokes: number },
): Promise<void> {
  const { noise, plan, lamp } = painting;
  const offset = plan.random.between(0, 90);
  const light = blend(options.colour, plan.palette.lamp, 0.3);
  const dark = blend(options.colour, plan.palette.ink, 0.6);
  const out: [number, number, number] = [0, 0, 0];
  const layer: Layer = {
    distance: 0,
    skyline: (x) => options.level + options.roll * noise.cloudy(x * 1.1 + offset, offset, 3),
    colour: (x, _y, below) => {
      const depth = 1 / (0.06 + below);
      const stroke = noise.cloudy(x * 18 * (0.35 + below), depth * 2.2 + offset, 3) * options.strokes;
      const sheen = bell(x - lamp.x, 0.5) * bell(below, 0.12);
      const shade = clamp(0.42 + stroke + sheen * 0.4 - below * 0.75);
      for (let channel = 0; channel < 3; channel++) out[channel] = mix(dark[channel]!, light[channel]!, shade);
      return out;
    },
  };
  await paintLayers(painting, [layer]);
}
