import { blend, type Rgb } from '../colour.js';
import { chanceAt, clamp, mix, smoothstep } from '../math.js';
import { type Layer, paintLayers } from './land.js';
import type { Painting } from './painting.js';

interface Building {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly mast: number;
  readonly step: number;
  readonly salt: number;
}

/** Rows of buildings before the sky, with windows that light up as the day ends. */
export async function paintCity(
  painting: Painting,
  options: { readonly rows: number; readonly ground: number; readonly height: number },
): Promise<void> {
  const { plan, canvas, lamp } = painting;
  const { far, near } = plan.palette;
  const lightsOn = { day: 0.06, dawn: 0.16, sunset: 0.34, evening: 0.5, night: 0.55 }[plan.time];
  const warm = blend(plan.palette.lamp, [1, 0.82, 0.5], 0.6);
  const layers: Layer[] = [];
  for (let i = 0; i < options.rows; i++) {
    const t = options.rows === 1 ? 1 : i / (options.rows - 1);
    const ground = options.ground + t * 0.05;
    const buildings = build(painting, options.height * mix(1, 0.62, t), ground, mix(0.045, 0.1, t));
    const body: Rgb = blend(blend(far, near, 0.15 + 0.85 * t), plan.palette.ink, 0.25 * t);
    const lit = blend(body, plan.palette.lamp, mix(0.25, 0.1, t));
    const glass = blend(body, plan.palette.sky, 0.35);
    const out: [number, number, number] = [0, 0, 0];
    layers.push({
      distance: 1 - t,
      skyline: (x) => roofAt(buildings, x, ground),
      mist: { from: ground - options.height * 0.45, to: ground + 0.03, strength: mix(0.75, 0.25, t) },
      ...(t < 1 ? { bottom: Math.min(canvas.bottom, ground + 0.12) } : {}),
      colour: (x, y, below) => {
        const house = buildings.find((candidate) => x >= candidate.left && x < candidate.right);
        const salt = house?.salt ?? 0;
        const across = house ? (x - house.left) / (house.right - house.left) : 0;
        const lightSide = lamp.x > x ? smoothstep(0.2, 1, across) : smoothstep(0.8, 0, across);
        const tone = 0.15 + 0.55 * lightSide + (chanceAt(salt, 3, 11) - 0.5) * 0.3;
        for (let channel = 0; channel < 3; channel++) out[channel] = mix(body[channel]!, lit[channel]!, clamp(tone));
        if (!house || below < 0.012) return out;
        const cellWidth = mix(0.0055, 0.009, t) * (0.75 + 0.9 * chanceAt(salt, 1, 1));
        const cellHeight = mix(0.008, 0.013, t) * (0.8 + 0.6 * chanceAt(salt, 1, 7));
        const u = (x - house.left) / cellWidth;
        const v = (y - house.top) / cellHeight;
        const cellX = Math.floor(u);
        const cellY = Math.floor(v);
        const edge = Math.min(
          windowEdge(u - cellX, 0.2, canvas.pixel / cellWidth),
          windowEdge(v - cellY, 0.24, canvas.pixel / cellHeight),
        );
        if (edge <= 0) return out;
        const chance = chanceAt(cellX, cellY, salt);
        const floorOn = chanceAt(7, cellY, salt) < 0.16 ? 0.3 : 0;
        const busy = 0.25 + 1.3 * chanceAt(salt, 5, 2);
        const on = chance < (lightsOn + floorOn) * busy;
        const colour = on ? (plan.impression.neon && chance < 0.2 ? plan.palette.accent : warm) : glass;
        const strength = on ? mix(0.35, 1, chanceAt(cellX, cellY, salt + 5)) * mix(0.5, 0.95, t) : 0.22;
        for (let channel = 0; channel < 3; channel++)
          out[channel] = mix(out[channel]!, colour[channel]!, edge * strength);
        return out;
      },
    });
  }
  await paintLayers(painting, layers);
}

/** 1 inside a window's pane, 0 on its frame, smooth over a pixel. */
function windowEdge(place: number, frame: number, pixel: number): number {
  const inside = Math.min(place - frame, 1 - frame - place);
  return clamp(inside / Math.max(pixel, 0.02) + 0.5);
}

function build({ plan, canvas, noise }: Painting, height: number, ground: number, width: number): Building[] {
  const buildings: Building[] = [];
  const offset = plan.random.between(0, 100);
  let left = -width;
  while (left < canvas.right) {
    const right = left + width * plan.random.between(0.55, 1.5);
    const rise = 0.5 + 0.5 * noise.at(left * 1.6 + offset, offset);
    const tall = plan.random.chance(0.14) ? 1.35 : 1;
    buildings.push({
      left,
      right,
      top: ground - height * tall * (0.22 + 0.62 * rise * plan.random.between(0.6, 1.15)),
      mast: plan.random.chance(0.22) ? height * plan.random.between(0.06, 0.2) : 0,
      step: plan.random.chance(0.4) ? plan.random.between(0.12, 0.3) : 0,
      salt: plan.random.integer(1, 100_000),
    });
    left = right + (plan.random.chance(0.12) ? width * 0.25 : 0);
  }
  return buildings;
}

function roofAt(buildings: readonly Building[], x: number, ground: number): number {
  for (const house of buildings) {
    if (x < house.left || x >= house.right) continue;
    const width = house.right - house.left;
    const across = (x - house.left) / width;
    const middle = Math.abs(across - 0.5);
    if (house.mast > 0 && middle < 0.0014 / width + 0.012) return house.top - house.mast;
    if (house.step > 0 && middle > 0.5 - house.step) return house.top + (house.right - house.left) * 0.5;
    return house.top;
  }
  return ground;
}
