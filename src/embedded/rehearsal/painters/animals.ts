import { blend, oklch, type Rgb } from '../colour.js';
import { clamp, cosineOfTurns, mix, sineOfTurns, smoothstep } from '../math.js';
import { circle, ellipse, limb, melt, polygon } from '../shapes.js';
import type { Painting } from './painting.js';

/** A sitting cat or fox, seen from behind as it looks at the lamp: a silhouette with a rim of light. */
export async function paintSittingAnimal(painting: Painting, kind: 'cat' | 'fox', ground: number): Promise<void> {
  const { canvas, plan, lamp, noise } = painting;
  const { palette, random } = plan;
  const size = Math.min(0.52, canvas.bottom * 0.5);
  const cx = clamp(lamp.x + random.between(-0.12, 0.12), 0.3, canvas.right - 0.3);
  const tailSide = cx < canvas.right / 2 ? 1 : -1;
  const fur =
    kind === 'fox'
      ? oklch(0.6, 0.15, 52)
      : random.chance(0.5)
        ? palette.ink
        : blend(oklch(random.between(0.3, 0.75), 0.04, 65), palette.ink, 0.25);
  const dark = blend(fur, palette.ink, 0.7);
  const rim = blend(palette.lamp, palette.horizon, 0.35);
  const fox = kind === 'fox';
  const body = (x: number, y: number) => {
    const haunch = ellipse(x, y, 0, -0.2, fox ? 0.215 : 0.225, 0.215);
    const chest = ellipse(x, y, 0, -0.44, fox ? 0.13 : 0.14, 0.25);
    const head = fox ? ellipse(x, y, 0, -0.72, 0.135, 0.105) : ellipse(x, y, 0, -0.72, 0.13, 0.112);
    const ears = polygon(
      Math.abs(x),
      y,
      fox ? [0.02, -0.78, 0.13, -0.74, 0.145, -1] : [0.03, -0.8, 0.125, -0.76, 0.122, -0.94],
    );
    return Math.min(melt(melt(haunch, chest, 0.12), head, 0.05), ears - 0.008);
  };
  const tail = (x: number, y: number) => {
    const tx = x * tailSide;
    if (fox) {
      const base = limb(tx, y, 0.12, -0.07, 0.34, -0.08, 0.045, 0.1);
      return melt(base, limb(tx, y, 0.34, -0.08, 0.52, -0.2, 0.1, 0.02), 0.08);
    }
    let nearest = Infinity;
    for (let i = 0; i < 10; i++) {
      const t = i / 10;
      const point = (p: number) =>
        [0.16 + 0.26 * p + 0.05 * sineOfTurns(p), -0.04 - 0.33 * p * p + 0.04 * cosineOfTurns(p)] as const;
      const [ax, ay] = point(t);
      const [bx, by] = point(t + 0.1);
      nearest = Math.min(nearest, limb(tx, y, ax, ay, bx, by, 0.034 - 0.012 * t, 0.034 - 0.012 * (t + 0.1)));
    }
    return nearest;
  };
  const place = (shape: (x: number, y: number) => number) => (x: number, y: number) => {
    const px = (x - cx) / size;
    const py = (y - ground) / size;
    // Fur frays the outline a little.
    return shape(px, py) * size + 0.0025 * noise.at(px * 60, py * 60);
  };
  const area = { left: cx - size * 0.7, right: cx + size * 0.7, top: ground - size * 1.1, bottom: ground + size * 0.1 };
  const side = lamp.x >= cx ? 1 : -1;
  const out: [number, number, number] = [0, 0, 0];
  const paint = (x: number, y: number, depth: number): Rgb => {
    const px = (x - cx) / size;
    const py = (y - ground) / size;
    const streak = noise.cloudy(px * 22, py * 7, 3);
    const light = clamp(0.4 + streak * 0.4 + side * px * 0.9 - (py + 0.5) * 0.3);
    const edge = smoothstep(0.018, 0, -depth) * clamp(0.55 + side * px * 2.2 - py * 0.25 - 0.2);
    for (let channel = 0; channel < 3; channel++) {
      out[channel] = mix(mix(dark[channel]!, fur[channel]!, light), rim[channel]!, edge * 0.85);
    }
    return out;
  };
  await canvas.fill(
    { ...area, top: ground - size * 0.02, bottom: ground + size * 0.1 },
    (x, y) => ellipse(x, y, cx, ground + size * 0.02, size * 0.36, size * 0.045),
    () => palette.ink,
    0.45,
  );
  await canvas.fill(area, place(tail), (x, y, depth) => {
    const base = paint(x, y, depth);
    if (!fox) return base;
    const tip = smoothstep(0.4, 0.46, ((x - cx) / size) * tailSide);
    return blend(base, [0.96, 0.93, 0.88], tip * 0.85);
  });
  await canvas.fill(area, place(body), paint);
}

