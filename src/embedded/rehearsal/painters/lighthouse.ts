import { blend, oklch, type Rgb } from '../colour.js';
import { bell, clamp, mix, sineOfTurns, smoothstep } from '../math.js';
import { box, ellipse, polygon } from '../shapes.js';
import { paintBirds } from './animals.js';
import { paintLayers } from './land.js';
import type { Painting } from './painting.js';

/** A lighthouse on a headland that falls off to the sea, its lantern lit unless it is day. */
export async function paintLighthouse(painting: Painting, withBirds: boolean): Promise<void> {
  const { canvas, plan } = painting;
  // It stands opposite the sun or moon, so that neither hides the other.
  const side = painting.lamp.x > canvas.right / 2 ? -1 : 1;
  const cx = side < 0 ? canvas.right * 0.27 : canvas.right * 0.73;
  const ground = canvas.bottom * plan.random.between(0.56, 0.62);
  const size = Math.min(0.5, ground * 0.72);
  const lit = plan.time !== 'day' && plan.time !== 'dawn';
  const lantern = { x: cx, y: ground - size * 0.885 };
  if (lit) await paintBeams(painting, lantern, plan.random.between(-0.03, 0.03));
  await paintHeadland(painting, cx, ground, side);
  await paintTower(painting, cx, ground, size, lit);
  if (lit) await paintLantern(painting, lantern, size);
  if (withBirds) await paintBirds(painting, 7);
}

/** Rock with ledges: high around the tower, broken off towards the open sea. */
async function paintHeadland(painting: Painting, cx: number, ground: number, side: number): Promise<void> {
  const { canvas, plan, noise, lamp } = painting;
  const { near, ink, lamp: light, horizon } = plan.palette;
  const rock = blend(near, ink, 0.35);
  const lit = blend(blend(near, horizon, 0.25), light, 0.2);
  const grass = blend(blend(near, oklch(0.5, 0.09, 130), 0.4), ink, 0.15);
  const offset = plan.random.between(0, 90);
  const facing = lamp.x > cx ? 1 : -1;
  const out: [number, number, number] = [0, 0, 0];
  const drop = (canvas.bottom - ground) * 1.12;
  await paintLayers(painting, [
    {
      distance: 0,
      skyline: (x) => {
        // Towards the sea (away from the near border) the rock breaks off in steps.
        const seaward = (cx - x) * side - 0.16;
        const fall = smoothstep(-0.02, 0.34, seaward + 0.05 * noise.at(x * 7 + offset, offset));
        const steps = fall + 0.05 * sineOfTurns(fall * 3) * clamp(fall * 4);
        const top = ground + 0.012 * noise.cloudy(x * 6 + offset, 3, 3) + 0.03 * clamp(-seaward - 0.3);
        return top + drop * steps + 0.012 * noise.at(x * 40, offset) * clamp(fall * 6);
      },
      mist: { from: canvas.bottom * 0.86, to: canvas.bottom * 1.02, strength: 0.16 },
      colour: (x, y, below) => {
        const strata = noise.ridged(x * 2.6 + offset, y * 6.5 + 0.4 * noise.at(x * 4, y * 4), 4);
        const cracks = noise.ridged(x * 9 + offset, y * 2.2, 3);
        const beside = noise.ridged((x + facing * 0.012) * 9 + offset, y * 2.2, 3);
        const face = clamp(0.28 + (cracks - beside) * 1.6 + (strata - 0.4) * 0.5 + 0.35 * bell(below, 0.02));
        const turf = smoothstep(0.05, 0.012, below + 0.02 * noise.at(x * 30, y * 30)) * 0.85;
        for (let channel = 0; channel < 3; channel++) {
          const stone = mix(rock[channel]!, lit[channel]!, face);
          out[channel] = mix(stone, grass[channel]!, turf);
        }
        return out;
      },
    },
  ]);
}

