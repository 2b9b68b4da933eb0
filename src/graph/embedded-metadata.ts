import { isJsonObject, type JsonValue } from '../core/json.js';
import { type TextFields, textOf } from './metadata/bytes.js';
import { isJpeg, isWebp, jpegTexts, webpExifBlocks } from './metadata/containers.js';
import { readExifTexts } from './metadata/exif.js';
import { isPng, readPngText } from './metadata/png.js';
import {
  detectFormat,
  joinGraphAndWorkflow,
  type LoadedWorkflow,
  notAWorkflow,
  type ParseOptions,
  parseJsonText,
  parseWorkflowText,
} from './parse.js';

/**
 * Graphs and workflows that ComfyUI embeds in the pictures it saves (`comfyui.md` 5), and the entry for files of any
 * accepted kind.
 */
export type WorkflowFileKind = 'png' | 'webp' | 'jpeg' | 'json';

const DEFAULT_MAX_METADATA_BYTES = 16 * 1024 * 1024;

/** Texts of unknown meaning that are tried as JSON. */
const MAX_UNNAMED_TEXTS = 16;

export interface EmbeddedOptions extends ParseOptions {
  /** Bound of the texts taken from a picture, unpacked. */
  readonly maxMetadataBytes?: number;
}

/** By signature; whatever is not a picture counts as text. */
export function sniffWorkflowFile(bytes: Uint8Array): WorkflowFileKind {
  if (isPng(bytes)) return 'png';
  if (isWebp(bytes)) return 'webp';
  if (isJpeg(bytes)) return 'jpeg';
  return 'json';
}

/** A workflow file as people have it: JSON text, or a picture with an embedded workflow. Throws as the readers below. */
export function loadWorkflow(bytes: Uint8Array, options: EmbeddedOptions = {}): LoadedWorkflow {
  if (bytes.length === 0) throw notAWorkflow(options, 'is empty');
  if (sniffWorkflowFile(bytes) !== 'json') return readEmbeddedWorkflow(bytes, options);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw notAWorkflow(options, 'is neither text nor a PNG, WebP or JPEG picture', error);
  }
  return parseWorkflowText(text, options);
}

/**
 * Reads the workflow embedded in a PNG, WebP or JPEG. With a graph and a workflow inside, the graph is what ran and is
 * returned for execution, the workflow for embedding. Integers survive to the last digit; `is_changed` is dropped.
 *
 * Throws GraphError `file_not_a_workflow` for anything that holds none, damaged files included, and `graph_invalid` when
 * a graph is there but malformed and no workflow can stand in.
 */
export function readEmbeddedWorkflow(bytes: Uint8Array, options: EmbeddedOptions = {}): LoadedWorkflow {
  const fields = readFields(bytes, options.maxMetadataBytes ?? DEFAULT_MAX_METADATA_BYTES);
  const prompt = parseField(fields.get('prompt'), options);
  const workflow = parseField(fields.get('workflow'), options);
  const joined = join(prompt, workflow);
  if (joined !== null) return joined;
  for (const text of [...fields.values()].slice(0, MAX_UNNAMED_TEXTS)) {
    const value = parseField(text, options);
    if (!isJsonObject(value)) continue;
    if (detectFormat(value) === 'ui') return { format: 'ui', workflow: value };
    const found = join(detectFormat(value) === 'api' ? value : value['prompt'], value['workflow']);
    if (found !== null) return found;
  }
  const cutOff = prompt === undefined && fields.has('prompt') ? ' (its prompt is not valid JSON)' : '';
  throw notAWorkflow(options, `is a picture without an embedded ComfyUI workflow${cutOff}`);
}

/** A malformed graph beside a workflow is not the end: the workflow can be converted again. */
function join(prompt: JsonValue | undefined, workflow: JsonValue | undefined): LoadedWorkflow | null {
  try {
    return joinGraphAndWorkflow(nested(prompt), nested(workflow));
  } catch (error) {
    const fallback = joinGraphAndWorkflow(undefined, nested(workflow));
    if (fallback === null) throw error;
    return fallback;
  }
}

/** JSON inside JSON: some savers write the prompt as a string. */
function nested(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === 'string' ? parseField(value, {}) : value;
}

/** Undefined for texts that are not JSON objects; a JSON string that holds one counts as that object. */
function parseField(text: string | undefined, options: ParseOptions): JsonValue | undefined {
  if (text === undefined) return undefined;
  try {
    if (/^\s*\{/.test(text)) return parseJsonText(text, options);
    const unquoted: unknown = /^\s*"\s*\{/.test(text) ? JSON.parse(text) : undefined;
    return typeof unquoted === 'string' ? parseJsonText(unquoted, options) : undefined;
  } catch {
    return undefined;
  }
}

function readFields(bytes: Uint8Array, maxBytes: number): TextFields {
  switch (sniffWorkflowFile(bytes)) {
    case 'png':
      return readPngText(bytes, maxBytes);
    case 'webp':
      return fieldsOfTexts(webpExifBlocks(bytes).flatMap((block) => readExifTexts(block, maxBytes)));
    case 'jpeg': {
      const { exif, comments } = jpegTexts(bytes);
      return fieldsOfTexts([...exif.flatMap((block) => readExifTexts(block, maxBytes)), ...comments.map(textOf)]);
    }
    default:
      return new Map();
  }
}

/** `prompt:{…}` becomes a field of that name; other texts are kept under a number, in case they are JSON themselves. */
function fieldsOfTexts(texts: readonly string[]): TextFields {
  const fields: TextFields = new Map();
  texts.forEach((text, index) => {
    const named = /^\s*(prompt|workflow)\s*:\s*(?=\{)/i.exec(text);
    if (named === null) fields.set(`text ${index}`, text);
    else fields.set(named[1]!.toLowerCase(), text.slice(named[0].length));
  });
  return fields;
}
