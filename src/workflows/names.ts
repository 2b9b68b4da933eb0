import { WorkflowError } from '../core/errors.js';

/** Names of workflows stand in addresses and on command lines; those of inputs in forms, JSON and code. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._+-]{0,99}$/u;
const LABEL = /^[a-z][a-z0-9_-]{0,39}$/;
const CONTEXT = /^[a-z][a-z0-9_-]{0,39}$/;
const TYPE = /^[A-Z0-9][A-Z0-9_+]{0,39}$/;

export const NAME_RULE = 'up to 100 letters, digits, ".", "_", "+" and "-", the first a letter or digit';
export const LABEL_RULE = 'up to 40 lower-case letters, digits, "_" and "-", the first a letter';

export function isWorkflowName(text: string): boolean {
  return NAME.test(text);
}

/** A label must not look like a version: not a number, and not a hash. */
export function isLabel(text: string): boolean {
  return LABEL.test(text) && text !== 'latest' && !/^v?\d+$|^[0-9a-f]{8,64}$/.test(text);
}

export function isContext(text: string): boolean {
  return CONTEXT.test(text);
}

/** The name of a workflow from that of its file: `My picture (2).json` is `My-picture-2`. */
export function nameOfFile(fileName: string): string {
  const base = fileName.replace(/^.*[\\/]/, '').replace(/(\.easel)?\.[A-Za-z0-9]{1,5}$/, '');
  const name = base
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}._+]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+|-+$/gu, '');
  return [...name].slice(0, 100).join('') || 'workflow';
}

/** Throws WorkflowError `workflow_manifest_invalid`. */
export function requireWorkflowName(text: string): string {
  const name = text.normalize('NFC');
  if (isWorkflowName(name)) return name;
  throw new WorkflowError('workflow_manifest_invalid', `"${name.slice(0, 100)}" cannot be the name of a workflow.`, {
    hint: `Use ${NAME_RULE}.`,
    details: { field: 'name' },
  });
}

/** Other words for the usual types. A type that is not among them is taken as it is. */
const TYPE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['T2I', 'MAKE'],
  ['TXT2IMG', 'MAKE'],
  ['TEXT2IMG', 'MAKE'],
  ['TEXT_TO_IMAGE', 'MAKE'],
  ['IMG2IMG', 'I2I'],
  ['IMAGE_TO_IMAGE', 'I2I'],
  ['UPSCALING', 'UPSCALE'],
  ['INPAINTING', 'INPAINT'],
  ['TXT2VID', 'T2V'],
  ['TEXT_TO_VIDEO', 'T2V'],
  ['IMG2VID', 'I2V'],
  ['IMAGE_TO_VIDEO', 'I2V'],
]);

/** `text-to-image` and `txt2img` are MAKE. Null for what cannot be a type. */
export function normalType(text: string): string | null {
  const upper = text
    .trim()
    .toUpperCase()
    .replaceAll(/[\s-]+/g, '_');
  if (!TYPE.test(upper)) return null;
  return TYPE_ALIASES.get(upper) ?? upper;
}
