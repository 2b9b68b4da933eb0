import type { JsonValue } from '../core/json.js';

/**
 * How Python converts and prints values, as far as it shows on the wire: input values are converted and rewritten in
 * the prompt, and appear in error details (comfyui.md 1.3).
 *
 * JSON does not tell 1 from 1.0 once parsed. Where the declared type says FLOAT, `pythonFloatText` prints the dot.
 */
export class ConversionError extends Error {}

const INTEGER_TEXT = /^[+-]?\d+(?:_\d+)*$/;
const FLOAT_TEXT = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$/;
const SPECIAL_FLOAT_TEXT = /^([+-]?)(?:(inf|infinity)|nan)$/i;

/** `int(value)`. Integers that a double cannot hold are bigints. Throws ConversionError. */
export function pythonInt(value: unknown): number | bigint {
  switch (typeof value) {
    case 'bigint':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'number':
      if (Number.isNaN(value)) throw new ConversionError('cannot convert float NaN to integer');
      if (!Number.isFinite(value)) throw new ConversionError('cannot convert float infinity to integer');
      return compact(BigInt(Math.trunc(value)));
    case 'string': {
      const text = value.trim();
      if (!INTEGER_TEXT.test(text)) {
        throw new ConversionError(`invalid literal for int() with base 10: ${pythonRepr(value)}`);
      }
      const magnitude = BigInt(text.replace(/[+\-_]/g, ''));
      return compact(text.startsWith('-') ? -magnitude : magnitude);
    }
    default:
      throw new ConversionError(
        `int() argument must be a string, a bytes-like object or a real number, not '${pythonTypeName(value)}'`,
      );
  }
}

/** `float(value)`. Throws ConversionError. */
export function pythonFloat(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'boolean':
      return value ? 1 : 0;
    case 'string': {
      const text = value.trim();
      const special = SPECIAL_FLOAT_TEXT.exec(text);
      if (special) {
        if (special[2] === undefined) return Number.NaN;
        return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      }
      if (!FLOAT_TEXT.test(text)) {
        throw new ConversionError(`could not convert string to float: ${pythonRepr(value)}`);
      }
      return Number(text.replaceAll('_', ''));
    }
    default:
      throw new ConversionError(`float() argument must be a string or a real number, not '${pythonTypeName(value)}'`);
  }
}

/** `bool(value)`: the string "false" is true, an empty list is false. */
export function pythonBool(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  if (typeof value === 'number') return value !== 0;
  return Boolean(value);
}

/** `str(value)`. */
export function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

/** `repr(value)` of values that came from JSON. */
export function pythonRepr(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return stringRepr(value);
    case 'number':
      return Number.isInteger(value) ? integerText(value) : pythonFloatText(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'True' : 'False';
    case 'object':
      break;
    default:
      return 'None';
  }
  if (value === null) return 'None';
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, member]) => `${stringRepr(key)}: ${pythonRepr(member)}`)
    .join(', ')}}`;
}

/** `str(float)`: 1 is "1.0". */
export function pythonFloatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    // Python pads the exponent to two digits: 1e-05.
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return Number.isInteger(value) ? `${integerText(value)}.0` : String(value);
}

/** The name of the type of a JSON value, as Python's error texts have it. */
export function pythonTypeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    default:
      return 'dict';
  }
}

/**
 * A node input as `execution_error.current_inputs` shows it: JSON scalars as they are, everything else as text. Pictures
 * are described by their size; a real server prints the numbers of the tensor.
 */
export function describeInput(value: unknown): JsonValue {
  if (value === undefined) return null;
  if (value === null || typeof value !== 'object') {
    return typeof value === 'function' || typeof value === 'symbol' ? '<object>' : (value as JsonValue);
  }
  if ('type' in value && 'frames' in value && Array.isArray(value.frames)) {
    const { type, frames, width, height } = value as {
      type: unknown;
      frames: unknown[];
      width?: unknown;
      height?: unknown;
    };
    return `<${String(type)} ${frames.length}x${String(height)}x${String(width)}>`;
  }
  return isPlainData(value) ? pythonRepr(value) : '<object>';
}

/** True for what JSON can express. Guards against printing buffers and class instances. */
function isPlainData(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol';
  if (Array.isArray(value)) return value.every(isPlainData);
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlainData);
}

function compact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function integerText(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
}

function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const character of text) {
    if (character === '\\' || character === quote) out += `\\${character}`;
    else if (character === '\n') out += '\\n';
    else if (character === '\r') out += '\\r';
    else if (character === '\t') out += '\\t';
    else if (character < ' ' || character === '\u007f')
      out += `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return quote + out + quote;
}
