/**
 * A text as a picture of its own, in a typeface of 5 by 7 dots. Fonts of the machine would be nicer; but where there are
 * none, text is drawn as nothing at all, and the watermark would be missing without anybody noticing.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  A: '0e11111f111111',
  B: '1e11111e11111e',
  C: '0e11101010110e',
  D: '1e11111111111e',
  E: '1f10101e10101f',
  F: '1f10101e101010',
  G: '0e11101711110f',
  H: '1111111f111111',
  I: '0e04040404040e',
  J: '0702020202120c',
  K: '11121418141211',
  L: '1010101010101f',
  M: '111b1515111111',
  N: '11191513111111',
  O: '0e11111111110e',
  P: '1e11111e101010',
  Q: '0e11111115120d',
  R: '1e11111e141211',
  S: '0f10100e01011e',
  T: '1f040404040404',
  U: '1111111111110e',
  V: '11111111110a04',
  W: '11111115151b11',
  X: '11110a040a1111',
  Y: '11110a04040404',
  Z: '1f01020408101f',
  '0': '0e11131519110e',
  '1': '040c040404040e',
  '2': '0e11010204081f',
  '3': '1f02040201110e',
  '4': '02060a121f0202',
  '5': '1f101e0101110e',
  '6': '0608101e11110e',
  '7': '1f010204080808',
  '8': '0e11110e11110e',
  '9': '0e11110f01020c',
  '.': '00000000000c0c',
  ':': '000c0c000c0c00',
  '/': '00010204081000',
  '-': '0000001f000000',
  ' ': '00000000000000',
};

const GLYPH_WIDTH = 6;
const GLYPH_HEIGHT = 7;
/** Bright dots with a dark edge show on bright and dark pictures. */
const [BRIGHT, DARK] = [
  [255, 255, 255, 170],
  [0, 0, 0, 120],
] as const;

export interface Mark {
  /** RGBA, row by row. */
  readonly pixels: Buffer;
  readonly width: number;
  readonly height: number;
}

/** The text for a picture of this size: about a third of its width, never larger than it. Null when it has no room. */
export function drawMark(text: string, pictureWidth: number, pictureHeight: number): Mark | null {
  const dots = dotsOf(text);
  const columns = text.length * GLYPH_WIDTH + 1;
  const rows = GLYPH_HEIGHT + 2;
  const fits = Math.min(Math.floor(pictureWidth / columns), Math.floor(pictureHeight / rows));
  const scale = Math.min(fits, Math.max(1, Math.round(pictureWidth / 3 / columns)));
  if (scale < 1) return null;
  const [width, height] = [columns * scale, rows * scale];
  const pixels = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [column, row] = [Math.floor(x / scale) - 1, Math.floor(y / scale) - 1];
      const colour = dots(column, row) ? BRIGHT : isEdge(dots, column, row) ? DARK : null;
      if (colour !== null) pixels.set(colour, (y * width + x) * 4);
    }
  }
  return { pixels, width, height };
}

type Dots = (column: number, row: number) => boolean;

function dotsOf(text: string): Dots {
  const glyphs = [...text.toUpperCase()].map((letter) => Buffer.from(GLYPHS[letter] ?? GLYPHS[' '] ?? '', 'hex'));
  return (column, row) => {
    const bits = row < 0 || row >= GLYPH_HEIGHT ? 0 : (glyphs[Math.floor(column / GLYPH_WIDTH)]?.[row] ?? 0);
    return column >= 0 && ((bits << 1) >> (GLYPH_WIDTH - 1 - (column % GLYPH_WIDTH))) % 2 === 1;
  };
}

function isEdge(dots: Dots, column: number, row: number): boolean {
  return [-1, 0, 1].some((dx) => [-1, 0, 1].some((dy) => dots(column + dx, row + dy)));
}
