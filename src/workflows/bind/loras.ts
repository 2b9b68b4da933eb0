import { DefinitionIndex, type Graph, isLink, type NodeDefinitions, nearestNames } from '../../graph/index.js';
import type { LoraRule, Target, WorkflowInput } from '../types.js';
import type { GraphEditor } from './editor.js';
import { findLoraPoints } from './lora-points.js';
import { type InputProblem, problemAt } from './values.js';

/**
 * `<lora:name:0.8>` and `<lora:name:0.8:0.6>` in a prompt (strength for the model, then for CLIP): taken out of the text, and
 * loaded by nodes that are put between the loaders of the graph and whatever uses them.
 */
const TAG = /\s*<lora:([^<>:]+)(?::([^<>:]*))?(?::([^<>:]*))?>/gi;
const STRENGTH = /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/;
/** What LoraLoader takes. */
const MAX_STRENGTH = 100;

export interface LoraTag {
  /** As written. */
  readonly name: string;
  readonly model: number;
  readonly clip: number;
}

export function hasLoraTag(text: string): boolean {
  return /<lora:/i.test(text);
}

/** The text without its tags, and the tags; or what is wrong with one. */
export function takeLoraTags(text: string): {
  readonly text: string;
  readonly tags: readonly LoraTag[];
  readonly faults: readonly string[];
} {
  const tags: LoraTag[] = [];
  const faults: string[] = [];
  const rest = text.replace(TAG, (whole, written: string, model: string | undefined, clip: string | undefined) => {
    const tag = whole.trim();
    const name = written.trim();
    const strengths = [model ?? '1', clip ?? model ?? '1'].map((part) =>
      STRENGTH.test(part) ? Number(part) : Number.NaN,
    );
    if (strengths.some((strength) => !(Math.abs(strength) <= MAX_STRENGTH))) {
      faults.push(`${tag}: the strength is a number from -${MAX_STRENGTH} to ${MAX_STRENGTH}.`);
    } else if (tags.some((other) => other.name === name)) faults.push(`${tag}: it is there twice.`);
    else tags.push({ name, model: strengths[0]!, clip: strengths[1]! });
    return '';
  });
  if (hasLoraTag(rest)) faults.push('A tag is malformed: write <lora:name:strength>.');
  return { text: tags.length === 0 ? text : rest.replace(/^[\s,]+/, ''), tags, faults };
}

type Offered = readonly string[] | 'any';

/** The files that a backend offers (`any` of the built-in engine), or undefined when it loads none. */
function offeredLoras(definitions: NodeDefinitions): Offered | undefined {
  const input = new DefinitionIndex(definitions).input('LoraLoader', 'lora_name');
  return input?.options['accepts_any'] === true ? 'any' : input?.choices?.map(String);
}

/** By the whole name; without folder, extension and case where that leaves one. */
function matchLora(
  name: string,
  offered: Offered,
): { readonly file: string } | { readonly fault: string; readonly nearest: readonly string[] } {
  if (offered === 'any') return { file: /\.\w+$/.test(name) ? name : `${name}.safetensors` };
  const fold = (text: string) => text.toLowerCase().replaceAll('\\', '/');
  const bare = (text: string) => fold(text).replace(/\.(safetensors|ckpt|pt|pth|bin)$/, '');
  const wanted = fold(name);
  const ways: readonly ((file: string) => boolean)[] = [
    (file) => file === name,
    (file) => fold(file) === wanted,
    (file) => bare(file) === bare(name),
    (file) => bare(file).split('/').at(-1) === bare(name),
  ];
  for (const way of ways) {
    const found = offered.filter(way);
    if (found.length === 1) return { file: found[0]! };
    if (found.length > 1) {
      return {
        fault: `"${name}" could be ${found.slice(0, 5).join(' or ')}: name the folder.`,
        nearest: found.slice(0, 5),
      };
    }
  }
  const nearest = nearestNames(name, offered);
  const near = nearest.length === 0 ? '' : ` Did you mean ${nearest.map((file) => `"${file}"`).join(' or ')}?`;
  return { fault: `The backend has no LoRA "${name}".${near}`, nearest };
}

export interface LoraUse {
  readonly input: WorkflowInput;
  readonly tags: readonly LoraTag[];
}

/** Puts the loaders in. Returns what stands in the way, by input. */
export function insertLoras(
  editor: GraphEditor,
  uses: readonly LoraUse[],
  { rule, definitions }: { readonly rule: LoraRule; readonly definitions: NodeDefinitions },
): InputProblem[] {
  const problems: InputProblem[] = [];
  const offered = offeredLoras(definitions);
  for (const { input, tags } of uses) {
    const refuse = (detail: string, nearest?: readonly string[]) =>
      problems.push({ ...problemAt(input.name, detail), ...(nearest === undefined ? {} : { nearest }) });
    if (tags.length > rule.max) {
      refuse(`It names ${tags.length} LoRAs; ${rule.max} are allowed.`);
      continue;
    }
    if (offered === undefined) {
      refuse('It names a LoRA, and the backend has no node that loads one (LoraLoader).');
      continue;
    }
    const points = findLoraPoints(editor.graph, input.targets, rule, definitions);
    if ('fault' in points) {
      refuse(points.fault);
      continue;
    }
    const files = tags.map((tag) => ({ tag, match: matchLora(tag.name, offered) }));
    for (const { match } of files) if ('fault' in match) refuse(match.fault, match.nearest);
    for (const [index, model] of points.model.entries()) {
      // A text encoder that several models share is changed once.
      const clip = index === 0 ? (points.clip[0] ?? null) : null;
      for (const { tag, match } of [...files].reverse()) {
        if ('file' in match) insertLoader(editor, { model, clip, tag, file: match.file, input: input.name });
      }
    }
  }
  return problems;
}

/** One output of a node. */
export type Source = { readonly node: string; readonly slot: number };

interface OneLoader {
  readonly model: Source;
  readonly clip: Source | null;
  readonly tag: LoraTag;
  readonly file: string;
  readonly input: string;
}

/** Between a source and all of its users. The one that is put in last comes first, so callers begin with the last. */
function insertLoader(editor: GraphEditor, { model, clip, tag, file, input }: OneLoader): void {
  const why = `LoRA ${file} of input ${input}`;
  const users = [...usersOf(editor.graph, model, 0), ...(clip === null ? [] : usersOf(editor.graph, clip, 1))];
  const node = editor.addNode('easel-lora', clip === null ? 'LoraLoaderModelOnly' : 'LoraLoader', file, why);
  editor.put({ node, input: 'model' }, [model.node, model.slot], why);
  if (clip !== null) editor.put({ node, input: 'clip' }, [clip.node, clip.slot], why);
  editor.put({ node, input: 'lora_name' }, file, why);
  editor.put({ node, input: 'strength_model' }, tag.model, why);
  if (clip !== null) editor.put({ node, input: 'strength_clip' }, tag.clip, why);
  for (const { target, slot } of users) editor.put(target, [node, slot], why);
}

function usersOf(
  graph: Graph,
  { node, slot }: Source,
  newSlot: number,
): { readonly target: Target; readonly slot: number }[] {
  return Object.entries(graph).flatMap(([id, { inputs }]) =>
    Object.entries(inputs)
      .filter(([, value]) => isLink(value) && value[0] === node && value[1] === slot)
      .map(([input]) => ({ target: { node: id, input }, slot: newSlot })),
  );
}
