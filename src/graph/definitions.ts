import { isJsonObject, type JsonValue } from '../core/json.js';
import type { InputSpec, NodeDefinition, NodeDefinitions } from './types.js';

/**
 * Reading node definitions (`comfyui.md` 1.9, 4.4 step 2).
 *
 * - socket   an input that only takes a link
 * - widget   an input that holds a literal (and may be linked instead)
 * - choices  what a combo offers; undefined when the server does not say (remote lists)
 */
export interface InputDefinition {
  readonly name: string;
  /** `COMBO` for both combo forms; `widgetType` of the options wins over the declared type. */
  readonly type: string;
  readonly required: boolean;
  readonly options: Readonly<Record<string, JsonValue>>;
  readonly choices?: readonly JsonValue[];
}

const WIDGET_TYPES = new Set([
  'COMBO',
  'INT',
  'FLOAT',
  'STRING',
  'BOOLEAN',
  'COMFY_DYNAMICCOMBO_V3',
  'IMAGEUPLOAD',
  'AUDIOUPLOAD',
  'AUDIO_UI',
  'AUDIO_RECORD',
  'WEBCAM',
  'LOAD_3D',
  'LOAD_3D_ANIMATION',
  'COLOR',
  'MARKDOWN',
  'TEXTAREA',
  'CURVE',
  'IMAGECOMPARE',
]);

/** Widgets of the ComfyUI window that never reach the graph: buttons and players. */
const INTERFACE_ONLY_TYPES = new Set(['IMAGEUPLOAD', 'AUDIOUPLOAD', 'AUDIO_UI', 'IMAGECOMPARE']);

/** Widgets whose value the ComfyUI window makes (records, photographs, renders) while it queues. */
const CAPTURE_TYPES = new Set(['WEBCAM', 'AUDIO_RECORD', 'LOAD_3D', 'LOAD_3D_ANIMATION']);

export function isWidget(input: InputDefinition): boolean {
  return WIDGET_TYPES.has(input.type) && !isForcedSocket(input);
}

export function isForcedSocket(input: InputDefinition): boolean {
  return Boolean(input.options['forceInput']);
}

export function isInterfaceOnly(input: InputDefinition): boolean {
  return INTERFACE_ONLY_TYPES.has(input.type);
}

export function isCaptureWidget(input: InputDefinition): boolean {
  return CAPTURE_TYPES.has(input.type);
}

/** The value is a file that the user uploads, so the list of the definition is only what was there when it was asked. */
export function isUpload(input: InputDefinition): boolean {
  const { options } = input;
  return UPLOAD_OPTIONS.some((option) => Boolean(options[option]));
}

const UPLOAD_OPTIONS = [
  'image_upload',
  'video_upload',
  'animated_image_upload',
  'audio_upload',
  'file_upload',
] as const;

/**
 * Definitions by class, with the parsed inputs of each kept. Make one per operation: `/object_info` of a real server has
 * thousands of classes, of which a graph uses a dozen.
 */
export class DefinitionIndex {
  readonly #definitions: NodeDefinitions;
  readonly #inputs = new Map<NodeDefinition, readonly InputDefinition[]>();
  #keepOrder: boolean | undefined;

  constructor(definitions: NodeDefinitions) {
    this.#definitions = definitions;
  }

