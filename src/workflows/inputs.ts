import { EaselError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { definedOnly } from '../core/objects.js';
import {
  type DefinitionIndex,
  type DetectedInput,
  detectInputs,
  didYouMean,
  exactLimit,
  findInput,
  type Graph,
  type InputRole,
  isLink,
  type NodeDefinitions,
} from '../graph/index.js';
import { type Fault, type Manifest, type ManifestInput, type ManifestTarget, pointerOf } from './manifest.js';
import type { Notes } from './notes.js';
import type { InputType, SeedMode, Target, WorkflowInput } from './types.js';

/**
 * The inputs of a workflow: those that the manifest lists, each completed by what was found in the graph at its place; then,
 * as far as the manifest wants them, those that were found and not listed: marked ones first, then the ones known by
 * experience.
 */
export interface InputSources {
  readonly graph: Graph;
  readonly manifest: Manifest;
  readonly notes: Notes;
  readonly definitions: NodeDefinitions | undefined;
  readonly index: DefinitionIndex | undefined;
  /** By `node` and `input`: what an input is for, whether its author marked it or not. */
  readonly roles: ReadonlyMap<string, InputRole>;
}

/** Files that a workflow loads are its own business until its author says otherwise: a stranger must not choose models. */
const NOT_OFFERED: ReadonlySet<InputRole> = new Set<InputRole>(['model', 'lora']);

const GROUPS: ReadonlyMap<InputRole, string> = new Map<InputRole, string>([
  ['prompt', 'Prompt'],
  ['negative', 'Prompt'],
  ['image', 'Files'],
  ['mask', 'Files'],
  ['video', 'Files'],
  ['audio', 'Files'],
  ['file', 'Files'],
  ['width', 'Size'],
  ['height', 'Size'],
  ['batch_size', 'Size'],
  ['seed', 'Sampling'],
  ['steps', 'Sampling'],
  ['cfg', 'Sampling'],
  ['denoise', 'Sampling'],
  ['sampler', 'Sampling'],
  ['scheduler', 'Sampling'],
]);

/** Groups come in this order, and with them the inputs that no manifest orders. */
const GROUP_ORDER = ['Prompt', 'Files', 'Size', 'Sampling', 'Other'];

const FILE_ROLES: ReadonlySet<InputRole> = new Set<InputRole>(['image', 'mask', 'video', 'audio', 'file']);

export interface FoundInputs {
  readonly inputs: readonly WorkflowInput[];
  /** Found, and not offered: for the person who adds the workflow. */
  readonly left: readonly DetectedInput[];
  readonly faults: readonly Fault[];
}

export function workflowInputs(given: Omit<InputSources, 'roles'>): FoundInputs {
  const { graph, manifest, definitions } = given;
  const found = detectInputs(graph, definitions);
  const sources = { ...given, roles: rolesOf(graph, definitions) };
  const faults: Fault[] = [];
  const listed: Draft[] = [];
  const used = new Set<string>();
  (manifest.inputs ?? []).forEach((entry, position) => {
    const place = (field: string) => pointerOf(['inputs', position, field]);
    if (listed.some(({ name }) => name === entry.name)) {
      faults.push({ pointer: place('name'), detail: `There is another input "${entry.name}".` });
      return;
    }
    const at = locate(entry, found, sources);
    if ('fault' in at) {
      faults.push({ pointer: place(at.field), detail: at.fault });
      return;
    }
    for (const { node, input } of at.targets) used.add(`${node}\n${input}`);
    const draft = complete(entry, at, sources);
    faults.push(...problemsOf(draft).map(([field, detail]) => ({ pointer: place(field), detail })));
    listed.push(draft);
  });
  const discover = manifest.discover ?? (manifest.inputs === undefined ? 'all' : 'none');
  const isUsed = ({ targets }: DetectedInput) => targets.some(({ node, input }) => used.has(`${node}\n${input}`));
  const rest = found.filter((input) => !isUsed(input) && !listed.some(({ name }) => name === input.name));
  const isOffered = (input: DetectedInput) =>
    discover === 'all'
      ? input.source !== 'heuristic' || !NOT_OFFERED.has(input.role)
      : discover === 'marked' && input.source !== 'heuristic';
  const offered = rest.filter(isOffered).map((input) => complete({ name: input.name }, input, sources));
  return {
    inputs: [...listed, ...inFormOrder(offered)].map((input, order) => ({ ...input, order })),
    left: rest.filter((input) => !isOffered(input)),
    faults,
  };
}

/** A marker names an input, and does not say what it is for: that is seen when the markers are taken away. */
function rolesOf(graph: Graph, definitions: NodeDefinitions | undefined): ReadonlyMap<string, InputRole> {
  const unmarked: Graph = {};
  for (const [id, { class_type, inputs }] of Object.entries(graph)) {
    unmarked[id] = { class_type: class_type.replace(/^ComfyUIDeployExternal/, 'External'), inputs };
  }
  const roles = detectInputs(unmarked, definitions).flatMap(({ role, targets }) =>
    role === 'other' ? [] : targets.map(({ node, input }) => [`${node}\n${input}`, role] as const),
  );
  return new Map(roles);
}

type Draft = Omit<WorkflowInput, 'order'>;

interface Located {
  readonly targets: readonly Target[];
  /** What was found at the first target. */
  readonly found: DetectedInput | null;
}

type NotLocated = { readonly field: string; readonly fault: string };

function locate(
  { name, from, target }: ManifestInput,
  found: readonly DetectedInput[],
  { graph, index, definitions }: InputSources,
): Located | NotLocated {
  if (target === undefined) {
    const wanted = from ?? name;
    const match = found.find((input) => input.name === wanted);
    if (match !== undefined) return { targets: match.targets, found: match };
    const names = found.map((input) => input.name);
    const near = didYouMean(wanted, names) || (names.length === 0 ? '' : `Found are ${names.join(', ')}.`);
    const fault = `No input "${wanted}" was found in the graph. ${near} Or say where it goes: "target": "6.text".`;
    return { field: from === undefined ? 'name' : 'from', fault: fault.replaceAll('  ', ' ') };
  }
  const targets: Target[] = [];
  for (const one of [target].flat() as ManifestTarget[]) {
    try {
      targets.push(findInput(graph, one, index));
    } catch (error) {
      if (!(error instanceof EaselError)) throw error;
      return { field: 'target', fault: `${error.message} ${error.hint}` };
    }
  }
  const first = targets[0]!;
  const at = ({ targets: places }: DetectedInput) =>
    places.some(({ node, input }) => node === first.node && input === first.input);
  return { targets, found: found.find(at) ?? describeTarget(first, { graph, definitions, index }) };
}

/** An input that nothing marks: read as one with a marker would be, so that its type and limits come from the node. */
function describeTarget(
  { node, input }: Target,
  { graph, definitions, index }: Pick<InputSources, 'graph' | 'definitions' | 'index'>,
): DetectedInput | null {
  const { class_type, inputs } = graph[node]!;
  const value = inputs[input] ?? index?.input(class_type, input)?.options['default'];
  if (value === undefined || isLink(value)) return null;
  const marked: Graph = { [node]: { class_type, inputs: { [input]: value }, _meta: { title: '$it' } } };
  return detectInputs(marked, definitions).find((candidate) => candidate.input === input) ?? null;
}

/** An input of the manifest with everything that it leaves out. */
function complete(
  entry: Partial<ManifestInput> & { readonly name: string },
  at: DetectedInput | Located,
  { notes, manifest, roles }: InputSources,
): Draft {
  const found = 'found' in at ? at.found : at;
  const role = entry.role ?? roleOf(found, at.targets, roles);
  const type: InputType =
    entry.type ?? (entry.choices === undefined ? found?.type : 'choice') ?? (FILE_ROLES.has(role) ? 'file' : 'string');
  const isFile = type === 'file';
  // An address in the graph can be fetched again; the name of a file on the author's machine is of no use to others.
  const fallback = isFile && found?.takes !== 'url' ? entry.default : (entry.default ?? found?.default);
  const limits = type === 'integer' || type === 'number' ? limitsOf(entry, found, type) : {};
  const isMedia = FILE_ROLES.has(role);
  const hasDefault = fallback !== undefined && !(isFile && fallback === '');
  return {
    name: entry.name,
    type,
    role,
    required: entry.required ?? !hasDefault,
    ...definedOnly({
      default: hasDefault ? fallback : undefined,
      ...limits,
      ...(type === 'string' ? { minLength: entry.minLength, maxLength: entry.maxLength } : {}),
      choices: type === 'choice' ? (entry.choices ?? found?.choices) : undefined,
      multiline: type === 'string' ? (entry.multiline ?? found?.multiline) : undefined,
      title: entry.title,
      description: entry.description ?? notes.inputs.get(entry.name) ?? found?.description,
      media: isFile ? (entry.media ?? found?.mediaKind ?? (isMedia ? (role as 'image') : 'file')) : undefined,
      takes: isFile ? (entry.takes ?? found?.takes ?? 'upload') : undefined,
      prompt: entry.prompt === undefined ? undefined : definedOnly(entry.prompt),
      seed: role === 'seed' && type === 'integer' ? (entry.seed ?? seedMode(entry)) : undefined,
    }),
    group: entry.group ?? GROUPS.get(role) ?? 'Other',
    source: manifest.inputs?.some(({ name }) => name === entry.name) ? 'manifest' : (found?.source ?? 'manifest'),
    targets: at.targets,
  };
}

function roleOf(
  found: DetectedInput | null,
  targets: readonly Target[],
  roles: ReadonlyMap<string, InputRole>,
): InputRole {
  if (found !== null && found.role !== 'other') return found.role;
  const role = targets.map(({ node, input }) => roles.get(`${node}\n${input}`)).find((one) => one !== undefined);
  return role === undefined || (role === 'seed' && found?.type !== 'integer') ? 'other' : role;
}

/** A seed that the author gave is meant; that of the graph is only the last one that was drawn. */
function seedMode({ default: given }: Partial<ManifestInput>): SeedMode {
  return given === undefined ? 'random' : 'fixed';
}

type Limits = Pick<DetectedInput, 'min' | 'max' | 'step'>;

/** The author may narrow what the node takes, and not widen it. */
function limitsOf(
  entry: Partial<ManifestInput>,
  found: Limits | null,
  type: 'integer' | 'number',
): { [K in keyof Limits]: Limits[K] | undefined } {
  const { min = found?.min, max = found?.max, step = found?.step } = entry;
  const least = exactLimit(min !== undefined && found?.min !== undefined && min < found.min ? found.min : min);
  const most = exactLimit(max !== undefined && found?.max !== undefined && max > found.max ? found.max : max);
  if (type === 'number') return { min: least, max: most, step };
  // Between 1.5 and 9.5 lie 2 to 9.
  return {
    min: typeof least === 'number' ? Math.ceil(least) : least,
    max: typeof most === 'number' ? Math.floor(most) : most,
    step,
  };
}

function problemsOf(input: Draft): [field: string, detail: string][] {
  const problems: [string, string][] = [];
  const { type, min, max, minLength, maxLength, choices, default: fallback, prompt, seed, role } = input;
  if (type === 'choice' && (choices === undefined || choices.length === 0)) {
    problems.push(['choices', 'The node does not tell its choices; list them here.']);
  }
  if (min !== undefined && max !== undefined && min > max) problems.push(['min', `${min} is more than "max", ${max}.`]);
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    problems.push(['minLength', `${minLength} is more than "maxLength", ${maxLength}.`]);
  }
  if (prompt !== undefined && type !== 'string') problems.push(['prompt', 'Only a text can be a prompt.']);
  if (seed !== undefined && seed !== 'random' && fallback === undefined) {
    problems.push(['seed', `"${seed}" begins at the default, and there is none.`]);
  }
  if (role === 'seed' && type !== 'integer') problems.push(['type', 'A seed is an integer.']);
  if (choices !== undefined && fallback !== undefined && !choices.includes(fallback as JsonValue)) {
    problems.push(['default', `${JSON.stringify(String(fallback))} is not among the choices.`]);
  }
  return problems;
}

function inFormOrder(inputs: readonly Draft[]): Draft[] {
  const rank = ({ group }: Draft) => (GROUP_ORDER.indexOf(group) + GROUP_ORDER.length + 1) % (GROUP_ORDER.length + 1);
  return [...inputs].sort((a, b) => rank(a) - rank(b));
}
