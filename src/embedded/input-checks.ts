import type { JsonObject, JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import { comboOptions, type DeclaredInput } from './input-specs.js';
import type { NodeClass } from './node.js';
import type { EngineProfile } from './profile.js';
import { keyError, PythonError } from './python-errors.js';
import {
  ConversionError,
  pythonBool,
  pythonFloat,
  pythonFloatText,
  pythonInt,
  pythonRepr,
  pythonStr,
  pythonTypeName,
} from './python-values.js';
import {
  badLink,
  type InputError,
  notInList,
  outOfRange,
  returnTypeMismatch,
  unconvertible,
} from './validation-errors.js';

/** Longer combos are not repeated in the error. */
const LONG_COMBO = 20;

/** The converted value and what is wrong with it, if anything. */
export type LiteralCheck =
  | { readonly value: JsonValue; readonly error?: InputError | undefined }
  | { readonly error: InputError };

/** Converts a literal to its declared type and checks limits and choices. */
export function checkLiteral(
  profile: EngineProfile,
  name: string,
  input: DeclaredInput,
  given: JsonValue,
  isSelfChecked: boolean,
): LiteralCheck {
  const literal = isJsonObject(given) && Object.hasOwn(given, '__value__') ? given['__value__']! : given;
  let value: JsonValue;
  try {
    value = convert(input.type, literal);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return { error: unconvertible(name, input, literal, pythonStr(literal), error.message) };
  }
  return { value, error: isSelfChecked ? undefined : limitError(profile, name, input, value) };
}

function convert(type: DeclaredInput['type'], value: JsonValue): JsonValue {
  switch (type) {
    case 'INT':
      return pythonInt(value);
    case 'FLOAT':
      return pythonFloat(value);
    case 'STRING':
      return pythonStr(value);
    case 'BOOLEAN':
      return pythonBool(value);
    default:
      return value;
  }
}

function limitError(
  profile: EngineProfile,
  name: string,
  input: DeclaredInput,
  value: JsonValue,
): InputError | undefined {
  for (const side of ['min', 'max'] as const) {
    const limit = input.options[side];
    if (!isNumeric(limit)) continue;
    if (!isNumeric(value)) {
      throw new PythonError(
        'TypeError',
        `'<' not supported between instances of '${pythonTypeName(value)}' and '${pythonTypeName(limit)}'`,
      );
    }
    if (side === 'min' ? value < limit : value > limit) {
      const text = input.type === 'FLOAT' ? (number: number | bigint) => pythonFloatText(Number(number)) : pythonRepr;
      return outOfRange(side, name, input, value, { value: text(value), limit: text(limit) });
    }
  }
  const isNewStyle = typeof input.type === 'string';
  const choices = isNewStyle && !profile.checksComboSpecs ? undefined : comboOptions(input);
  if (choices === undefined || choices.some((choice) => isPythonEqual(choice, value))) return undefined;
  const isLong = choices.length > LONG_COMBO;
  const list = isLong ? `(list of length ${choices.length})` : pythonRepr(choices);
  return notInList(name, input, value, { value: pythonStr(value), list }, isLong);
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** `==` of scalars: in Python, True equals 1. */
function isPythonEqual(a: JsonValue, b: JsonValue): boolean {
  if (typeof a === 'boolean' && typeof b === 'number') return Number(a) === b;
  if (typeof b === 'boolean' && typeof a === 'number') return Number(b) === a;
  return a === b;
}

export type LinkCheck = { readonly sourceId: string; readonly error?: undefined } | { readonly error: InputError };

/** Checks that an array is a link to an output of a fitting type. Throws PythonError where a real server does. */
export function checkLink(
  classes: ReadonlyMap<string, NodeClass>,
  prompt: JsonObject,
  name: string,
  input: DeclaredInput,
  link: JsonValue[],
): LinkCheck {
  if (link.length !== 2) return { error: badLink(name, input, link) };
  const [sourceId, slot] = link as [JsonValue, JsonValue];
  const source = typeof sourceId === 'string' && Object.hasOwn(prompt, sourceId) ? prompt[sourceId] : undefined;
  if (!isJsonObject(source)) {
    if (Array.isArray(sourceId) || isJsonObject(sourceId)) {
      throw new PythonError('TypeError', `unhashable type: '${pythonTypeName(sourceId)}'`);
    }
    throw keyError(pythonRepr(sourceId));
  }
  const { output } = classes.get(String(source['class_type']))!.definition;
  if (typeof slot !== 'number' || !Number.isInteger(slot)) {
    throw new PythonError('TypeError', `tuple indices must be integers or slices, not ${pythonTypeName(slot)}`);
  }
  const receivedType = output.at(slot) as JsonValue | undefined;
  if (receivedType === undefined) throw new PythonError('IndexError', 'tuple index out of range');
  if (isTypeCompatible(receivedType, wantedType(input))) return { sourceId: sourceId as string };
  const texts = { received: pythonStr(receivedType), wanted: pythonStr(input.type) };
  return { error: returnTypeMismatch(name, input, receivedType, link, texts) };
}

const MATCH_TYPE = 'COMFY_MATCHTYPE_V3';

function wantedType(input: DeclaredInput): JsonValue {
  if (input.type !== MATCH_TYPE) return input.type as JsonValue;
  const template = input.options['template'];
  const allowed = isJsonObject(template) ? template['allowed_types'] : undefined;
  return typeof allowed === 'string' ? allowed : '*';
}

/** Identical; or comma lists that share a member; or anything where one side is `*` (comfyui.md 1.3). */
function isTypeCompatible(received: JsonValue, wanted: JsonValue): boolean {
  if (typeof received !== 'string' || typeof wanted !== 'string') {
    // Old-style combos: the same list of choices, or the combo type of newer nodes.
    return (
      received === 'COMBO' ||
      wanted === 'COMBO' ||
      pythonRepr(received) === pythonRepr(wanted) ||
      received === '*' ||
      wanted === '*'
    );
  }
  if (received === wanted || received === MATCH_TYPE) return true;
  const offered = new Set(received.split(',').map((type) => type.trim()));
  const accepted = wanted.split(',').map((type) => type.trim());
  return offered.has('*') || accepted.includes('*') || accepted.some((type) => offered.has(type));
}
