import { blend, oklch, type Rgb } from '../colour.js';
import { chanceAt, clamp, distance, mix, smoothstep } from '../math.js';
import { box, circle, ellipse, limb, melt, polygon } from '../shapes.js';
import type { Painting } from './painting.js';

/** A glass bottle on a table, with a small sky and its stars inside. */
export async function paintBottle(painting: Painting): Promise<void> {
  const { canvas, plan, noise } = painting;
  const { palette, random } = plan;
  const size = Math.min(1, canvas.bottom) * 0.86;
  const cx = canvas.right * random.between(0.44, 0.56);
  const foot = canvas.bottom - 0.07;
  const wide = random.between(0.22, 0.27);
  const glass = (x: number, y: number) => {
    const body = box(x, y, 0, -0.3, wide, 0.29, 0.14);
    const shoulder = ellipse(x, y, 0, -0.5, wide * 0.8, 0.14);
    const neck = box(x, y, 0, -0.72, 0.062, 0.13, 0.01);
    const lip = box(x, y, 0, -0.83, 0.08, 0.02, 0.016);
    return Math.min(melt(melt(body, shoulder, 0.06), neck, 0.07), lip);
  };
  const place = (shape: (x: number, y: number) => number) => (x: number, y: number) =>
    shape((x - cx) / size, (y - foot) / size) * size;
  const area = { left: cx - 0.4 * size, right: cx + 0.4 * size, top: foot - size, bottom: foot + 0.06 };
  await paintTable(painting, foot - 0.045, cx);
  await canvas.fill(
    area,
    (x, y) => ellipse(x, y, cx, foot, size * (wide + 0.06), size * 0.035),
    () => palette.ink,
    0.5,
  );
  const cork = oklch(0.58, 0.08, 65);
  await canvas.fill(
    area,
    place((x, y) => box(x, y, 0, -0.88, 0.052, 0.055, 0.012)),
    (x, y) => blend(cork, palette.ink, clamp(0.3 + ((x - cx) / size) * 5 + noise.at(x * 60, y * 60) * 0.3)),
  );
  const offset = random.between(0, 60);
  const salt = random.integer(0, 1 << 20);
  const inside: readonly Rgb[] = [palette.ink, palette.zenith, palette.accent, palette.second, palette.paper];
  const out: [number, number, number] = [0, 0, 0];
  await canvas.fill(area, place(glass), (x, y, depth) => {
    const px = (x - cx) / size;
    const py = (y - foot) / size;
    const rim = smoothstep(0.035, 0, -depth / size);
    const liquid = smoothstep(-0.545, -0.53, py + 0.006 * noise.at(px * 14, offset));
    const swirl = noise.cloudy(
      px * 4 + 1.6 * noise.cloudy(px * 3, py * 3 + offset, 3),
      py * 4 + 1.6 * noise.cloudy(px * 3 + 9, py * 3, 3),
      4,
    );
    const level = clamp(0.42 + swirl * 0.95 - distance(px, py + 0.3) * 0.55) * (inside.length - 1);
    const from = Math.min(Math.floor(level), inside.length - 2);
    const colour = blend(inside[from]!, inside[from + 1]!, level - from);
    const star = starAt(px, py, salt);
    const highlight =
      0.8 *
      smoothstep(0.02, 0.004, Math.abs(px + wide * 0.72)) *
      smoothstep(-0.08, -0.2, py) *
      smoothstep(-0.56, -0.45, py);
    const index = (canvas.row(y) * canvas.width + canvas.column(x)) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const behind = mix(canvas.pixels[index + channel]!, palette.paper[channel]!, 0.14);
      let value = mix(behind, colour[channel]!, liquid * 0.97);
      value += (1 - value) * star * liquid;
      value = mix(value, palette.ink[channel]!, rim * 0.45 * clamp(0.6 + px * 2));
      value = mix(value, palette.paper[channel]!, rim * clamp(0.45 - px * 2.4) * 0.75);
      out[channel] = mix(value, 1, highlight);
    }
    return out;
  });
}

function starAt(x: number, y: number, salt: number): number {
  const cell = 0.018;
  const column = Math.floor(x / cell);
  const row = Math.floor(y / cell);
  if (chanceAt(column, row, salt) > 0.32) return 0;
  const size = chanceAt(column, row, salt + 1);
  const away = distance(
    x / cell - column - 0.2 - 0.6 * chanceAt(column, row, salt + 2),
    y / cell - row - 0.2 - 0.6 * chanceAt(column, row, salt + 3),
  );
  return smoothstep(0.05 + 0.14 * size, 0.02, away);
}

async function paintTable({ canvas, plan, noise }: Painting, level: number, cx: number): Promise<void> {
  const wood = blend(oklch(0.42, 0.06, 55), plan.palette.near, 0.35);
  const light = blend(wood, plan.palette.lamp, 0.35);
  const dark = blend(wood, plan.palette.ink, 0.5);
  const out: [number, number, number] = [0, 0, 0];
  await canvas.fill(
    { left: 0, right: canvas.right, top: level, bottom: canvas.bottom },
    (_x, y) => level - y,
    (x, y) => {
      const grain = noise.cloudy(x * 2.2, (y - level) * 46, 3);
      const sheen = 1 / (1 + ((x - cx) / 0.35) * ((x - cx) / 0.35));
      const tone = clamp(0.3 + grain * 0.4 + sheen * 0.4 - (y - level) * 2);
      for (let channel = 0; channel < 3; channel++) out[channel] = mix(dark[channel]!, light[channel]!, tone);
      return out;
    },
  );
}

