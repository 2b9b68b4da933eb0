import type { Environment, TextOutput } from '../io.js';

/** Colours and widths of text on a terminal. Nothing here writes. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

type Paint = (text: string) => string;

const ESC = '\u001b[';
const paint =
  (open: number, close: number): Paint =>
  (text) =>
    text === '' ? '' : `${ESC}${open}m${text}${ESC}${close}m`;
const plain: Paint = (text) => text;

export const COLOURED: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39),
};
export const PLAIN: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

/**
 * NO_COLOR (any value but the empty one, https://no-color.org) and `--no-color` win over FORCE_COLOR; without either, a
 * terminal that is not `dumb` gets colour.
 */
export function styleFor(output: TextOutput, environment: Environment, colour = true): Style {
  if (!colour || environment['NO_COLOR']) return PLAIN;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined && forced !== '0' && forced !== 'false') return COLOURED;
  return output.isTTY === true && environment['TERM'] !== 'dumb' ? COLOURED : PLAIN;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text of unknown origin (node titles, messages of a backend) must not move the cursor or ring the bell. */
export function printable(text: string): string {
  return text.replace(/\s+/g, ' ').replace(CONTROL, '');
}

// Combining marks, variation selectors, zero-width characters.
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// East Asian wide and fullwidth blocks, and emoji: two columns each.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Columns that a text without escape sequences takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

function columnsOfCharacter(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Cuts to at most `columns`, with an ellipsis when something was cut. */
export function fitTo(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let cut = '';
  let used = 0;
  for (const character of text) {
    const width = columnsOfCharacter(character);
    if (used + width > columns - 1) break;
    cut += character;
    used += width;
  }
  return columns < 1 ? '' : `${cut}…`;
}
