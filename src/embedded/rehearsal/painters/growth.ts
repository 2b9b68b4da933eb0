import { blend, type Rgb } from '../colour.js';
import { bell, clamp, mix } from '../math.js';
import { type Layer, paintLayers, steep } from './land.js';
import type { Painting } from './painting.js';

interface Tree {
  readonly x: number;
  readonly height: number;
  readonly width: number;
  readonly salt: number;
}

/** Rows of trees from far to near, each row paler than the next: conifers in the cold, round crowns elsewhere. */
export async function paintForest(
  painting: Painting,
  options: { readonly rows: number; readonly from: number; readonly to: number; readonly size: number },
): Promise<void> {
  const { plan, canvas, noise, lamp } = painting;
  const { far, near, horizon: air } = plan.palette;
  const round = plan.impression.season === 'autumn' || plan.impression.season === 'spring';
  const side = lamp.x > canvas.right / 2 ? 1 : -1;
  const snow = plan.impression.weather === 'snow' || plan.impression.season === 'winter';
  const layers: Layer[] = [];
  for (let i = 0; i < options.rows; i++) {
    const t = options.rows === 1 ? 1 : i / (options.rows - 1);
    const ground = mix(options.from, options.to, steep(t));
    const size = options.size * mix(0.3, 1, steep(t));
    const trees = plantRow(painting, size, ground);
    const body: Rgb = blend(blend(far, near, 0.35 + 0.65 * t), plan.palette.ink, 0.25 * t);
    const lit = blend(body, plan.palette.lamp, mix(0.3, 0.12, t));
    const tint = blend(lit, plan.palette.accent, round ? 0.55 : 0);
    const white: Rgb = blend([0.95, 0.97, 1], air, 0.25);
    const out: [number, number, number] = [0, 0, 0];
    const offset = plan.random.between(0, 60);
    layers.push({
      distance: 1 - t,
      skyline: (x) => skylineOf(trees, x, ground, round, size) + 0.012 * noise.at(x * 3 + offset, offset),
      mist: { from: ground - size * 0.75, to: ground + size * 0.35, strength: mix(0.85, 0.28, t) },
      colour: (x, y, below, slope) => {
        const leaf = noise.cloudy((x * 14) / (0.03 + size * 0.6), (y * 22) / (0.03 + size * 0.6) + offset, 3);
        const light = clamp(0.18 + leaf * 0.55 - slope * side * 0.035 + bell(below, size * 0.06) * 0.45);
        const frost = snow ? clamp(0.8 * bell(below, size * 0.07) + leaf * 0.7 - 0.1) * 0.9 : 0;
        for (let channel = 0; channel < 3; channel++) {
          out[channel] = mix(mix(body[channel]! * 0.8, tint[channel]!, light), white[channel]!, frost);
        }
        return out;
      },
      ...(t < 1 ? { bottom: Math.min(canvas.bottom, ground + size * 0.6) } : {}),
    });
  }
  await paintLayers(painting, layers);
}

function plantRow({ plan, canvas, noise }: Painting, size: number, ground: number): Tree[] {
  const trees: Tree[] = [];
  let x = -size;
  while (x < canvas.right + size) {
    const stand = 0.75 + 0.45 * noise.at(x * 1.7 + ground * 13, ground * 7);
    trees.push({
      x,
      height: size * stand * plan.random.between(0.7, 1.2),
      width: size * plan.random.between(0.16, 0.25),
      salt: plan.random.between(0, 50),
    });
    x += size * plan.random.between(0.09, 0.3);
  }
  return trees;
}

function skylineOf(trees: readonly Tree[], x: number, ground: number, round: boolean, size: number): number {
  let top = ground;
  for (const tree of trees) {
    const away = Math.abs(x - tree.x) / tree.width;
    if (away >= 1) continue;
    const rise = round ? tree.height * Math.sqrt(1 - away * away) * 0.9 : conifer(away, tree, x, size);
    top = Math.min(top, ground - rise);
  }
  return top;
}

/** A spire whose edge steps outward in whorls of branches. */
function conifer(away: number, tree: Tree, x: number, size: number): number {
  const whorls = 7;
  const level = (1 - away) * whorls;
  const step = level - Math.floor(level);
  const ragged = 0.5 + 0.5 * Math.abs((((x * 220) / (0.3 + size) + tree.salt) % 2) - 1);
  return tree.height * clamp((Math.floor(level) + step * step * ragged) / whorls);
}

/** Blades of grass along the lower edge, bent by one wind. */
export async function paintGrass(painting: Painting, level: number, height: number): Promise<void> {
  const { plan, canvas } = painting;
  const dark = blend(plan.palette.near, plan.palette.ink, 0.45);
  const light = blend(plan.palette.near, plan.palette.lamp, 0.4);
  const wind = plan.random.between(-0.5, 0.5);
  const blades = Math.floor(260 * canvas.right);
  for (let i = 0; i < blades; i++) {
    const x = plan.random.between(-0.05, canvas.right + 0.05);
    const depth = plan.random.next();
    const foot = mix(level, canvas.bottom + height * 0.3, depth);
    const long = height * plan.random.between(0.5, 1.1) * mix(0.4, 1, depth);
    const lean = long * (wind + plan.random.between(-0.25, 0.25));
    const colour = blend(light, dark, clamp(0.2 + depth * 0.7 + plan.random.between(-0.15, 0.15)));
    const width = long * 0.022;
    await canvas.fill(
      { left: x + Math.min(0, lean) - width, right: x + Math.max(0, lean) + width, top: foot - long, bottom: foot },
      (px, py) => {
        const t = clamp((foot - py) / long);
        return Math.abs(px - x - lean * t * t) - width * (1 - t);
      },
      () => colour,
    );
  }
}
