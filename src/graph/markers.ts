import type { JsonValue } from '../core/json.js';
import { isJsonObject, parseLossless } from '../core/json.js';
import type { GraphNode } from './types.js';

/**
 * What the author of a workflow marked as an input: nodes made for that purpose (`comfydeploy.md` 6.1), widgets called
 * `input_…`, and node titles that begin with a marker: `$name` or `input: name`, or are an `input_…` name themselves.
 */
export interface ExternalNode {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'choice' | 'file';
  readonly mediaKind?: 'image' | 'video' | 'audio' | 'file';
  /** The field that receives the value in addition to `input_id`; null where `input_id` itself carries it. */
  readonly setBy: string | null;
  /** Where the value in absence of another stands. */
  readonly defaultFrom: string | null;
}

const external = (
  type: ExternalNode['type'],
  setBy: string | null,
  defaultFrom: string | null,
  mediaKind?: ExternalNode['mediaKind'],
): ExternalNode => ({ type, setBy, defaultFrom, ...(mediaKind === undefined ? {} : { mediaKind }) });

const EXTERNAL_PREFIX = 'ComfyUIDeployExternal';

const EXTERNAL_NODES: ReadonlyMap<string, ExternalNode> = new Map([
  ['Text', external('string', 'default_value', 'default_value')],
  ['TextAny', external('string', 'default_value', 'default_value')],
  ['TextSingleLine', external('string', 'default_value', 'default_value')],
  ['Image', external('file', null, 'default_value_url', 'image')],
  ['ImageAlpha', external('file', null, 'default_value_url', 'image')],
  ['ImageBatch', external('file', 'images', 'images', 'image')],
  ['Number', external('number', null, 'default_value')],
  ['NumberInt', external('integer', null, 'default_value')],
  ['NumberSlider', external('number', null, 'default_value')],
  ['NumberSliderInt', external('integer', null, 'default_value')],
  ['Seed', external('integer', 'default_value', 'default_value')],
  ['Boolean', external('boolean', 'default_value', 'default_value')],
  ['Enum', external('choice', 'default_value', 'default_value')],
  ['Lora', external('string', 'lora_url', 'lora_url')],
  ['Checkpoint', external('string', 'default_value', 'default_value')],
  ['FaceModel', external('string', 'face_model_url', 'face_model_url')],
  ['Video', external('file', null, 'default_value_url', 'video')],
  ['Vid', external('file', null, 'default_value', 'video')],
  ['Audio', external('file', 'audio_file', 'audio_file', 'audio')],
  ['EXR', external('file', 'exr_file', 'exr_file', 'image')],
  ['File', external('file', 'file_url', 'file_url', 'file')],
]);

/** Undefined for nodes that are not made to be an input. An unknown kind counts as a text. */
export function externalNode(node: GraphNode): ExternalNode | undefined {
  if (!node.class_type.startsWith(EXTERNAL_PREFIX) || typeof node.inputs['input_id'] !== 'string') return undefined;
  const kind = node.class_type.slice(EXTERNAL_PREFIX.length);
  return EXTERNAL_NODES.get(kind) ?? external('string', 'default_value', 'default_value');
}

/** Choices of an enum node: JSON text of a list. */
export function externalChoices(node: GraphNode): JsonValue[] | undefined {
  const options = node.inputs['options'];
  if (typeof options !== 'string') return undefined;
  try {
    const list = parseLossless(options);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

const TITLE_MARKER = /^\s*(?:\$|input\s*:\s*)([A-Za-z_][\w-]*)\s*(.*)$/is;
const INPUT_NAME = /^input_\w+$/i;

export interface TitleMarker {
  readonly name: string;
  /** What follows the name in the title. */
  readonly description: string | null;
}

export function titleMarker(title: string | undefined): TitleMarker | null {
  if (title === undefined) return null;
  const trimmed = title.trim();
  if (INPUT_NAME.test(trimmed)) return { name: trimmed, description: null };
  const match = TITLE_MARKER.exec(title);
  if (match === null) return null;
  const description = match[2]!.replace(/^[\s:,.\-–]+/, '').trim();
  return { name: match[1]!, description: description === '' ? null : description };
}

export function isMarkedInput(input: string): boolean {
  return INPUT_NAME.test(input) && input !== 'input_id';
}

/** A literal as the caller would write it: wrapped lists are unwrapped. */
export function plainLiteral(value: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(value) && Array.isArray(value['__value__']) ? value['__value__'] : value;
}
