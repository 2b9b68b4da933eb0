import { blend, ramp } from '../colour.js';
import { bell, chanceAt, clamp, distance, mix, smoothstep } from '../math.js';
import type { Painting } from './painting.js';

/** Gradient, the lamp's light in the air, stars, clouds. Covers the whole canvas; land is painted over it. */
export async function paintSky(painting: Painting, options: { readonly clouds: number }): Promise<void> {
  await paintGradient(painting);
  if (painting.plan.time === 'night' || painting.plan.time === 'evening') await paintStars(painting);
  await paintLamp(painting);
  if (options.clouds > 0) await paintClouds(painting, options.clouds);
}

const STEPS = 512;

async function paintGradient({ canvas, plan, noise, horizon, lamp }: Painting): Promise<void> {
  const { zenith, sky, horizon: low } = plan.palette;
  const table = ramp([zenith, blend(zenith, sky, 0.6), sky, blend(sky, low, 0.55), low], STEPS);
  const reach = plan.time === 'day' ? 0.9 : 0.55;
  const strength = plan.time === 'night' ? 0.28 : 0.42;
  await canvas.eachRow(0, canvas.height, (row) => {
    const y = canvas.y(row);
    const level = Math.min(1, y / horizon);
    // Slow bands in the air keep the gradient from looking printed; a row's worth of noise is enough.
    const band = 0.035 * noise.at(3.1, y * 5) + 0.02 * noise.at(9.7, y * 17);
    let index = row * canvas.width * 3;
    for (let column = 0; column < canvas.width; column++, index += 3) {
      const x = canvas.x(column);
      const away = distance(x - lamp.x, (y - lamp.y) * 1.25);
      const near = bell(away, reach) * strength;
      const place = clamp(level + band * (1 - level) + near * 0.35 * (1 - level));
      const entry = Math.floor(place * (STEPS - 1)) * 3;
      canvas.pixels[index] = table[entry]!;
      canvas.pixels[index + 1] = table[entry + 1]!;
      canvas.pixels[index + 2] = table[entry + 2]!;
      canvas.glow(index, plan.palette.lamp, near * near * 0.9);
    }
  });
}

async function paintLamp({ canvas, plan, lamp }: Painting): Promise<void> {
  const moon = plan.time === 'night';
  const colour = plan.palette.lamp;
  const shade = blend(colour, plan.palette.sky, 0.22);
  const halo = lamp.radius * (moon ? 1.9 : 2.6);
  const box = lamp.radius * 9;
  await canvas.eachRow(canvas.row(lamp.y - box), canvas.row(lamp.y + box), (row) => {
    const from = canvas.column(lamp.x - box);
    const to = canvas.column(lamp.x + box);
    for (let column = from; column < to; column++) {
      const dx = canvas.x(column) - lamp.x;
      const dy = canvas.y(row) - lamp.y;
      const away = distance(dx, dy);
      const index = (row * canvas.width + column) * 3;
      const fade = 1 - smoothstep(box * 0.4, box, away);
      canvas.glow(index, colour, 0.55 * bell(Math.max(0, away - lamp.radius), halo * 0.5) * fade);
      const cover = clamp((lamp.radius - away) / canvas.pixel + 0.5);
      if (cover <= 0) continue;
      // A moon gets soft seas; a sun stays even.
      const spot = moon ? smoothstep(0.1, -0.35, dx / lamp.radius + 0.5 * (dy / lamp.radius)) * 0.5 : 0;
      canvas.put(
        index,
        mix(colour[0], shade[0], spot),
        mix(colour[1], shade[1], spot),
        mix(colour[2], shade[2], spot),
        cover,
      );
    }
  });
}

