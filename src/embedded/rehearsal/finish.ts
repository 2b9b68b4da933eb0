import type { Canvas } from './canvas.js';
import { brightness } from './colour.js';
import { chanceAt, clamp, distance, mix, smoothstep } from './math.js';
import type { Plan } from './plan.js';

/**
 * The last pass over a picture: contrast from cfg, a vignette, and the grain and tint that tell one model or LoRA from
 * another without changing what is shown.
 */
export async function finish(canvas: Canvas, plan: Plan): Promise<void> {
  const { manner } = plan;
  const salt = manner.integer(0, 1 << 20);
  const grain = manner.between(0.012, 0.03);
  const fade = manner.between(0, 0.05);
  const warmth = manner.between(-0.018, 0.018);
  const contrast = mix(0.04, 0.34, plan.contrast);
  const colourful = 1.04 + manner.between(-0.06, 0.12) + plan.impression.vividness * 0.08;
  const centreX = canvas.right / 2;
  const centreY = canvas.bottom / 2;
  const corner = distance(centreX, centreY);
  // Grain is as large as a pixel of a 1024 px picture, so that it neither vanishes nor coarsens with the size.
  const coarse = Math.max(1, Math.floor(Math.min(canvas.width, canvas.height) / 900));
  await canvas.eachRow(0, canvas.height, (row) => {
    const dy = canvas.y(row) - centreY;
    let index = row * canvas.width * 3;
    for (let column = 0; column < canvas.width; column++, index += 3) {
      const dx = canvas.x(column) - centreX;
      const away = distance(dx, dy) / corner;
      const shadow = 1 - 0.3 * smoothstep(0.55, 1.05, away);
      const { pixels } = canvas;
      const grey = brightness(pixels[index]!, pixels[index + 1]!, pixels[index + 2]!);
      const speck = (chanceAt(Math.floor(column / coarse), Math.floor(row / coarse), salt) - 0.5) * grain;
      for (let channel = 0; channel < 3; channel++) {
        let value = mix(grey, pixels[index + channel]!, colourful);
        value = clamp(value);
        value = mix(value, value * value * (3 - 2 * value), contrast);
        value = fade * 0.6 + value * (1 - fade) + (channel === 0 ? warmth : channel === 2 ? -warmth : 0);
        pixels[index + channel] = value * shadow + speck;
      }
    }
  });
}
