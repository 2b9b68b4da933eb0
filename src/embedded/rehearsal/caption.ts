import { GLYPH_ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH, glyphPixel } from './font.js';

/** What the mark on a picture says: a title in amber, and details that give way when there is no room. */
export interface Caption {
  readonly title: string;
  readonly details: readonly string[];
}

/** The mark of everything that a rehearsed sampler drew. */
export function rehearsalCaption(seed: bigint, model: string): Caption {
  const name = model.replace(/^.*[\\/]/, '').replace(/\.(safetensors|ckpt|pth?|gguf|sft|bin)$/i, '');
  return { title: 'EASEL REHEARSAL', details: [`SEED ${seed}`, `MODEL ${name}`] };
}

/** The mark of a picture that is drawn in place of a missing input file. */
export function standInCaption(fileName: string): Caption {
  return { title: 'EASEL STAND-IN', details: [`NO FILE ${fileName}`] };
}

const AMBER = [246, 184, 62] as const;
const GREY = [206, 208, 214] as const;
const INK = [13, 13, 18] as const;

/**
 * Marks a picture as a rehearsal: a dark strip along its lower edge that says what it is. Draws into
 * `rgb` (`width * height * 3` bytes). Says less on small pictures; below 40 by 20 pixels only the amber line is drawn.
 */
export function drawCaption(rgb: Buffer, width: number, height: number, caption: Caption): void {
  const scale = Math.max(1, Math.floor(Math.min(width, height) / 460));
  const margin = 5 * scale;
  const strip = Math.min(height, GLYPH_HEIGHT * scale + 2 * margin);
  const room = Math.floor((width - 2 * margin) / (GLYPH_ADVANCE * scale));
  const text = room >= 6 && height >= 20 ? captionText(caption, room) : null;
  const top = height - (text ? strip : Math.min(height, scale));
  for (let y = top; y < height; y++) {
    const line = y < top + scale;
    for (let x = 0, index = y * width * 3; x < width; x++, index += 3) {
      for (let channel = 0; channel < 3; channel++) {
        const below = rgb[index + channel]!;
        rgb[index + channel] = line ? AMBER[channel]! : (below * 3 + INK[channel]! * 13) >> 4;
      }
    }
  }
  if (!text) return;
  [...text].forEach((character, place) => {
    const colour = place < caption.title.length ? AMBER : GREY;
    drawGlyph(rgb, width, character, margin + place * GLYPH_ADVANCE * scale, top + margin + scale, scale, colour);
  });
}

/** The longest form that fits into `room` characters. */
function captionText({ title, details }: Caption, room: number): string {
  for (let count = details.length; count > 0; count--) {
    const text = [title, ...details.slice(0, count)].join(' · ');
    if (text.length <= room) return text;
    // A detail that lost only its tail still tells something.
    const kept = details[count - 1]!.length - (text.length - room + 1);
    if (kept >= 10) return `${text.slice(0, room - 1)}…`;
  }
  return title.length <= room ? title : `${title.slice(0, room - 1)}…`;
}

function drawGlyph(
  rgb: Buffer,
  width: number,
  character: string,
  left: number,
  top: number,
  scale: number,
  colour: readonly [number, number, number],
): void {
  for (let y = 0; y < GLYPH_HEIGHT * scale; y++) {
    for (let x = 0; x < GLYPH_WIDTH * scale; x++) {
      if (!glyphPixel(character, Math.floor(x / scale), Math.floor(y / scale))) continue;
      const index = ((top + y) * width + left + x) * 3;
      rgb[index] = colour[0];
      rgb[index + 1] = colour[1];
      rgb[index + 2] = colour[2];
    }
  }
}
