import type { JsonObject, JsonValue } from '../core/json.js';
import type { DeclaredInput } from './input-specs.js';
import type { PythonError } from './python-errors.js';

/** The error objects of a refused prompt, word for word as clients look for them (comfyui.md 1.3). */
export type InputError = {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: JsonObject;
};

export type NodeErrors = Record<
  string,
  { errors: readonly InputError[]; dependent_outputs: string[]; class_type: string }
>;

export function promptError(type: string, message: string, details = ''): InputError {
  return { type, message, details, extra_info: {} };
}

/** `[type, options]`, as the errors repeat it. */
function inputConfig(input: DeclaredInput): JsonValue {
  return [input.type as JsonValue, input.options as JsonObject];
}

export function requiredInputMissing(name: string): InputError {
  return {
    type: 'required_input_missing',
    message: 'Required input is missing',
    details: name,
    extra_info: { input_name: name },
  };
}

export function badLink(name: string, input: DeclaredInput, received: JsonValue): InputError {
  return {
    type: 'bad_linked_input',
    message: 'Bad linked input, must be a length-2 list of [node_id, slot_index]',
    details: name,
    extra_info: { input_name: name, input_config: inputConfig(input), received_value: received },
  };
}

export function returnTypeMismatch(
  name: string,
  input: DeclaredInput,
  receivedType: JsonValue,
  link: JsonValue,
  texts: { readonly received: string; readonly wanted: string },
): InputError {
  return {
    type: 'return_type_mismatch',
    message: 'Return type mismatch between linked nodes',
    details: `${name}, received_type(${texts.received}) mismatch input_type(${texts.wanted})`,
    extra_info: {
      input_name: name,
      input_config: inputConfig(input),
      received_type: receivedType,
      linked_node: link,
    },
  };
}

export function unconvertible(
  name: string,
  input: DeclaredInput,
  received: JsonValue,
  valueText: string,
  reason: string,
): InputError {
  return {
    type: 'invalid_input_type',
    message: `Failed to convert an input value to a ${String(input.type)} value`,
    details: `${name}, ${valueText}, ${reason}`,
    extra_info: {
      input_name: name,
      input_config: inputConfig(input),
      received_value: received,
      exception_message: reason,
    },
  };
}

export function outOfRange(
  side: 'min' | 'max',
  name: string,
  input: DeclaredInput,
  received: JsonValue,
  texts: { readonly value: string; readonly limit: string },
): InputError {
  const compared = side === 'min' ? 'smaller than min of' : 'bigger than max of';
  return {
    type: side === 'min' ? 'value_smaller_than_min' : 'value_bigger_than_max',
    message: `Value ${texts.value} ${compared} ${texts.limit}`,
    details: name,
    extra_info: { input_name: name, input_config: inputConfig(input), received_value: received },
  };
}

export function notInList(
  name: string,
  input: DeclaredInput,
  received: JsonValue,
  texts: { readonly value: string; readonly list: string },
  isLongList: boolean,
): InputError {
  return {
    type: 'value_not_in_list',
    message: 'Value not in list',
    details: `${name}: '${texts.value}' not in ${texts.list}`,
    extra_info: {
      input_name: name,
      input_config: isLongList ? null : inputConfig(input),
      received_value: received,
    },
  };
}

export function customValidationFailed(name: string, reason: string): InputError {
  return {
    type: 'custom_validation_failed',
    message: 'Custom validation failed for node',
    details: reason === '' ? name : `${name} - ${reason}`,
    extra_info: { input_name: name },
  };
}

export function innerException(name: string, input: DeclaredInput, link: JsonValue, error: PythonError): InputError {
  return {
    type: 'exception_during_inner_validation',
    message: 'Exception when validating inner node',
    details: error.message,
    extra_info: {
      input_name: name,
      input_config: inputConfig(input),
      exception_message: error.message,
      exception_type: error.type,
      traceback: error.traceback('validate_inputs'),
      linked_node: link,
    },
  };
}

export function outputException(error: PythonError): InputError {
  return {
    type: 'exception_during_validation',
    message: 'Exception when validating node',
    details: error.message,
    extra_info: { exception_type: error.type, traceback: error.traceback('validate_prompt') },
  };
}
