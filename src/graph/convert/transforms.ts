/**
 * What the ComfyUI window does to texts while it queues (`comfyui.md` 4.4 step 5). Pure: randomness, time and the values
 * of other nodes come from outside.
 */

/** 0 <= value < 1. */
export type RandomSource = () => number;

const MAX_CHOICE_DEPTH = 100;

/**
 * Removes comments, then replaces each `{a|b|c}` by one alternative, inner ones included, and `\{`, `\}`, `\|` by the
 * plain character. A brace that is never closed ends with the text, as in the window.
 */
export function expandDynamicPrompt(text: string, random: RandomSource): string {
  const source = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  if (!/[{\\]/.test(source)) return source;
  // One frame per open brace: the finished alternatives and the one being read. The lowest is the text itself.
  const frames: { alternatives: string[]; current: string }[] = [{ alternatives: [], current: '' }];
  const close = (): void => {
    const { alternatives, current } = frames.pop()!;
    const choices = [...alternatives, current];
    const chosen = choices[Math.min(choices.length - 1, Math.floor(random() * choices.length))]!;
    frames.at(-1)!.current += chosen;
  };
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!;
    const frame = frames.at(-1)!;
    const next = source[i + 1];
    if (char === '\\' && next !== undefined && '{}|'.includes(next)) {
      frame.current += next;
      i++;
    } else if (char === '{' && frames.length <= MAX_CHOICE_DEPTH) frames.push({ alternatives: [], current: '' });
    else if (char === '}' && frames.length > 1) close();
    else if (char === '|' && frames.length > 1) {
      frame.alternatives.push(frame.current);
      frame.current = '';
    } else frame.current += char;
  }
  while (frames.length > 1) close();
  return frames[0]!.current;
}

/** Value of a widget by node name (its "Node name for S&R" or title); undefined leaves the pattern as it is. */
export type WidgetLookup = (nodeName: string, widgetName: string) => string | undefined;

const PATTERN = /%([^%]+)%/g;
/** Not allowed in file names, on one system or another. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it must find
const ILLEGAL_IN_FILE_NAMES = /[/?<>\\:*|"\x00-\x1f\x7f]/g;

/** `%date:FORMAT%` (left as it is without a date) and `%Node.widget%`. Tokens of the server such as `%width%` stay. */
export function replaceTextPatterns(text: string, now: Date | null, lookup: WidgetLookup): string {
  return text.replace(PATTERN, (whole, pattern: string) => {
    if (pattern.startsWith('date:')) return now === null ? whole : formatDate(pattern.slice('date:'.length), now);
    const parts = pattern.split('.');
    if (parts.length !== 2) return whole;
    const value = lookup(parts[0]!, parts[1]!);
    return value === undefined ? whole : value.replace(ILLEGAL_IN_FILE_NAMES, '_');
  });
}

/** What the window would make of a text that a conversion with `keepDynamic` left as it was. */
export function renderDynamicText(
  text: string,
  inputName: string,
  options: { readonly random: RandomSource; readonly now: Date },
): string {
  if (inputName === 'filename_prefix') return replaceTextPatterns(text, options.now, () => undefined);
  return expandDynamicPrompt(text, options.random);
}

/** Local time of the given date, with `yyyy yy MM M dd d hh h mm m ss s`. */
export function formatDate(format: string, date: Date): string {
  const parts: Readonly<Record<string, number>> = {
    d: date.getDate(),
    M: date.getMonth() + 1,
    h: date.getHours(),
    m: date.getMinutes(),
    s: date.getSeconds(),
  };
  return format.replace(/yyyy|yy|([dMhms])\1?/g, (token) => {
    if (token === 'yyyy') return String(date.getFullYear());
    if (token === 'yy') return String(date.getFullYear()).slice(-2);
    const value = String(parts[token.charAt(0)]);
    return token.length === 2 ? value.padStart(2, '0') : value;
  });
}
