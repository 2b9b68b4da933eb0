import { blend, ramp } from '../colour.js';
import { clamp, mix, smoothstep } from '../math.js';
import type { Painting } from './painting.js';

const STEPS = 1024;

/**
 * Folds of colour, as of silk or marbled paper: noise bent by noise, coloured along a ramp and lit from one side. The
 * backdrop of portraits, and the picture itself when a prompt names nothing that could be drawn.
 */
export async function paintFolds(painting: Painting, options: { readonly quiet: number }): Promise<void> {
  const { canvas, plan, noise } = painting;
  const { palette, random } = plan;
  const stops = [
    palette.ink,
    palette.zenith,
    palette.sky,
    palette.accent,
    palette.horizon,
    palette.second,
    palette.paper,
  ];
  const calm = [
    blend(palette.ink, palette.zenith, 0.7),
    palette.zenith,
    palette.sky,
    blend(palette.sky, palette.horizon, 0.55),
  ];
  const table = ramp(options.quiet > 0.5 ? calm : stops, STEPS);
  const scale = random.between(0.75, 1.25) * mix(1, 0.7, options.quiet);
  const turn = random.between(-0.6, 0.6);
  const offset = random.between(0, 300);
  const bend = random.between(1.1, 1.8);
  // Heights first, at half size (they are smooth), then colour and light from their differences.
  const columns = Math.ceil(canvas.width / 2) + 2;
  const rows = Math.ceil(canvas.height / 2) + 2;
  const heights = new Float32Array(columns * rows);
  const tints = new Float32Array(columns * rows);
  await canvas.eachRow(0, Math.min(rows, canvas.height), (row) => fillRow(row), 5);
  for (let row = canvas.height; row < rows; row++) fillRow(row);

  function fillRow(row: number): void {
    const y = (row * 2 - 1) * canvas.pixel;
    for (let column = 0; column < columns; column++) {
      const x = (column * 2 - 1) * canvas.pixel;
      const px = (x + turn * y) * scale + offset;
      const py = (y - turn * x) * scale * 1.15;
      const bendX = noise.cloudy(px, py, 3);
      const bendY = noise.cloudy(px + 7.7, py + 2.9, 3);
      const twistX = noise.cloudy(px + bend * bendX + 1.7, py + bend * bendY + 9.2, 2);
      const index = row * columns + column;
      heights[index] = noise.cloudy(px * 0.85 + bend * twistX, py * 0.85 + bend * bendY * 0.8, 3);
      tints[index] = 0.5 + 0.55 * heights[index]! + 0.42 * bendX + 0.25 * twistX;
    }
  }

  const relief = mix(1.35, 0.7, options.quiet);
  const sharp = 0.85 + plan.contrast * 0.4;
  await canvas.eachRow(0, canvas.height, (row) => {
    const fy = (row + 1) / 2;
    const iy = Math.floor(fy);
    const ty = fy - iy;
    let index = row * canvas.width * 3;
    for (let column = 0; column < canvas.width; column++, index += 3) {
      const fx = (column + 1) / 2;
      const ix = Math.floor(fx);
      const tx = fx - ix;
      const a = iy * columns + ix;
      const b = Math.min(a + columns, heights.length - columns + ix);
      const tint = mix(mix(tints[a]!, tints[a + 1]!, tx), mix(tints[b]!, tints[b + 1]!, tx), ty);
      const dx = mix(heights[a + 1]! - heights[a]!, heights[b + 1]! - heights[b]!, ty) / (canvas.pixel * 2);
      const dy = mix(heights[b]! - heights[a]!, heights[b + 1]! - heights[a + 1]!, tx) / (canvas.pixel * 2);
      const facing = (1 - (dx * 0.62 + dy * 0.5) * 0.28 * relief) / Math.sqrt(1 + (dx * dx + dy * dy) * 0.07 * relief);
      const level = clamp(0.5 + (tint - 0.5) * sharp);
      const entry = Math.floor(level * (STEPS - 1)) * 3;
      const light = clamp(0.42 + 0.58 * facing, 0.15, 1.35);
      for (let channel = 0; channel < 3; channel++)
        canvas.pixels[index + channel] = clamp(table[entry + channel]! * light);
      const gloss = smoothstep(1.02, 1.5, facing) * 0.35 * (1 - options.quiet);
      if (gloss > 0) canvas.glow(index, palette.paper, gloss);
    }
  });
}
