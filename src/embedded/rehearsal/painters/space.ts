import { blend, ramp } from '../colour.js';
import { bell, clamp, distance, mix, smoothstep } from '../math.js';
import type { Painting } from './painting.js';
import { paintStars } from './sky.js';

const STEPS = 512;

/** Deep space: a nebula along a slanted band, dust before it, stars of all sizes. */
export async function paintNebula(painting: Painting): Promise<void> {
  const { canvas, plan, noise, lamp } = painting;
  const { palette, random } = plan;
  const void_ = blend(palette.ink, [0.01, 0.01, 0.03], 0.75);
  const table = ramp(
    [
      void_,
      blend(void_, palette.zenith, 0.8),
      blend(palette.sky, palette.accent, 0.4),
      palette.accent,
      palette.second,
      palette.paper,
    ],
    STEPS,
  );
  const slant = random.between(-0.7, 0.7);
  const offset = random.between(0, 200);
  const middle = canvas.bottom * random.between(0.4, 0.6);
  await canvas.eachRow(
    0,
    canvas.height,
    (row) => {
      const y = canvas.y(row);
      let index = row * canvas.width * 3;
      for (let column = 0; column < canvas.width; column++, index += 3) {
        const x = canvas.x(column);
        const px = x * 1.5 + offset;
        const py = y * 1.5;
        const bendX = noise.cloudy(px, py, 3);
        const bendY = noise.cloudy(px + 5.2, py + 1.3, 3);
        const gas = noise.cloudy(px + 1.4 * bendX, py + 1.4 * bendY, 5);
        const dust = noise.ridged(px * 1.3 + bendY, py * 1.3 - bendX, 4);
        const across = y - middle - slant * (x - canvas.right / 2) + bendX * 0.16;
        const band = bell(across, 0.24);
        const level = clamp(band * (0.5 + gas * 0.9) - smoothstep(0.45, 0.8, dust) * 0.3 * band + 0.05 + gas * 0.08);
        const entry = Math.floor(level * (STEPS - 1)) * 3;
        canvas.pixels[index] = table[entry]!;
        canvas.pixels[index + 1] = table[entry + 1]!;
        canvas.pixels[index + 2] = table[entry + 2]!;
        const core = bell(distance(x - lamp.x, y - lamp.y), 0.09);
        canvas.glow(index, palette.lamp, mix(0, 0.6, core * core));
      }
    },
    9,
  );
  await paintStars({ ...painting, horizon: canvas.bottom * 4 }, 0.62);
}
