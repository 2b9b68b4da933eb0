import { blend, oklch, type Rgb } from '../colour.js';
import { clamp, cosineOfTurns, distance, fraction, mix, sineOfTurns, smoothstep } from '../math.js';
import { circle, limb } from '../shapes.js';
import type { Painting } from './painting.js';

interface Bloom {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly petals: number;
  readonly tilt: number;
  readonly turn: number;
  readonly colour: Rgb;
}

/** Flowers of several sizes on bent stems, the near ones large. */
export async function paintFlowers(painting: Painting): Promise<void> {
  const { canvas, plan } = painting;
  const { random, palette } = plan;
  const petals = random.integer(5, 13);
  const stem = blend(palette.near, oklch(0.5, 0.12, 140), 0.55);
  const count = random.integer(6, 10);
  const blooms: Bloom[] = [];
  for (let i = 0; i < count; i++) {
    const t = (i + 1) / count;
    const radius = mix(0.045, 0.17, t * t) * random.between(0.85, 1.15);
    const slot = (((i * 5) % count) + 0.5) / count;
    blooms.push({
      x: canvas.right * clamp(slot + random.between(-0.06, 0.06), 0.06, 0.94),
      y: canvas.bottom * mix(0.42, 0.62, random.next()) - radius * 0.3 + t * 0.05,
      radius,
      petals,
      tilt: random.between(0.72, 1),
      turn: random.next(),
      colour: random.chance(0.7)
        ? palette.accent
        : random.chance(0.5)
          ? palette.second
          : blend(palette.accent, palette.paper, 0.55),
    });
  }
  for (const bloom of blooms) {
    await paintStem(painting, bloom, stem);
    await paintBloom(painting, bloom);
  }
}

async function paintStem({ canvas, plan }: Painting, bloom: Bloom, colour: Rgb): Promise<void> {
  const foot = bloom.x + plan.random.between(-0.1, 0.1);
  const bend = plan.random.between(-0.06, 0.06);
  const width = bloom.radius * 0.055;
  const span = canvas.bottom - bloom.y;
  const dark = blend(colour, plan.palette.ink, 0.55);
  const at = (t: number) => mix(bloom.x, foot, t) + bend * 4 * t * (1 - t);
  await canvas.fill(
    { left: Math.min(bloom.x, foot) - 0.1, right: Math.max(bloom.x, foot) + 0.1, top: bloom.y, bottom: canvas.bottom },
    (x, y) => Math.abs(x - at(clamp((y - bloom.y) / span))) - width,
    (x, y) => blend(dark, colour, clamp(0.5 - (x - at((y - bloom.y) / span)) / width)),
  );
  const leafAt = plan.random.between(0.35, 0.6);
  const lx = at(leafAt);
  const ly = bloom.y + span * leafAt;
  const side = plan.random.sign();
  const size = bloom.radius * 1.5;
  await canvas.fill(
    { left: lx - size, right: lx + size, top: ly - size, bottom: ly + size * 0.2 },
    (x, y) => {
      const px = ((x - lx) * side) / size;
      const py = (y - ly) / size + px * 0.5;
      return (Math.abs(py) - 0.2 * px * (1 - px) * 3.2) * size + Math.max(0, -px, px - 1) * size;
    },
    (x, y) => blend(dark, colour, clamp(0.75 - Math.abs((y - ly) / size + ((x - lx) * side * 0.5) / size) * 6)),
  );
}

async function paintBloom({ canvas, plan, noise }: Painting, bloom: Bloom): Promise<void> {
  const { palette } = plan;
  const layers = 3;
  const out: [number, number, number] = [0, 0, 0];
  const deep = blend(bloom.colour, palette.ink, 0.45);
  const light = blend(bloom.colour, palette.paper, 0.55);
  const area = {
    left: bloom.x - bloom.radius * 1.2,
    right: bloom.x + bloom.radius * 1.2,
    top: bloom.y - bloom.radius * 1.2,
    bottom: bloom.y + bloom.radius * 1.2,
  };
  for (let layer = 0; layer < layers; layer++) {
    const radius = bloom.radius * (1 - layer * 0.24);
    const turn = bloom.turn + (layer * 0.5) / bloom.petals;
    const petal = (x: number, y: number) =>
      petalAt((x - bloom.x) / radius, (y - bloom.y) / (radius * bloom.tilt), bloom.petals, turn);
    await canvas.fill(
      area,
      (x, y) => petal(x, y) * radius,
      (x, y, depth) => {
        const dx = (x - bloom.x) / radius;
        const dy = (y - bloom.y) / radius;
        const out1 = distance(dx, dy);
        const vein = noise.cloudy(dx * 9 + layer * 5, dy * 9, 2) * 0.25;
        const edge = smoothstep(0.06, 0, -depth / radius) * 0.35;
        const tone = clamp(0.12 + out1 * 0.75 + vein - dy * 0.22 - edge + layer * 0.06);
        for (let channel = 0; channel < 3; channel++) {
          const low = mix(deep[channel]!, bloom.colour[channel]!, clamp(tone * 1.8));
          out[channel] = mix(low, light[channel]!, clamp(tone - 0.55) * 1.5);
        }
        return out;
      },
    );
  }
  const heart = blend(palette.lamp, oklch(0.75, 0.16, 75), 0.7);
  await canvas.fill(
    area,
    (x, y) => circle(x, (y - bloom.y) / bloom.tilt + bloom.y, bloom.x, bloom.y, bloom.radius * 0.17),
    (x, y) =>
      blend(
        heart,
        palette.ink,
        clamp(
          0.45 -
            noise.at((x / bloom.radius) * 34, (y / bloom.radius) * 34) * 0.5 +
            ((y - bloom.y) / bloom.radius) * 1.4,
        ),
      ),
  );
}

/** Distance to the nearest of the petals around the origin, in units of the flower's radius. */
function petalAt(x: number, y: number, petals: number, turn: number): number {
  let nearest = Infinity;
  const radius = 2.2 / petals;
  for (let i = 0; i < petals; i++) {
    const angle = fraction(i / petals + turn);
    const dx = cosineOfTurns(angle);
    const dy = sineOfTurns(angle);
    if (x * dx + y * dy < -0.2) continue;
    nearest = Math.min(
      nearest,
      limb(
        x,
        y,
        dx * 0.12,
        dy * 0.12,
        dx * (1 - radius * 0.8),
        dy * (1 - radius * 0.8),
        0.05,
        Math.min(0.3, radius * 0.8),
      ),
    );
  }
  return nearest;
}
