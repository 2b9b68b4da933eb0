import { blend, oklch, type Rgb } from '../colour.js';
import { chanceAt, clamp, cosineOfTurns, mix, sineOfTurns } from '../math.js';
import { box, circle, limb, polygon } from '../shapes.js';
import type { Painting } from './painting.js';

type Part = readonly [shape: (x: number, y: number) => number, colour: Rgb];

/** A house with lit windows and smoke, on its hill. */
export async function paintHouse(painting: Painting, ground: number): Promise<void> {
  const { plan, canvas } = painting;
  const { palette, random } = plan;
  const wall = blend(palette.paper, palette.accent, 0.25);
  const roof = blend(oklch(0.45, 0.11, 35), palette.ink, 0.3);
  const lit = blend(palette.lamp, oklch(0.85, 0.15, 80), 0.6);
  const parts: Part[] = [
    [(x, y) => box(x, y, 0.26, -0.62, 0.05, 0.14), blend(roof, palette.ink, 0.3)],
    [(x, y) => box(x, y, 0, -0.2, 0.42, 0.22), wall],
    [(x, y) => polygon(x, y, [-0.52, -0.4, 0.52, -0.4, 0.34, -0.72, -0.34, -0.72]), roof],
    [(x, y) => box(x, y, 0.02, -0.13, 0.07, 0.15, 0.03), blend(roof, palette.ink, 0.5)],
    [(x, y) => Math.min(box(x, y, -0.24, -0.24, 0.075, 0.075), box(x, y, 0.26, -0.24, 0.075, 0.075)), lit],
    [(x, y) => Math.min(windowBars(x + 0.24, y + 0.24), windowBars(x - 0.26, y + 0.24)), roof],
  ];
  const size = random.between(0.26, 0.34);
  await build(painting, parts, canvas.right * random.between(0.3, 0.7), ground, size);
}

function windowBars(x: number, y: number): number {
  return Math.max(Math.min(Math.abs(x), Math.abs(y)) - 0.008, box(x, y, 0, 0, 0.075, 0.075));
}

/** Towers of several heights with pointed roofs and a few lights. */
export async function paintCastle(painting: Painting, ground: number): Promise<void> {
  const { plan, canvas } = painting;
  const { palette, random } = plan;
  const stone = blend(palette.far, palette.near, 0.7);
  const roof = blend(palette.accent, palette.ink, 0.45);
  const lit = blend(palette.lamp, oklch(0.85, 0.15, 80), 0.6);
  const parts: Part[] = [[(x, y) => battlement(x, y, 0, 0.62, 0.26), stone]];
  const towers = random.integer(4, 6);
  for (let i = 0; i < towers; i++) {
    const cx = mix(-0.56, 0.56, i / (towers - 1)) + random.between(-0.05, 0.05);
    const height = random.between(0.4, 0.62) + (i === Math.floor(towers / 2) ? 0.32 : 0);
    const width = random.between(0.07, 0.11);
    const tint = blend(stone, palette.lamp, random.between(0, 0.14));
    parts.push([(x, y) => box(x, y, cx, -height / 2 + 0.06, width, height / 2 + 0.06), tint]);
    parts.push([
      (x, y) => polygon(x, y, [cx - width * 1.3, -height, cx + width * 1.3, -height, cx, -height - width * 3.4]),
      roof,
    ]);
    parts.push([(x, y) => limb(x, y, cx, -height - width * 3.4, cx, -height - width * 4.1, 0.005, 0.004), palette.ink]);
    for (let k = 0; k < 3; k++) {
      const wy = -height * (0.3 + k * 0.24);
      if (chanceAt(i, k, 91) < 0.62) parts.push([(x, y) => box(x, y, cx, wy, 0.014, 0.03, 0.013), lit]);
    }
  }
  await build(painting, parts, canvas.right * random.between(0.42, 0.58), ground, 0.46);
}

function battlement(x: number, y: number, cx: number, half: number, height: number): number {
  const tooth = Math.abs(((Math.abs(x) * 18) % 2) - 1) > 0.5 ? 0.03 : 0;
  return box(x, y, cx, -height / 2 + 0.04 + tooth / 2, half, height / 2 + 0.04 - tooth / 2);
}