/** A sailing boat on the water, with its reflection. */
export async function paintBoat(painting: Painting, waterline: number): Promise<void> {
  const { canvas, plan, noise } = painting;
  const { palette, random } = plan;
  const size = random.between(0.24, 0.32);
  const cx = canvas.right * random.between(0.3, 0.7);
  const level = waterline + size * 0.32;
  const hull: readonly number[] = [-0.52, -0.13, 0.56, -0.13, 0.38, 0.05, -0.38, 0.05];
  const main: readonly number[] = [0.02, -1.05, 0.02, -0.2, 0.46, -0.2];
  const fore: readonly number[] = [-0.03, -0.95, -0.03, -0.2, -0.42, -0.2];
  const sail = blend(palette.paper, palette.accent, 0.28);
  const boatHull = blend(palette.ink, palette.accent, 0.3);
  const shapes: readonly (readonly [(x: number, y: number) => number, Rgb])[] = [
    [(x, y) => limb(x, y, 0, -1.1, 0, -0.1, 0.01, 0.014), palette.ink],
    [(x, y) => polygon(x - 0.05 * (y + 1.05) * (y + 0.2), y, main), sail],
    [(x, y) => polygon(x, y, fore), blend(sail, palette.horizon, 0.4)],
    [(x, y) => polygon(x, y, hull) - 0.012, boatHull],
  ];
  for (const mirrored of [true, false]) {
    for (const [shape, colour] of shapes) {
      await canvas.fill(
        { left: cx - size, right: cx + size, top: level - size * 1.2, bottom: level + size * 1.2 },
        (x, y) => {
          const py = (y - level) / size;
          if (!mirrored) return shape((x - cx) / size, py) * size;
          if (py < 0) return canvas.pixel;
          const shaken = (x - cx) / size + 0.05 * noise.at(x * 3, y * 70);
          return shape(shaken, -py * 1.35) * size;
        },
        (x, y) => blend(colour, palette.ink, clamp(0.12 + ((x - cx) / size) * 0.35 + (y - level) * 0.2)),
        mirrored ? 0.42 : 1,
      );
    }
  }
}

/** A planet with its bands, its night side and a ring. */
export async function paintPlanet(painting: Painting): Promise<void> {
  const { canvas, plan, noise, lamp } = painting;
  const { palette, random } = plan;
  const radius = random.between(0.2, 0.29);
  const cx = canvas.right * random.between(0.4, 0.62);
  const cy = canvas.bottom * random.between(0.42, 0.58);
  const tilt = random.between(-0.5, 0.5);
  const offset = random.between(0, 90);
  const away = distance(lamp.x - cx, lamp.y - cy) + 0.001;
  const lx = (lamp.x - cx) / away;
  const ly = (lamp.y - cy) / away;
  const bands: readonly Rgb[] = [palette.second, palette.horizon, palette.accent, palette.paper, palette.sky];
  const out: [number, number, number] = [0, 0, 0];
  const ringed = random.chance(0.75);
  const ring = (front: boolean) =>
    canvas.fill(
      { left: cx - radius * 2.4, right: cx + radius * 2.4, top: cy - radius * 1.6, bottom: cy + radius * 1.6 },
      (x, y) => {
        const px = (x - cx) / radius;
        const py = (y - cy) / radius - tilt * px;
        if (py > 0 !== front) return canvas.pixel + Math.abs(py) * radius * 0.5;
        const r = distance(px, py * 3.6);
        return (Math.abs(r - 1.72) - 0.38) * radius * 0.3;
      },
      (x, y) => {
        const px = (x - cx) / radius;
        const r = distance(px, ((y - cy) / radius - tilt * px) * 3.6);
        return blend(palette.paper, palette.accent, clamp(0.5 + 0.7 * noise.at(r * 9 + offset, 4)));
      },
      0.72,
    );
  if (ringed) await ring(false);
  await canvas.fill(
    { left: cx - radius, right: cx + radius, top: cy - radius, bottom: cy + radius },
    (x, y) => circle(x, y, cx, cy, radius),
    (x, y, depth) => {
      const px = (x - cx) / radius;
      const py = (y - cy) / radius;
      const z = Math.sqrt(Math.max(0, 1 - px * px - py * py));
      const warp = noise.cloudy(px * 1.6 + offset, py * 2.4, 4);
      const band =
        clamp(0.5 + 0.5 * noise.cloudy(offset, (py - tilt * px) * 3.2 + warp * 0.7, 4) + warp * 0.12) *
        (bands.length - 1);
      const from = Math.min(Math.floor(band), bands.length - 2);
      const colour = blend(bands[from]!, bands[from + 1]!, band - from);
      const day = smoothstep(-0.25, 0.75, px * lx + py * ly + z * 0.35);
      const air = smoothstep(0.04, 0, -depth) * day;
      for (let channel = 0; channel < 3; channel++) {
        out[channel] = mix(mix(palette.ink[channel]! * 0.5, colour[channel]!, day), palette.paper[channel]!, air * 0.5);
      }
      return out;
    },
  );
  if (ringed) await ring(true);
}