/** A loose flock, small and far, on its way across the sky. */
export async function paintBirds(painting: Painting, count: number): Promise<void> {
  const { canvas, plan, horizon } = painting;
  const { random, palette } = plan;
  const colour = blend(palette.ink, palette.near, 0.4);
  const cx = canvas.right * random.between(0.3, 0.7);
  const cy = horizon * random.between(0.3, 0.6);
  for (let i = 0; i < count; i++) {
    const size = random.between(0.012, 0.03);
    const x0 = cx + random.between(-0.3, 0.3);
    const y0 = cy + random.between(-0.14, 0.14);
    const flap = random.between(0.15, 0.75);
    await canvas.fill(
      { left: x0 - size * 1.2, right: x0 + size * 1.2, top: y0 - size, bottom: y0 + size },
      (x, y) => {
        const px = Math.abs(x - x0) / size;
        const py = (y - y0) / size;
        const wing = -flap * Math.sqrt(px) * (1.1 - px * 0.55);
        return (Math.abs(py - wing) - 0.13 * (1.05 - px) - (px < 0.16 ? 0.06 : 0)) * size + Math.max(0, px - 1) * size;
      },
      () => colour,
    );
  }
}

/** One large bird before the lamp, wings spread. */
export async function paintBird(painting: Painting): Promise<void> {
  const { canvas, plan, lamp, noise } = painting;
  const { palette, random } = plan;
  const size = 0.34;
  const cx = clamp(lamp.x + random.between(-0.1, 0.1), 0.35, canvas.right - 0.35);
  const cy = lamp.y + random.between(0.02, 0.1);
  const tilt = random.between(-0.25, 0.25);
  const dark = blend(palette.ink, palette.near, 0.25);
  const light = blend(palette.far, palette.horizon, 0.4);
  const bird = (x: number, y: number) => {
    const ax = Math.abs(x);
    const line = -0.52 * ax + 0.62 * ax * ax;
    const feather = y > line + 0.05 ? 0.03 * Math.abs(((ax * 15) % 2) - 1) * clamp(ax * 2) : 0;
    const wing = Math.max(Math.abs(y - line - 0.05) - (0.11 * (1 - ax) + 0.012) - feather, ax - 1);
    const body = limb(x, y, 0, -0.13, 0, 0.2, 0.045, 0.035);
    const tail = polygon(x, y, [-0.02, 0.15, 0.02, 0.15, 0.085, 0.33, -0.085, 0.33]);
    return Math.min(melt(wing, body, 0.05), tail, circle(x, y, 0, -0.17, 0.045));
  };
  await canvas.fill(
    { left: cx - size * 1.1, right: cx + size * 1.1, top: cy - size * 0.7, bottom: cy + size * 0.7 },
    (x, y) => bird((x - cx) / size + (tilt * (y - cy)) / size, (y - cy) / size - (tilt * (x - cx)) / size) * size,
    (x, y) =>
      blend(
        dark,
        light,
        clamp(0.2 + 0.25 * noise.cloudy(((x - cx) / size) * 7, ((y - cy) / size) * 9, 3) - ((y - cy) / size) * 0.4),
      ),
  );
}
