import { bell, clamp, mix, smoothstep } from '../math.js';
import type { Painting } from './painting.js';

/** Water from `level` down: the picture above, mirrored and shaken by waves, with the lamp's light broken on it. */
export async function paintWater({ canvas, plan, noise, lamp }: Painting, level: number): Promise<void> {
  const { sky, ink, lamp: light } = plan.palette;
  const surface = canvas.row(level);
  const span = canvas.bottom - level;
  const offset = plan.random.between(0, 80);
  const roughness = plan.impression.weather === 'storm' ? 1.8 : plan.random.between(0.7, 1.15);
  const above = canvas.pixels;
  await canvas.eachRow(
    surface,
    canvas.height,
    (row) => {
      const y = canvas.y(row);
      const depth = (y - level) / span;
      // Waves shrink towards the horizon as perspective has it.
      const closeness = 0.015 + depth;
      const frequency = 1 / closeness;
      const murk = mix(0.1, 0.5, smoothstep(0, 1, depth));
      const path = 0.02 + lamp.radius + depth * 0.26;
      let index = row * canvas.width * 3;
      for (let column = 0; column < canvas.width; column++, index += 3) {
        const x = canvas.x(column);
        const across = (x - canvas.right / 2) * frequency;
        const swell = noise.at(across * 0.32 + offset, frequency * 1.35);
        const ripple = noise.at(across * 1.1 - offset, frequency * 4.1);
        const wave = (swell * 0.65 + ripple * 0.35) * roughness;
        const mirrorY = level - (y - level) * (0.82 - 0.1 * wave) - wave * 0.05 * closeness;
        const mirrorX = clamp(x + wave * 0.03 * closeness, 0, canvas.right - canvas.pixel);
        const source =
          (Math.min(surface - 1, canvas.row(Math.max(0, mirrorY))) * canvas.width + canvas.column(mirrorX)) * 3;
        const shade = clamp(murk - wave * 0.1);
        const lift = clamp(wave * 0.3 - 0.05) * (1 - depth * 0.4);
        for (let channel = 0; channel < 3; channel++) {
          const mirrored = source >= 0 ? above[source + channel]! : sky[channel]!;
          const deep = mix(mirrored, ink[channel]! * 0.7 + sky[channel]! * 0.3, shade);
          above[index + channel] = mix(deep, sky[channel]!, lift * 0.6);
        }
        const glitter =
          smoothstep(0.12, 0.5, wave + 0.2 * noise.at(across * 2.3, frequency * 7)) * bell(x - lamp.x, path);
        canvas.glow(index, light, glitter * (0.95 - depth * 0.45) + 0.16 * bell(x - lamp.x, path * 1.6));
      }
    },
    4,
  );
}
