import type { JsonValue } from '../core/json.js';
import { dynamicOptions, type InputDefinition, isForcedSocket, isUpload, isWidget } from './definitions.js';
import { didYouMean } from './nearest.js';

/**
 * A value from a person or another program made into what an input takes. Texts come from command lines and forms, so
 * `"20"` is a number for an INT; what a server would silently bend (a fraction for an INT, "false" becoming true) is
 * refused.
 */
export type Coerced = { readonly value: JsonValue } | { readonly problem: string; readonly hint?: string };

export function coerceValue(value: JsonValue, input: InputDefinition): Coerced {
  if (!isWidget(input) || isForcedSocket(input)) {
    return { problem: `takes a link of type ${input.type}, not a value` };
  }
  switch (input.type) {
    case 'INT':
      return withinLimits(toInteger(value), input, 'a whole number');
    case 'FLOAT':
      return withinLimits(toNumber(value), input, 'a number');
    case 'BOOLEAN':
      return toBoolean(value);
    case 'STRING':
      return toText(value);
    case 'COMBO':
      return toChoice(value, input, input.choices);
    case 'COMFY_DYNAMICCOMBO_V3':
      return toChoice(
        value,
        input,
        dynamicOptions(input).map(({ key }) => key),
      );
    default:
      return { value: literalValue(value) };
  }
}

/** Without a definition the value that is there now is the only evidence of the type. */
export function coerceLike(value: JsonValue, current: JsonValue | undefined): Coerced {
  if (typeof current === 'number' || typeof current === 'bigint') {
    const number = toNumber(value);
    return number === undefined ? { problem: 'takes a number' } : { value: number };
  }
  if (typeof current === 'boolean') return toBoolean(value);
  if (typeof current === 'string') return toText(value);
  return { value: literalValue(value) };
}

function withinLimits(number: number | bigint | undefined, input: InputDefinition, what: string): Coerced {
  if (number === undefined) return { problem: `takes ${what}` };
  const min = exactLimit(input.options['min']);
  const max = exactLimit(input.options['max']);
  if (min !== undefined && number < min) return { problem: `must be at least ${min}` };
  if (max !== undefined && number > max) return { problem: `must be at most ${max}` };
  return { value: number };
}

/**
 * Limits such as 2^64-1 have usually been through a parser that rounds them up to the next power of two, which would let
 * one value too many pass; the server would then fail to read it.
 */
export function exactLimit(limit: JsonValue | undefined): number | bigint | undefined {
  if (typeof limit === 'bigint') return limit;
  if (typeof limit !== 'number' || !Number.isFinite(limit)) return undefined;
  if (Number.isSafeInteger(limit) || !Number.isInteger(limit)) return limit;
  const exact = BigInt(limit);
  const isPowerOfTwo = exact > 0n && (exact & (exact - 1n)) === 0n;
  return isPowerOfTwo ? exact - 1n : exact;
}

function toInteger(value: JsonValue): number | bigint | undefined {
  const text = typeof value === 'string' ? value.trim() : value;
  if (typeof text === 'bigint') return narrowInteger(text);
  if (typeof text === 'number') return Number.isInteger(text) ? text : undefined;
  if (typeof text !== 'string' || !/^[+-]?\d{1,30}(\.0+)?$/.test(text)) return undefined;
  return narrowInteger(BigInt(text.replace(/^\+|\.0+$/g, '')));
}

function toNumber(value: JsonValue): number | bigint | undefined {
  const integer = toInteger(value);
  if (integer !== undefined) return integer;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim())) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** A number where it holds every digit, as the rest of Easel writes integers. */
export function narrowInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
]);

function toBoolean(value: JsonValue): Coerced {
  if (typeof value === 'boolean') return { value };
  const word = typeof value === 'object' ? undefined : BOOLEAN_WORDS.get(String(value).trim().toLowerCase());
  return word === undefined ? { problem: 'takes true or false' } : { value: word };
}

function toText(value: JsonValue): Coerced {
  if (typeof value === 'string') return { value };
  return typeof value === 'object' ? { problem: 'takes a text' } : { value: String(value) };
}

function toChoice(value: JsonValue, input: InputDefinition, choices: readonly JsonValue[] | undefined): Coerced {
  if (Array.isArray(value)) {
    const several = Boolean(input.options['multiselect'] || input.options['multi_select']);
    return several ? { value: literalValue(value) } : { problem: 'takes one choice, not a list' };
  }
  if (typeof value === 'object') return { problem: 'takes one of its choices' };
  // Uploaded files and remote lists are not in the definition, which is as old as its cache.
  if (choices === undefined || isUpload(input)) return toText(value);
  if (choices.includes(value)) return { value };
  const text = String(value);
  const same = choices.find((choice) => String(choice) === text);
  if (same !== undefined) return { value: same };
  const alike = choices.filter((choice) => String(choice).toLowerCase() === text.toLowerCase());
  if (alike.length === 1) return { value: alike[0]! };
  return { problem: `does not offer "${text}"`, hint: choiceHint(text, choices.map(String)) };
}

const MAX_CHOICES_NAMED = 12;

function choiceHint(text: string, choices: readonly string[]): string {
  const near = didYouMean(text, choices);
  if (near !== '') return near;
  if (choices.length === 0) return 'The backend offers no choice at all here.';
  const shown = choices.slice(0, MAX_CHOICES_NAMED).join(', ');
  const more = choices.length > MAX_CHOICES_NAMED ? ` and ${choices.length - MAX_CHOICES_NAMED} more` : '';
  return `Choices: ${shown}${more}.`;
}

/** A bare array in a graph is a link. */
export function literalValue(value: JsonValue): JsonValue {
  return Array.isArray(value) ? { __value__: value } : value;
}
