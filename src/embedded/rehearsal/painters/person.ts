import { blend, oklch, type Rgb, scaled } from '../colour.js';
import { clamp, mix, smoothstep } from '../math.js';
import { box, circle, ellipse, limb, melt, polygon } from '../shapes.js';
import type { Painting } from './painting.js';

/** A bust as a poster would have it: halo, hair, shoulders, and a face of few lines. */
export async function paintPerson(painting: Painting): Promise<void> {
  const { canvas, plan, noise } = painting;
  const { palette, random } = plan;
  const scale = Math.min(1, canvas.bottom * 0.86);
  const cx = canvas.right * random.between(0.44, 0.56);
  const cy = canvas.bottom - scale * 0.6;
  const lean = random.between(-0.012, 0.012);
  const long = random.chance(0.65);
  const skin = oklch(random.between(0.56, 0.86), random.between(0.05, 0.085), random.between(45, 65));
  const hairHue = plan.impression.hues.includes(88) ? 85 : random.between(10, 80);
  const hair =
    random.chance(0.3) && !plan.impression.hues.includes(88)
      ? palette.accent
      : oklch(plan.impression.hues.includes(88) ? 0.78 : random.between(0.2, 0.5), random.between(0.03, 0.11), hairHue);
  const cloth = blend(palette.second, palette.zenith, random.between(0.2, 0.7));
  const shadow = (colour: Rgb) => blend(colour, palette.ink, 0.5);
  const local = { left: cx - scale * 0.6, right: cx + scale * 0.6, top: 0, bottom: canvas.bottom };
  const at = (shape: (x: number, y: number) => number) => (x: number, y: number) =>
    shape((x - cx) / scale - lean, (y - cy) / scale) * scale;
  const out: [number, number, number] = [0, 0, 0];
  const shade = (light: Rgb, dark: Rgb, amount: number): Rgb => {
    for (let channel = 0; channel < 3; channel++) out[channel] = mix(dark[channel]!, light[channel]!, amount);
    return out;
  };

  await paintHalo(painting, cx, cy - 0.06 * scale, scale);

  // Hair behind the head, in strands.
  const offset = random.between(0, 40);
  const wave = (y: number) => 0.014 * noise.at(y * 5 + offset, offset);
  const backHair = (x: number, y: number) => {
    const crown = ellipse(x, y, 0, -0.035, 0.158, 0.185);
    if (!long) return crown;
    const left = limb(x + wave(y), y, -0.09, 0, -0.15, 0.34, 0.075, 0.085);
    const right = limb(x - wave(y + 3), y, 0.09, 0, 0.155, 0.33, 0.075, 0.08);
    return melt(crown, Math.min(left, right), 0.06);
  };
  const strands = (x: number, y: number) => {
    const px = (x - cx) / scale;
    const py = (y - cy) / scale;
    const strand = noise.cloudy(px * 26 + 4 * noise.at(px * 3, py * 3 + offset), py * 2.2 + offset, 3);
    const sheen = smoothstep(0.09, 0, Math.abs(py + 0.13 - px * px * 1.4)) * 0.55;
    return shade(blend(hair, palette.lamp, 0.45), shadow(hair), clamp(0.32 + strand * 0.55 + sheen));
  };
  await canvas.fill(local, at(backHair), strands);

  // Shoulders and clothes.
  const collar = random.pick(['round', 'v', 'high'] as const);
  const torso = (x: number, y: number) =>
    melt(ellipse(x, y, 0, 0.52, 0.34, 0.24), box(x, y, 0, 0.82, 0.34, 0.3, 0.1), 0.08);
  const neck = (x: number, y: number) =>
    melt(limb(x, y, 0, 0.08, 0, 0.28, 0.06, 0.07), ellipse(x, y, 0, 0.31, 0.16, 0.05), 0.05);
  await canvas.fill(local, at(torso), (x, y) => {
    const px = (x - cx) / scale;
    const py = (y - cy) / scale;
    const fold = noise.ridged(px * 3 + offset, py * 1.4 - Math.abs(px) * 2, 4);
    return shade(
      blend(cloth, palette.lamp, 0.28),
      shadow(cloth),
      clamp(0.75 - (py - 0.3) * 1.1 + (fold - 0.5) * 0.55 - px * 0.5),
    );
  });
  const opening = (x: number, y: number) =>
    collar === 'v'
      ? polygon(x, y, [-0.13, 0.28, 0.13, 0.28, 0.005, 0.47])
      : ellipse(x, y, 0, 0.27, 0.14, collar === 'high' ? 0.03 : 0.085);
  await canvas.fill(
    local,
    at((x, y) => Math.min(neck(x, y), opening(x, y))),
    (x, y) => {
      const py = (y - cy) / scale;
      const px = (x - cx) / scale;
      return shade(skin, shadow(skin), clamp(0.18 + smoothstep(0.15, 0.33, py) * 0.55 - px * 1.2));
    },
  );

  if (plan.impression.ears) await paintEars(painting, at, local, hair, skin);

  // Face.
  const face = (x: number, y: number) =>
    melt(ellipse(x, y, 0, 0, 0.108, 0.13), ellipse(x, y, 0, 0.085, 0.062, 0.07), 0.05);
  await canvas.fill(local, at(face), (x, y) => {
    const px = (x - cx) / scale;
    const py = (y - cy) / scale;
    const cheek =
      0.3 * (smoothstep(0.045, 0, Math.abs(Math.abs(px) - 0.06)) * smoothstep(0.04, 0, Math.abs(py - 0.045)));
    const tone = clamp(0.86 - px * 2.4 - smoothstep(-0.04, -0.12, py) * 0.5 - smoothstep(0.1, 0.16, py) * 0.25);
    const lit = shade(skin, shadow(skin), tone);
    out[0] = mix(lit[0], 0.93, cheek);
    out[1] = mix(lit[1], 0.45, cheek * 0.6);
    out[2] = mix(lit[2], 0.45, cheek * 0.6);
    return out;
  });
  await paintFeatures(painting, at, local, skin);

  // Hair in front: parted fringe.
  const part = random.between(-0.045, 0.045);
  const fringe = (x: number, y: number) => {
    const cap = ellipse(x, y, 0, -0.045, 0.135, 0.155);
    const brow = -0.03 - 0.05 * Math.sqrt(Math.abs(x - part)) * (x > part ? 1 : 0.6) + 2.6 * (x - part) * (x - part);
    return Math.max(cap, y - brow - 0.006 * noise.at(x * 60, offset));
  };
  await canvas.fill(local, at(fringe), strands);
}