  /** Undefined for an unknown class; safe for names such as `constructor`. */
  get(className: string): NodeDefinition | undefined {
    return Object.hasOwn(this.#definitions, className) ? this.#definitions[className] : undefined;
  }

  classNames(): string[] {
    return Object.keys(this.#definitions);
  }

  /** Required inputs, then optional ones, each in the order of the server. */
  inputs(definition: NodeDefinition): readonly InputDefinition[] {
    let inputs = this.#inputs.get(definition);
    if (inputs === undefined) {
      inputs = readInputs(definition);
      this.#inputs.set(definition, inputs);
    }
    return inputs;
  }

  input(className: string, inputName: string): InputDefinition | undefined {
    const definition = this.get(className);
    if (definition === undefined) return undefined;
    return this.inputs(definition).find(({ name }) => name === inputName) ?? this.#nestedInput(definition, inputName);
  }

  /**
   * False when the definitions went through a program that sorts keys: top-level inputs keep their order in
   * `input_order`, but that of nested inputs is lost.
   */
  get keepOrder(): boolean {
    this.#keepOrder ??= !Object.values(this.#definitions).some(hasSortedKeys);
    return this.#keepOrder;
  }

  /** `resize_type.width` is declared inside the options of the dynamic combo `resize_type`, whichever option is chosen. */
  #nestedInput(definition: NodeDefinition, dottedName: string): InputDefinition | undefined {
    let candidates = this.inputs(definition);
    const parts = dottedName.split('.');
    for (let end = 1; end < parts.length; end++) {
      const parent = candidates.find(({ name }) => name === parts.slice(0, end).join('.'));
      if (parent === undefined) return undefined;
      candidates = dynamicOptions(parent).flatMap(({ inputs }) => inputs);
    }
    return candidates.find(({ name }) => name === dottedName);
  }
}

function hasSortedKeys(definition: NodeDefinition): boolean {
  const names = Object.keys(definition.input?.required ?? {});
  const stated = definition.input_order?.required;
  return Array.isArray(stated) && stated.length === names.length && stated.some((name, index) => name !== names[index]);
}

function readInputs(definition: NodeDefinition): InputDefinition[] {
  return readInputGroups(definition.input, definition.input_order);
}

interface InputGroups {
  readonly required?: unknown;
  readonly optional?: unknown;
}

/** `prefix` is put before every name: nested inputs of dynamic types are dotted. */
function readInputGroups(
  groups: InputGroups | undefined,
  order: InputGroups | undefined,
  prefix = '',
): InputDefinition[] {
  const inputs: InputDefinition[] = [];
  for (const group of ['required', 'optional'] as const) {
    const specs = groups?.[group];
    if (!isJsonObject(specs)) continue;
    for (const name of inOrder(Object.keys(specs), order?.[group])) {
      const input = readInput(`${prefix}${name}`, specs[name], group === 'required');
      if (input !== undefined) inputs.push(input);
    }
  }
  return inputs;
}

/** The stated order first, then what it forgot. */
function inOrder(names: string[], order: unknown): string[] {
  if (!Array.isArray(order)) return names;
  const known = new Set(names);
  const stated = order.filter((name): name is string => typeof name === 'string' && known.delete(name));
  return [...stated, ...known];
}

function readInput(name: string, spec: unknown, required: boolean): InputDefinition | undefined {
  if (!Array.isArray(spec)) return undefined;
  const [declared, rawOptions] = spec as unknown as InputSpec;
  const options = isJsonObject(rawOptions) ? rawOptions : {};
  if (Array.isArray(declared)) return { name, type: 'COMBO', required, options, choices: declared };
  if (typeof declared !== 'string') return undefined;
  const override = options['widgetType'];
  const type = typeof override === 'string' ? override : declared;
  const choices = options['options'];
  if (type === 'COMBO' && Array.isArray(choices)) return { name, type, required, options, choices };
  return { name, type, required, options };
}

export interface DynamicOption {
  readonly key: JsonValue;
  /** With dotted names. */
  readonly inputs: readonly InputDefinition[];
}

/** The alternatives of a `COMFY_DYNAMICCOMBO_V3` input, each with the inputs that it brings. */
export function dynamicOptions(input: InputDefinition): DynamicOption[] {
  const options = input.options['options'];
  if (input.type !== 'COMFY_DYNAMICCOMBO_V3' || !Array.isArray(options)) return [];
  return options.filter(isJsonObject).map((option) => ({
    key: option['key'] ?? null,
    inputs: readInputGroups(option['inputs'] as InputGroups | undefined, undefined, `${input.name}.`),
  }));
}

/** The inputs that a connected `COMFY_DYNAMICSLOT_V3` brings. */
export function dynamicSlotInputs(input: InputDefinition): InputDefinition[] {
  if (input.type !== 'COMFY_DYNAMICSLOT_V3') return [];
  return readInputGroups(input.options['inputs'] as InputGroups | undefined, undefined, `${input.name}.`);
}

/** What one repetition of a `COMFY_AUTOGROW_V3` input looks like, and its fixed names where it has them. */
export function autogrowTemplate(
  input: InputDefinition,
): { element: InputDefinition; names?: readonly string[] } | null {
  if (input.type !== 'COMFY_AUTOGROW_V3') return null;
  const template = input.options['template'];
  if (!isJsonObject(template)) return null;
  const element = readInputGroups(template['input'] as InputGroups | undefined, undefined)[0];
  if (element === undefined) return null;
  const names = template['names'];
  return Array.isArray(names) ? { element, names: names.map(String) } : { element };
}

/** Type of an output as links compare it. */
export function outputType(definition: NodeDefinition, slot: number): string | undefined {
  const type = definition.output?.[slot];
  if (type === undefined) return undefined;
  return typeof type === 'string' ? type : 'COMBO';
}