async function paintTower(painting: Painting, cx: number, ground: number, size: number, lit: boolean): Promise<void> {
  const { canvas, plan, lamp, noise } = painting;
  const { palette } = plan;
  const white = blend([0.95, 0.93, 0.89], palette.horizon, 0.22);
  const red = blend(oklch(0.53, 0.17, 27), palette.sky, 0.12);
  const iron = blend(palette.ink, palette.near, 0.3);
  const glass: Rgb = lit ? blend(palette.lamp, [1, 0.9, 0.62], 0.6) : blend(palette.sky, palette.paper, 0.4);
  const side = lamp.x > cx ? 1 : -1;
  const width = (y: number) => 0.072 + 0.05 * clamp(1 + y);
  const bands = plan.random.chance(0.75);
  const tower = (x: number, y: number) => Math.max(Math.abs(x) - width(y), y - 0.02, -0.8 - y);
  const area = {
    left: cx - size * 0.5,
    right: cx + size * 0.5,
    top: ground - size * 1.15,
    bottom: ground + size * 0.05,
  };
  const place = (shape: (x: number, y: number) => number) => (x: number, y: number) =>
    shape((x - cx) / size, (y - ground) / size) * size;
  const shadow = (colour: Rgb, x: number) => {
    const across = ((x - cx) / size / 0.1) * side;
    return blend(colour, palette.ink, clamp(0.32 - across * 0.34, 0, 0.72));
  };
  await canvas.fill(
    area,
    place((x, y) => box(x, y, -0.23, -0.075, 0.12, 0.085)),
    (x) => shadow(white, x - size * 0.1),
  );
  await canvas.fill(
    area,
    place((x, y) => polygon(x, y, [-0.38, -0.15, -0.08, -0.15, -0.14, -0.24, -0.32, -0.24])),
    (x) => shadow(red, x),
  );
  const lamps = lit ? blend(palette.lamp, oklch(0.82, 0.15, 80), 0.6) : iron;
  await canvas.fill(
    area,
    place((x, y) => box(x, y, -0.27, -0.075, 0.022, 0.026)),
    () => lamps,
  );
  await canvas.fill(area, place(tower), (x, y) => {
    const py = (y - ground) / size;
    const band = bands && Math.floor((py + 0.8) / 0.16) % 2 === 1;
    const stain = 0.07 * noise.cloudy(x * 22, y * 6, 3);
    return blend(shadow(band ? red : white, x), palette.ink, clamp(0.04 + stain));
  });
  for (const y of [-0.22, -0.42, -0.62]) {
    await canvas.fill(
      area,
      place((px, py) => box(px, py, 0.01 * side, y, 0.016, 0.028, 0.012)),
      () => lamps,
    );
  }
  await canvas.fill(
    area,
    place((x, y) => box(x, y, 0, -0.81, 0.115, 0.016)),
    (x) => shadow(iron, x),
  );
  await canvas.fill(
    area,
    place((x, y) => box(x, y, 0, -0.885, 0.062, 0.065)),
    () => glass,
  );
  await canvas.fill(
    area,
    place((x, y) =>
      Math.max(
        Math.min(Math.abs(Math.abs(x) - 0.03) - 0.003, Math.abs(Math.abs(x) - 0.062) - 0.005),
        Math.abs(y + 0.885) - 0.065,
      ),
    ),
    () => iron,
  );
  await canvas.fill(
    area,
    place((x, y) => Math.max(ellipse(x, y, 0, -0.945, 0.078, 0.075), y + 0.945)),
    (x) => shadow(red, x),
  );
  await canvas.fill(
    area,
    place((x, y) => box(x, y, 0, -1.04, 0.005, 0.045)),
    () => iron,
  );
}

/** Two cones of light, brighter towards the lantern. */
async function paintBeams(painting: Painting, from: { x: number; y: number }, tilt: number): Promise<void> {
  const { canvas, plan } = painting;
  const strength = plan.time === 'night' ? 0.5 : 0.34;
  await canvas.eachRow(0, canvas.height, (row) => {
    const dy = canvas.y(row) - from.y;
    let index = row * canvas.width * 3;
    for (let column = 0; column < canvas.width; column++, index += 3) {
      const dx = canvas.x(column) - from.x;
      const reach = Math.abs(dx) + 0.001;
      const spread = (dy + dx * tilt) / (0.012 + reach * 0.13);
      const light = strength * (1 - smoothstep(0.35, 1, Math.abs(spread))) * bell(reach, 0.5);
      if (light > 0.002) canvas.glow(index, plan.palette.lamp, light);
    }
  });
}

async function paintLantern(painting: Painting, at: { x: number; y: number }, size: number): Promise<void> {
  const { canvas, plan } = painting;
  const reach = size * 0.5;
  const warm = blend(plan.palette.lamp, [1, 0.86, 0.5], 0.5);
  await canvas.eachRow(canvas.row(at.y - reach), canvas.row(at.y + reach), (row) => {
    for (let column = canvas.column(at.x - reach); column < canvas.column(at.x + reach); column++) {
      const dx = canvas.x(column) - at.x;
      const dy = canvas.y(row) - at.y;
      const away = Math.sqrt(dx * dx + dy * dy);
      const light = 0.75 * bell(away, size * 0.055) * (1 - smoothstep(reach * 0.5, reach, away));
      canvas.glow((row * canvas.width + column) * 3, warm, light);
    }
  });
}
