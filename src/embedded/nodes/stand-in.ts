import { drawCaption, standInCaption } from '../rehearsal/caption.js';
import { distance, smoothstep } from '../rehearsal/math.js';
import { renderScene } from '../rehearsal/render.js';
import { withChannels } from './pixels.js';

const SIDE = 768;

/**
 * A picture for an input file that does not exist, drawn from the words of its name and marked as a stand-in. Where the
 * name speaks of inpainting or a mask, the middle is transparent, so that a graph that needs a mask gets one.
 */
export async function drawStandIn(
  fileName: string,
): Promise<{ width: number; height: number; hasAlpha: boolean; frames: Buffer[] }> {
  const prompt = fileName.replace(/\.[a-z0-9]+$/i, '').replace(/[^\p{L}]+/gu, ' ');
  const rgb = await renderScene(
    { prompt, negative: '', seed: seedOf(fileName), index: 0, model: '', loras: [], steps: 20, cfg: 6, manner: [] },
    SIDE,
    SIDE,
  );
  drawCaption(rgb, SIDE, SIDE, standInCaption(fileName));
  const rgba = withChannels(rgb, 3, 4);
  const hasAlpha = /inpaint|mask/i.test(fileName);
  if (hasAlpha) cutOval(rgba);
  return { width: SIDE, height: SIDE, hasAlpha, frames: [rgba] };
}

function seedOf(text: string): bigint {
  let seed = 7n;
  for (const character of text) seed = BigInt.asUintN(64, seed * 31n + BigInt(character.codePointAt(0)!));
  return seed;
}

function cutOval(rgba: Buffer): void {
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const away = distance((x - SIDE / 2) / (SIDE * 0.26), (y - SIDE / 2) / (SIDE * 0.3));
      rgba[(y * SIDE + x) * 4 + 3] = 255 * smoothstep(0.92, 1.02, away);
    }
  }
}
