import { isJsonObject, type JsonValue } from '../core/json.js';
import type { UiWorkflow } from '../graph/index.js';

const NOTE_TYPES: ReadonlySet<JsonValue | undefined> = new Set(['Note', 'MarkdownNote']);
/** A note whose title names an input is about that input. */
const ABOUT_INPUT = /^\s*(?:\$|input\s*:\s*)([A-Za-z_][\w-]*)|^\s*(input_\w+)\s*$/i;
const MAX_CHARS = 10_000;

export interface Notes {
  /** Of the workflow as a whole; null without any. */
  readonly description: string | null;
  /** By input. */
  readonly inputs: ReadonlyMap<string, string>;
}

/** What the author wrote on the canvas, from top to bottom. */
export function notesOf(workflow: UiWorkflow | null): Notes {
  const inputs = new Map<string, string>();
  const texts: string[] = [];
  for (const { title, text } of readNotes(workflow)) {
    const about = ABOUT_INPUT.exec(title);
    const name = about?.[1] ?? about?.[2];
    if (name === undefined) texts.push(text);
    else inputs.set(name, [inputs.get(name), text].filter(Boolean).join('\n\n'));
  }
  return { description: texts.length === 0 ? null : texts.join('\n\n').slice(0, MAX_CHARS), inputs };
}

function readNotes(workflow: UiWorkflow | null): { readonly title: string; readonly text: string }[] {
  const nodes = workflow?.['nodes'];
  if (!Array.isArray(nodes)) return [];
  return nodes
    .filter(isJsonObject)
    .filter((node) => NOTE_TYPES.has(node['type']))
    .map((node) => ({
      at: heightOf(node['pos']),
      title: textOf(node['title']),
      text: noteText(node['widgets_values']),
    }))
    .filter(({ text }) => text !== '')
    .sort((a, b) => a.at - b.at);
}

function heightOf(position: JsonValue | undefined): number {
  const y = Array.isArray(position) ? position[1] : isJsonObject(position) ? position['1'] : undefined;
  return typeof y === 'number' ? y : 0;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function noteText(values: JsonValue | undefined): string {
  const first = Array.isArray(values) ? values[0] : isJsonObject(values) ? (values['text'] ?? values['']) : values;
  return textOf(first).trim();
}
