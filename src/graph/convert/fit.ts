import type { JsonValue } from '../../core/json.js';
import { dynamicOptions, type InputDefinition, isUpload } from '../definitions.js';

/**
 * Does a stored value fit an input? (`comfyui.md` 4.4 step 4.)
 *
 * - good    of the right type, and a choice that the combo offers
 * - loose   the server can convert it, or the combo does not list it here (a model that this backend lacks)
 * - wrong   of another type: a sign that values and inputs are not aligned
 */
export type Fit = 'good' | 'loose' | 'wrong';

export function fitOf(value: JsonValue, input: InputDefinition): Fit {
  // An absent number is written as NaN by some writers, which JSON turns into null; holes are null as well.
  if (value === null) return 'loose';
  switch (input.type) {
    case 'INT':
    case 'FLOAT':
      if (typeof value === 'number' || typeof value === 'bigint') return 'good';
      return isNumericText(value) ? 'loose' : 'wrong';
    case 'BOOLEAN':
      return typeof value === 'boolean' ? 'good' : 'wrong';
    case 'STRING':
      if (typeof value === 'string') return 'good';
      return typeof value === 'object' || typeof value === 'boolean' ? 'wrong' : 'loose';
    case 'COMBO':
      return fitOfChoice(value, input);
    case 'COMFY_DYNAMICCOMBO_V3':
      return fitOfDynamicChoice(value, input);
    default:
      return 'good';
  }
}

/** Of a node class that the definitions lack only the type is known, by what the file shows. */
function fitOfDynamicChoice(value: JsonValue, input: InputDefinition): Fit {
  const options = dynamicOptions(input);
  if (options.length === 0) return typeof value === 'string' ? 'loose' : 'wrong';
  return options.some(({ key }) => key === value) ? 'good' : 'wrong';
}

function fitOfChoice(value: JsonValue, input: InputDefinition): Fit {
  const { choices } = input;
  if (Array.isArray(value)) return input.options['multiselect'] || input.options['multi_select'] ? 'good' : 'wrong';
  if (typeof value === 'object') return 'wrong';
  if (choices === undefined || isUpload(input)) return typeof value === 'string' ? 'good' : 'wrong';
  if (choices.includes(value)) return 'good';
  // A list that is empty here says nothing about the type of its members.
  const sameType = choices.length === 0 || choices.some((choice) => typeof choice === typeof value);
  return sameType ? 'loose' : 'wrong';
}

function isNumericText(value: JsonValue): boolean {
  return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
}

const CONTROL_WORDS = new Set(['fixed', 'increment', 'decrement', 'randomize', 'increment-wrap']);

/** A value of `control_after_generate`. */
export function isControlWord(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && CONTROL_WORDS.has(value);
}

/**
 * What a fresh widget holds: the declared default, else the first choice, else the neutral value of its type. Undefined
 * when there is nothing to start from.
 */
export function defaultOf(input: InputDefinition): JsonValue | undefined {
  const declared = input.options['default'];
  if (declared !== undefined && declared !== null) return declared;
  switch (input.type) {
    case 'COMBO':
      return input.choices?.[0];
    case 'COMFY_DYNAMICCOMBO_V3':
      return dynamicOptions(input)[0]?.key;
    case 'INT':
    case 'FLOAT':
      return neutralNumber(input.options['min'], input.options['max']);
    case 'STRING':
      return '';
    case 'BOOLEAN':
      return false;
    default:
      return undefined;
  }
}

function neutralNumber(min: JsonValue | undefined, max: JsonValue | undefined): JsonValue {
  if (typeof min === 'number' && min > 0) return min;
  if (typeof max === 'number' && max < 0) return max;
  return 0;
}
