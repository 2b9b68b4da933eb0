import { isInteger, isSafeNumber, parse, stringify } from 'lossless-json';

/**
 * JSON with every integer kept to its last digit.
 *
 * ComfyUI seeds go up to 2^64-1 (18446744073709551615) and `JSON.parse` rounds above 2^53, which silently changes the
 * picture. Here an integer that a double cannot hold becomes a `bigint`; every other number stays a `number`.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

function toNumber(text: string): number | bigint {
  if (isInteger(text) && !isSafeNumber(text)) return BigInt(text);
  return Number(text);
}

const PYTHON_TOKEN = /-?\b(?:NaN|Infinity)\b/g;

/**
 * Python writes the bare tokens NaN, Infinity and -Infinity, which JSON does not have (`comfyui.md` 1.1). The same words
 * inside a string stay untouched. One pass over the text, so that hostile quotes cannot make it quadratic.
 */
function withoutPythonTokens(text: string): string {
  if (!text.includes('NaN') && !text.includes('Infinity')) return text;
  let cleaned = '';
  let position = 0;
  while (position < text.length) {
    const quote = text.indexOf('"', position);
    const outside = quote === -1 ? text.slice(position) : text.slice(position, quote);
    cleaned += outside.replace(PYTHON_TOKEN, 'null');
    if (quote === -1) break;
    const end = endOfString(text, quote);
    cleaned += text.slice(quote, end);
    position = end;
  }
  return cleaned;
}

/** Index after the closing quote, or the end of the text. */
function endOfString(text: string, quote: number): number {
  for (let i = quote + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i + 1;
  }
  return text.length;
}

/** Parses JSON losslessly. Throws SyntaxError. With `pythonTokens`, NaN and Infinity are read as null. */
export function parseLossless(text: string, options: { readonly pythonTokens?: boolean } = {}): JsonValue {
  const source = options.pythonTokens ? withoutPythonTokens(text) : text;
  return parse(source, null, toNumber) as JsonValue;
}

/** Writes JSON; a bigint becomes a plain JSON integer. */
export function stringifyLossless(value: unknown, space?: number): string {
  const text = stringify(value, null, space);
  if (text === undefined) throw new TypeError('This value has no JSON form.');
  return text;
}

/**
 * Parses JSON from a Python server where exact integers do not matter (node definitions, statuses): the fast built-in
 * parser first, the tolerant path only when a NaN token is in the way.
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const cleaned = withoutPythonTokens(text);
    if (cleaned === text) throw error;
    return JSON.parse(cleaned);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