async function build(
  painting: Painting,
  parts: readonly Part[],
  cx: number,
  ground: number,
  size: number,
): Promise<void> {
  const { canvas, plan, lamp, noise } = painting;
  const side = lamp.x > cx ? 1 : -1;
  for (const [shape, colour] of parts) {
    await canvas.fill(
      { left: cx - size * 0.8, right: cx + size * 0.8, top: ground - size * 1.4, bottom: ground + size * 0.15 },
      (x, y) => shape((x - cx) / size, (y - ground) / size) * size,
      (x, y) =>
        blend(
          colour,
          plan.palette.ink,
          clamp(0.28 - side * ((x - cx) / size) * 0.35 + noise.at(x * 40, y * 40) * 0.08),
        ),
    );
  }
}

/** One old tree: a trunk that forks, and a crown of many round tufts. */
export async function paintTree(painting: Painting, ground: number): Promise<void> {
  const { canvas, plan, noise, lamp } = painting;
  const { palette, random } = plan;
  const cx = canvas.right * random.between(0.35, 0.65);
  const size = Math.min(0.62, ground * 0.8);
  const bark = blend(oklch(0.32, 0.05, 55), palette.ink, 0.45);
  const leaves =
    plan.impression.season === 'spring'
      ? blend(palette.accent, palette.paper, 0.4)
      : blend(palette.near, palette.accent, 0.35);
  const tips: (readonly [number, number])[] = [];
  const branches: (readonly [number, number, number, number, number, number])[] = [];
  const grow = (x: number, y: number, turn: number, length: number, width: number, level: number): void => {
    const bx = x + sineOfTurns(turn) * length;
    const by = y - cosineOfTurns(turn) * length;
    branches.push([x, y, bx, by, width, width * 0.68]);
    if (level === 0) {
      tips.push([bx, by]);
      return;
    }
    const forks = level > 2 ? 3 : 2;
    for (let i = 0; i < forks; i++) {
      grow(
        bx,
        by,
        turn + mix(-0.11, 0.11, i / (forks - 1)) + random.between(-0.03, 0.03),
        length * random.between(0.66, 0.8),
        width * 0.66,
        level - 1,
      );
    }
  };
  grow(0, 0.04, random.between(-0.015, 0.015), 0.3, 0.05, 4);
  const tuft = (x: number, y: number, cxTip: number, cyTip: number) =>
    circle(x, y, cxTip, cyTip, 0.085) + 0.03 * noise.at(x * 26, y * 26);
  const area = { left: cx - size * 0.9, right: cx + size * 0.9, top: ground - size * 1.5, bottom: ground + 0.03 };
  for (const [ax, ay, bx, by, ra, rb] of branches) {
    await canvas.fill(
      {
        left: cx + (Math.min(ax, bx) - ra) * size,
        right: cx + (Math.max(ax, bx) + ra) * size,
        top: ground + (Math.min(ay, by) - ra) * size,
        bottom: ground + (Math.max(ay, by) + ra) * size,
      },
      (x, y) => limb((x - cx) / size, (y - ground) / size, ax, ay, bx, by, ra, rb) * size,
      () => bark,
    );
  }
  const dark = blend(leaves, palette.ink, 0.6);
  const light = blend(leaves, palette.lamp, 0.35);
  const side = lamp.x > cx ? 1 : -1;
  for (const [tx, ty] of tips) {
    const reach = 0.13 * size;
    await canvas.fill(
      {
        left: Math.max(area.left, cx + tx * size - reach),
        right: cx + tx * size + reach,
        top: ground + ty * size - reach,
        bottom: ground + ty * size + reach,
      },
      (x, y) => tuft((x - cx) / size, (y - ground) / size, tx, ty) * size,
      (x, y) => {
        const px = (x - cx) / size - tx;
        const py = (y - ground) / size - ty;
        return blend(dark, light, clamp(0.45 + (side * px - py) * 4 + noise.cloudy(x * 50, y * 50, 2) * 0.6));
      },
      0.94,
    );
  }
}