/** Stars sit in a grid of cells, at most one each, so that their number depends on the sky and not on the resolution. */
export async function paintStars({ canvas, plan, horizon }: Painting, density = 0.5): Promise<void> {
  const cell = 0.024;
  const salt = plan.random.integer(0, 1 << 20);
  const dim = plan.time === 'evening' ? 0.5 : 1;
  const columns = Math.ceil(canvas.right / cell);
  const rows = Math.ceil(Math.min(horizon, canvas.bottom) / cell);
  await canvas.eachRow(0, rows, (cellRow) => {
    for (let cellColumn = 0; cellColumn < columns; cellColumn++) {
      if (chanceAt(cellColumn, cellRow, salt) > density) continue;
      const x = (cellColumn + chanceAt(cellColumn, cellRow, salt + 1)) * cell;
      const y = (cellRow + chanceAt(cellColumn, cellRow, salt + 2)) * cell;
      const size = chanceAt(cellColumn, cellRow, salt + 3);
      const bright = size * size * size * size;
      const fade = 1 - smoothstep(horizon * 0.45, horizon * 0.95, y);
      paintStar(canvas, x, y, 0.0007 + 0.0016 * bright * bright, dim * fade * (0.25 + 0.75 * size * size));
    }
  });
}

function paintStar(canvas: Painting['canvas'], x: number, y: number, radius: number, light: number): void {
  const reach = Math.max(radius * 3, canvas.pixel * 1.5);
  // A star smaller than a pixel spreads its light over one.
  const scale = Math.max(radius, canvas.pixel * 0.6);
  const power = Math.min(1, radius / scale + 0.35);
  for (let row = canvas.row(y - reach); row < Math.min(canvas.height, canvas.row(y + reach) + 1); row++) {
    for (
      let column = canvas.column(x - reach);
      column < Math.min(canvas.width, canvas.column(x + reach) + 1);
      column++
    ) {
      const away = distance(canvas.x(column) - x, canvas.y(row) - y);
      const amount = light * power * clamp(1.2 - away / (scale * 1.8));
      if (amount > 0) canvas.glow((row * canvas.width + column) * 3, [1, 0.97, 0.92], amount);
    }
  }
}

async function paintClouds({ canvas, plan, noise, horizon, lamp }: Painting, amount: number): Promise<void> {
  const { sky, horizon: low, lamp: light, zenith } = plan.palette;
  const bright = blend(blend(low, light, 0.6), [1, 1, 1], plan.time === 'night' ? 0 : 0.25);
  const dark = blend(sky, zenith, plan.time === 'day' ? 0.25 : 0.5);
  const drift = plan.random.between(0, 50);
  const stretch = plan.random.between(2.6, 4.2);
  const threshold = mix(0.3, -0.12, amount);
  const glowAtNight = plan.time === 'night' ? 0.45 : 1;
  const bottom = Math.min(horizon, canvas.bottom);
  await canvas.eachRow(
    0,
    canvas.row(bottom) + 1,
    (row) => {
      const y = canvas.y(row);
      const level = y / horizon;
      // Perspective: clouds grow flatter and closer together towards the horizon.
      const depth = 1 / (1.15 - level * 0.85);
      const band = smoothstep(0, 0.3, level) * (1 - smoothstep(0.82, 1, level));
      if (band <= 0) return;
      let index = row * canvas.width * 3;
      for (let column = 0; column < canvas.width; column++, index += 3) {
        const x = canvas.x(column);
        const px = (x - canvas.right / 2) * depth * 1.3 + drift;
        const py = depth * stretch;
        const warp = 0.35 * noise.at(px * 0.7 + 5, py * 1.1);
        const thickness = noise.cloudy(px + warp, py * 1.6 + warp, 5) - threshold;
        if (thickness <= 0) continue;
        const alpha = smoothstep(0, 0.38, thickness) * band;
        const toLamp = bell(distance(x - lamp.x, y - lamp.y), 0.5);
        // Thin cloud lets the light through, and the side that faces the lamp is lit.
        const lit = clamp(0.85 - thickness * 1.5 + toLamp * 0.7) * glowAtNight;
        canvas.put(
          index,
          mix(dark[0], bright[0], lit),
          mix(dark[1], bright[1], lit),
          mix(dark[2], bright[2], lit),
          alpha * 0.82,
        );
      }
    },
    4,
  );
}