async function paintHalo(painting: Painting, cx: number, cy: number, scale: number): Promise<void> {
  const { canvas, plan } = painting;
  const { palette } = plan;
  const radius = 0.33 * scale;
  const rings = plan.random.integer(1, 3);
  const disc = blend(palette.horizon, palette.lamp, 0.35);
  const edge = { left: cx - radius * 1.4, right: cx + radius * 1.4, top: cy - radius * 1.4, bottom: cy + radius * 1.4 };
  const out: [number, number, number] = [0, 0, 0];
  await canvas.fill(
    edge,
    (x, y) => circle(x, y, cx, cy, radius),
    (_x, y) => {
      const t = clamp((y - cy + radius) / (2 * radius));
      for (let channel = 0; channel < 3; channel++)
        out[channel] = mix(disc[channel]!, palette.accent[channel]!, t * 0.75);
      return out;
    },
    0.92,
  );
  for (let i = 1; i <= rings; i++) {
    const ring = radius * (1 + i * 0.09);
    const width = (0.006 / i) * scale;
    await canvas.fill(
      edge,
      (x, y) => Math.abs(circle(x, y, cx, cy, ring)) - width,
      () => disc,
      0.75,
    );
  }
}

type Place = (shape: (x: number, y: number) => number) => (x: number, y: number) => number;
type Box = Parameters<Painting['canvas']['fill']>[0];

async function paintEars({ canvas, plan }: Painting, at: Place, local: Box, hair: Rgb, skin: Rgb): Promise<void> {
  const outer = blend(hair, plan.palette.ink, 0.12);
  const inner = blend(skin, plan.palette.paper, 0.35);
  const outerEar = (x: number, y: number) => polygon(Math.abs(x), y, [0.02, -0.15, 0.15, -0.07, 0.21, -0.36]) - 0.014;
  const innerEar = (x: number, y: number) => polygon(Math.abs(x), y, [0.07, -0.16, 0.14, -0.115, 0.182, -0.29]) - 0.006;
  await canvas.fill(local, at(outerEar), (x, y) => blend(outer, plan.palette.lamp, clamp(0.2 - (y - x) * 0.1)));
  await canvas.fill(local, at(innerEar), () => inner);
}

/** Closed eyes, brows, nose and mouth, as thin strokes. */
async function paintFeatures({ canvas, plan }: Painting, at: Place, local: Box, skin: Rgb): Promise<void> {
  const line = blend(scaled(skin, 0.3), plan.palette.ink, 0.5);
  const lips = blend(skin, oklch(0.5, 0.16, 18), 0.62);
  const arc = (x: number, y: number, cx: number, cy: number, half: number, sag: number, width: number) => {
    const t = clamp((x - cx) / half, -1, 1);
    const dx = x - cx - t * half;
    const dy = y - cy - sag * (1 - t * t);
    return Math.sqrt(dx * dx + dy * dy) - width * (1 - 0.55 * t * t);
  };
  await canvas.fill(
    local,
    at((x, y) => arc(Math.abs(x), y, 0.05, 0.012, 0.027, 0.011, 0.0042)),
    () => line,
  );
  await canvas.fill(
    local,
    at((x, y) => arc(Math.abs(x), y, 0.053, -0.032, 0.03, -0.008, 0.0032)),
    () => line,
    0.75,
  );
  await canvas.fill(
    local,
    at((x, y) => arc(x, y, 0.004, 0.052, 0.01, 0.005, 0.002)),
    () => line,
    0.4,
  );
  await canvas.fill(
    local,
    at((x, y) => ellipse(x, y, 0, 0.088, 0.024, 0.008)),
    () => lips,
  );
  await canvas.fill(
    local,
    at((x, y) => arc(x, y, 0, 0.086, 0.026, 0.004, 0.0018)),
    () => line,
    0.7,
  );
}
