/**
 * A bitmap font of its own, 5 by 7 pixels, so that captions need no font of the machine. Capital letters only: small
 * ones are drawn as capitals, and what is missing as a box.
 *
 * Each glyph is seven rows from top to bottom; a row is one base-32 digit whose five bits are its pixels from left to right.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'uhhhhhu',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hhha444',
  Z: 'v1248gv',
  '0': 'ehjlphe',
  '1': '4c4444e',
  '2': 'eh1248v',
  '3': 'v2421he',
  '4': '26aiv22',
  '5': 'vgu11he',
  '6': '68guhhe',
  '7': 'v124888',
  '8': 'ehhehhe',
  '9': 'ehhf12c',
  ' ': '0000000',
  '.': '00000cc',
  ',': '0000c48',
  ':': '0cc0cc0',
  ';': '0cc0c48',
  '-': '000v000',
  _: '000000v',
  '+': '044v440',
  '/': '01248g0',
  '\\': '0g84210',
  '(': '2488842',
  ')': '8422248',
  '[': 'e88888e',
  ']': 'e22222e',
  '<': '248g842',
  '>': '8421248',
  '=': '00v0v00',
  '%': 'op248j3',
  '#': 'aavavaa',
  '&': 'cik8lid',
  '*': '04lel40',
  "'": '4480000',
  '"': 'aaa0000',
  '!': '4444004',
  '?': 'eh12404',
  '@': 'eh1dlle',
  '~': '008l200',
  '·': '0004000',
  '×': '00a4a00',
  '…': '000000l',
};

const UNKNOWN = 'vhhhhhv';

export const GLYPH_WIDTH = 5;
export const GLYPH_HEIGHT = 7;
/** Pixels from one glyph to the next. */
export const GLYPH_ADVANCE = 6;

/** Whether pixel (column, row) of a character's glyph is set. */
export function glyphPixel(character: string, column: number, row: number): boolean {
  const glyph = GLYPHS[character] ?? GLYPHS[character.toUpperCase()] ?? UNKNOWN;
  const bits = Number.parseInt(glyph[row] ?? '0', 32);
  return ((bits >> (GLYPH_WIDTH - 1 - column)) & 1) === 1;
}
