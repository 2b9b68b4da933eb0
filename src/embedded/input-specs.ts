import type { JsonValue } from '../core/json.js';
import { isJsonObject } from '../core/json.js';
import type { InputSpec, NodeDefinition } from '../graph/types.js';

/**
 * The inputs that a node of a prompt may have, by name in declaration order. Plain inputs come from the definition; the
 * dynamic types of newer nodes add dotted names that depend on what the prompt gives (comfyui.md 1.9):
 * `COMFY_DYNAMICCOMBO_V3` adds the inputs of the chosen option, `COMFY_AUTOGROW_V3` a numbered or named row of inputs.
 */
export interface DeclaredInput {
  readonly category: 'required' | 'optional';
  readonly type: string | readonly JsonValue[];
  readonly options: Readonly<Record<string, JsonValue>>;
}

/** More than any core node declares; a prompt cannot make the engine build an endless row. */
const MAX_GROWN_INPUTS = 200;

export function declaredInputs(
  definition: NodeDefinition,
  given: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, DeclaredInput> {
  const inputs = new Map<string, DeclaredInput>();
  for (const category of ['required', 'optional'] as const) {
    for (const [name, spec] of Object.entries(definition.input[category] ?? {})) {
      add(inputs, name, category, spec, given);
    }
  }
  return inputs;
}

function add(
  inputs: Map<string, DeclaredInput>,
  name: string,
  category: DeclaredInput['category'],
  [type, options = {}]: InputSpec,
  given: Readonly<Record<string, unknown>>,
): void {
  if (type === 'COMFY_AUTOGROW_V3') {
    addGrown(inputs, name, category, options, given);
    return;
  }
  inputs.set(name, { category, type, options });
  if (type === 'COMFY_DYNAMICCOMBO_V3') addChosen(inputs, name, options, given);
}

function addChosen(
  inputs: Map<string, DeclaredInput>,
  name: string,
  options: Readonly<Record<string, JsonValue>>,
  given: Readonly<Record<string, unknown>>,
): void {
  const choices = Array.isArray(options['options']) ? options['options'].filter(isJsonObject) : [];
  const chosen = choices.find((choice) => choice['key'] === given[name]);
  if (chosen === undefined || !isJsonObject(chosen['inputs'])) return;
  for (const category of ['required', 'optional'] as const) {
    for (const [inner, spec] of specsOf(chosen['inputs'][category])) {
      add(inputs, `${name}.${inner}`, category, spec, given);
    }
  }
}

function addGrown(
  inputs: Map<string, DeclaredInput>,
  name: string,
  category: DeclaredInput['category'],
  options: Readonly<Record<string, JsonValue>>,
  given: Readonly<Record<string, unknown>>,
): void {
  const template = options['template'];
  if (!isJsonObject(template) || !isJsonObject(template['input'])) return;
  const required = specsOf(template['input']['required']);
  const [, spec] = required[0] ?? specsOf(template['input']['optional'])[0] ?? [];
  if (spec === undefined) return;
  const minimum = typeof template['min'] === 'number' ? template['min'] : 0;
  grownNames(template).forEach((inner, index) => {
    const needed = category === 'required' && required.length > 0 && index < minimum;
    const dotted = `${name}.${inner}`;
    if (needed || Object.hasOwn(given, dotted)) add(inputs, dotted, needed ? 'required' : 'optional', spec, given);
  });
}

function grownNames(template: Readonly<Record<string, JsonValue>>): string[] {
  if (Array.isArray(template['names'])) return template['names'].map(String);
  const prefix = typeof template['prefix'] === 'string' ? template['prefix'] : '';
  const maximum = typeof template['max'] === 'number' ? Math.min(template['max'], MAX_GROWN_INPUTS) : MAX_GROWN_INPUTS;
  return Array.from({ length: maximum }, (_, index) => `${prefix}${index}`);
}

function specsOf(value: JsonValue | undefined): [string, InputSpec][] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, [string, Record<string, JsonValue>]] =>
    Array.isArray(entry[1]),
  );
}

/** The choices of a combo in either notation; undefined for other types and for combos that are filled elsewhere. */
export function comboOptions(input: DeclaredInput): readonly JsonValue[] | undefined {
  if (typeof input.type !== 'string') return input.type;
  if (input.type === 'COMBO' && Array.isArray(input.options['options'])) return input.options['options'];
  return undefined;
}
