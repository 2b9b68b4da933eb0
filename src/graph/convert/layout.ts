import type { JsonValue } from '../../core/json.js';
import {
  autogrowTemplate,
  dynamicSlotInputs,
  type InputDefinition,
  isForcedSocket,
  isInterfaceOnly,
  isUpload,
  isWidget,
} from '../definitions.js';
import type { NodeDefinition } from '../types.js';
import type { UiNode } from './model.js';

/**
 * Which widgets a node has, in the order in which `widgets_values` lists them (`comfyui.md` 4.4 steps 2 and 3).
 *
 * - widget   its value goes into the graph
 * - button   upload buttons and players: they may occupy a slot and never reach the graph
 * - forced   a `forceInput` socket: occupies a slot in files from before front end 1.16
 * - custom   an input of a type that this code does not know and the file shows no socket for: perhaps a widget of a
 *            custom node
 */
export interface LayoutItem {
  readonly kind: 'widget' | 'button' | 'forced' | 'custom';
  readonly input: InputDefinition;
  /** A slot with a word such as `randomize` follows. */
  readonly controlled: boolean;
}

export interface Layout {
  readonly required: readonly LayoutItem[];
  readonly optional: readonly LayoutItem[];
  /** Buttons that the front end adds by itself; where it puts them has changed. */
  readonly addedButtons: readonly LayoutItem[];
}

const CLASSES_WITH_PLAYER = new Set(['LoadAudio', 'PreviewAudio', 'SaveAudio', 'SaveAudioMP3', 'SaveAudioOpus']);

export function nodeLayout(node: UiNode, definition: NodeDefinition, inputs: readonly InputDefinition[]): Layout {
  const required: LayoutItem[] = [];
  const optional: LayoutItem[] = [];
  for (const input of inputs) {
    for (const item of itemsOf(node, input)) (input.required ? required : optional).push(item);
  }
  if (definition.name === 'CustomCombo') required.push(...customComboItems(node));
  return { required, optional, addedButtons: addedButtons(definition, inputs) };
}

/**
 * The window adds the list that the user typed to a custom combo, as `option1`, `option2`, …, in newer versions after the
 * index of the choice. No definition mentions them.
 */
function customComboItems(node: UiNode): LayoutItem[] {
  const stored = Array.isArray(node.widgetValues) ? node.widgetValues.slice(1) : [];
  const item = (name: string, type: string): LayoutItem =>
    itemOf('widget', { name, type, required: false, options: {} });
  const index = typeof stored[0] === 'number' ? [item('index', 'INT')] : [];
  const options = stored.slice(index.length).map((_, position) => item(`option${position + 1}`, 'STRING'));
  return [...index, ...options];
}

/** A layout without a node behind it: promoted widgets of a subgraph, widgets of a group node. */
export function plainLayout(inputs: readonly InputDefinition[]): Layout {
  return { required: inputs.map((input) => itemOf('widget', input)), optional: [], addedButtons: [] };
}

function itemsOf(node: UiNode, input: InputDefinition): LayoutItem[] {
  if (isInterfaceOnly(input)) return [itemOf('button', input)];
  if (isForcedSocket(input)) return [itemOf('forced', input)];
  if (isWidget(input)) return [itemOf('widget', input)];
  if (input.type === 'COMFY_AUTOGROW_V3') return autogrowItems(node, input);
  if (input.type === 'COMFY_DYNAMICSLOT_V3') return dynamicSlotItems(node, input);
  const slot = node.inputs.find(({ name }) => name === input.name);
  if (slot?.widget != null) return [itemOf('widget', input)];
  // Sockets are always listed in the file, so an unlisted input of unknown type may be a custom widget.
  return slot === undefined && !input.type.startsWith('COMFY_') ? [itemOf('custom', input)] : [];
}

/** Repetitions that hold widgets: as many as the file shows. */
function autogrowItems(node: UiNode, input: InputDefinition): LayoutItem[] {
  const template = autogrowTemplate(input);
  if (template === null || !isWidget(template.element)) return [];
  return node.inputs
    .filter(({ name, widget }) => widget !== null && name.startsWith(`${input.name}.`))
    .map(({ name }) => itemOf('widget', { ...template.element, name, required: false }));
}

function dynamicSlotItems(node: UiNode, input: InputDefinition): LayoutItem[] {
  const connected = node.inputs.some(({ name, link }) => name === input.name && link !== null);
  return connected ? dynamicSlotInputs(input).flatMap((nested) => itemsOf(node, nested)) : [];
}

export function itemOf(kind: LayoutItem['kind'], input: InputDefinition): LayoutItem {
  return { kind, input, controlled: kind === 'widget' && isControlled(input) };
}

/** Stated by the option, or implied for seeds where the option is absent. */
function isControlled(input: InputDefinition): boolean {
  const option = input.options['control_after_generate'];
  if (option !== undefined) return Boolean(option);
  const lastName = input.name.split('.').at(-1);
  return input.type === 'INT' && (lastName === 'seed' || lastName === 'noise_seed');
}

function addedButtons(definition: NodeDefinition, inputs: readonly InputDefinition[]): LayoutItem[] {
  const button = (name: string, type: string): LayoutItem =>
    itemOf('button', { name, type, required: false, options: {} });
  const added: LayoutItem[] = [];
  if (CLASSES_WITH_PLAYER.has(definition.name)) added.push(button('audioUI', 'AUDIO_UI'));
  if (inputs.some((input) => input.required && isUpload(input))) added.push(button('upload', 'IMAGEUPLOAD'));
  return added;
}

/** What a button leaves in its slot: nothing, an empty text, or the name of the widget that it fills. */
export function fitsButton(value: JsonValue): boolean {
  return value === null || typeof value === 'string';
}
