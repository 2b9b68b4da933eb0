import type { JsonValue } from '../core/json.js';
import { definedOnly } from '../core/objects.js';
import { seedInputs } from './bind.js';
import { DefinitionIndex, type InputDefinition } from './definitions.js';
import { modelFolder } from './fingerprint.js';
import { externalChoices, externalNode, isMarkedInput, plainLiteral, titleMarker } from './markers.js';
import { displayOrder, reachableNodes } from './topology.js';
import { findPrompt, type InputRef } from './trace.js';
import { type Graph, type GraphNode, isLink, type NodeDefinitions } from './types.js';
import { UniqueNames } from './unique-names.js';

/**
 * What a user can set in a graph: what its author marked (see `markers.ts`), then what is found by experience: prompt,
 * negative prompt, seed, size, steps, guidance, files to load, models. Everything found is a suggestion that people see and
 * edit; nothing is bound by it.
 */
export type InputRole =
  | 'prompt'
  | 'negative'
  | 'seed'
  | 'width'
  | 'height'
  | 'batch_size'
  | 'steps'
  | 'cfg'
  | 'denoise'
  | 'sampler'
  | 'scheduler'
  | 'image'
  | 'mask'
  | 'video'
  | 'audio'
  | 'file'
  | 'model'
  | 'lora'
  | 'other';

export type InputValueType = 'string' | 'integer' | 'number' | 'boolean' | 'choice' | 'file';

export interface DetectedInput {
  /** Unique within the graph. */
  readonly name: string;
  readonly role: InputRole;
  readonly type: InputValueType;
  /** For files. */
  readonly mediaKind?: 'image' | 'mask' | 'video' | 'audio' | 'file';
  /** How a file reaches the node: uploaded to the backend first, or as a URL that the node fetches. */
  readonly takes?: 'upload' | 'url';
  readonly default?: JsonValue;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly step?: number;
  readonly choices?: readonly JsonValue[];
  readonly multiline?: boolean;
  readonly description?: string;
  readonly source: 'marker' | 'title' | 'heuristic';
  /** The first of the targets. */
  readonly nodeId: string;
  readonly input: string;
  /** Every input that takes the value: two encoders of one prompt, all seeds. */
  readonly targets: readonly InputRef[];
}

export function detectInputs(graph: Graph, definitions?: NodeDefinitions): DetectedInput[] {
  return new Detector(graph, definitions === undefined ? undefined : new DefinitionIndex(definitions)).detect();
}

/** Roles by input name, for literals of any node that is in use. */
const ROLE_BY_INPUT: ReadonlyMap<string, InputRole> = new Map<string, InputRole>([
  ['steps', 'steps'],
  ['cfg', 'cfg'],
  ['guidance', 'cfg'],
  ['denoise', 'denoise'],
  ['sampler_name', 'sampler'],
  ['scheduler', 'scheduler'],
]);

/** Loaders whose value is the name of an uploaded file (`comfyui.md` 6). */
const LOADERS: ReadonlyMap<string, readonly [input: string, kind: NonNullable<DetectedInput['mediaKind']>]> = new Map([
  ['LoadImage', ['image', 'image']],
  ['LoadImageMask', ['image', 'mask']],
  ['LoadVideo', ['file', 'video']],
  ['LoadAudio', ['audio', 'audio']],
  ['Load3D', ['model_file', 'file']],
  ['VHS_LoadVideo', ['video', 'video']],
  ['VHS_LoadAudioUpload', ['audio', 'audio']],
] as const);

const UPLOAD_KINDS = [
  ['image_upload', 'image'],
  ['animated_image_upload', 'image'],
  ['video_upload', 'video'],
  ['audio_upload', 'audio'],
  ['file_upload', 'file'],
] as const;

/** Of a marked node, the widget that its marker means: these before the first one. */
const MAIN_INPUTS = [
  'value',
  'text',
  'prompt',
  'image',
  'video',
  'audio',
  'file',
  'string',
  'noise_seed',
  'seed',
] as const;

class Detector {
  readonly #graph: Graph;
  readonly #definitions: DefinitionIndex | undefined;
  readonly #found: DetectedInput[] = [];
  readonly #taken = new Set<string>();
  readonly #names = new UniqueNames();

  constructor(graph: Graph, definitions: DefinitionIndex | undefined) {
    this.#graph = graph;
    this.#definitions = definitions;
  }

  detect(): DetectedInput[] {
    const used = reachableNodes(this.#graph, this.#definitions);
    const order = displayOrder(this.#graph).filter((id) => used.has(id));
    for (const id of order) this.#marked(id);
    this.#prompts();
    for (const id of order) this.#files(id);
    this.#group(
      'seed',
      'seed',
      seedInputs(this.#graph).filter(({ node }) => used.has(node)),
    );
    for (const id of order) this.#sizes(id);
    for (const id of order) this.#settings(id);
    for (const id of order) this.#models(id);
    return this.#found;
  }

  #marked(id: string): void {
    const node = this.#graph[id]!;
    const external = externalNode(node);
    if (external !== undefined) {
      this.#external(id, node, external);
      return;
    }
    const marker = titleMarker(node._meta?.title);
    const main = marker === null ? undefined : mainInput(node);
    if (marker !== null && main !== undefined) {
      const extra = marker.description === null ? {} : { description: marker.description };
      this.#add(marker.name, this.#roleOf(node, main), 'title', [{ node: id, input: main }], extra);
    }
    for (const [input, value] of Object.entries(node.inputs)) {
      if (isMarkedInput(input) && !isLink(value)) this.#add(input, 'other', 'marker', [{ node: id, input }]);
    }
  }

  #external(id: string, node: GraphNode, external: NonNullable<ReturnType<typeof externalNode>>): void {
    const { setBy, defaultFrom, type, mediaKind } = external;
    const fallback = defaultFrom === null ? undefined : node.inputs[defaultFrom];
    const targets = [{ node: id, input: 'input_id' }, ...(setBy === null ? [] : [{ node: id, input: setBy }])];
    const number = (value: JsonValue | undefined) => (typeof value === 'number' ? value : undefined);
    const description = node.inputs['description'];
    const role: InputRole = node.class_type.endsWith('Seed') ? 'seed' : (mediaKind ?? 'other');
    for (const input of Object.keys(node.inputs)) this.#taken.add(`${id}\n${input}`);
    this.#found.push({
      name: this.#names.take(String(node.inputs['input_id'])),
      role,
      type,
      ...definedOnly({
        mediaKind,
        takes: type === 'file' ? ('url' as const) : undefined,
        default: isLink(fallback) ? undefined : plainLiteral(fallback),
        min: number(node.inputs['min_value']),
        max: number(node.inputs['max_value']),
        choices: type === 'choice' ? externalChoices(node) : undefined,
        multiline: node.class_type.endsWith('ExternalText') ? true : undefined,
        description: typeof description === 'string' && description !== '' ? description : undefined,
      }),
      source: 'marker',
      nodeId: id,
      input: 'input_id',
      targets,
    });
  }

  #prompts(): void {
    for (const [polarity, role] of [
      ['positive', 'prompt'],
      ['negative', 'negative'],
    ] as const) {
      const found = findPrompt(this.#graph, polarity, this.#definitions);
      if (!('problem' in found)) this.#group(role, role, found.inputs);
      // A prompt made of several texts is offered text by text.
      else for (const ref of found.candidates) this.#group(role, role, [ref]);
    }
  }

  #files(id: string): void {
    const node = this.#graph[id]!;
    const loader = LOADERS.get(node.class_type);
    for (const input of Object.keys(node.inputs)) {
      const declared = this.#definitions?.input(node.class_type, input);
      const byOption = UPLOAD_KINDS.find(([option]) => Boolean(declared?.options[option]))?.[1];
      const kind = loader?.[0] === input ? loader[1] : byOption;
      if (kind === undefined || isLink(node.inputs[input])) continue;
      this.#add(kind, kind, 'heuristic', [{ node: id, input }], { type: 'file', mediaKind: kind, takes: 'upload' });
    }
  }

  /** Width and height of what is generated; scaling in the middle of a graph is not the size that people mean. */
  #sizes(id: string): void {
    const node = this.#graph[id]!;
    const isEmpty = /empty|latentimage|aspectratio/i.test(node.class_type) && 'width' in node.inputs;
    if (!isEmpty) return;
    for (const [input, role] of [
      ['width', 'width'],
      ['height', 'height'],
      ['batch_size', 'batch_size'],
    ] as const) {
      if (typeof node.inputs[input] === 'number') this.#add(role, role, 'heuristic', [{ node: id, input }]);
    }
  }

  #settings(id: string): void {
    const node = this.#graph[id]!;
    for (const [input, value] of Object.entries(node.inputs)) {
      const role = ROLE_BY_INPUT.get(input);
      if (role !== undefined && !isLink(value)) this.#add(role, role, 'heuristic', [{ node: id, input }]);
    }
  }

  #models(id: string): void {
    const node = this.#graph[id]!;
    for (const [input, value] of Object.entries(node.inputs)) {
      const folder = modelFolder(node.class_type, input);
      if (folder === undefined || typeof value !== 'string') continue;
      const isLora = folder === 'loras';
      this.#add(isLora ? 'lora' : 'model', isLora ? 'lora' : 'model', 'heuristic', [{ node: id, input }]);
    }
  }

  #roleOf(node: GraphNode, input: string): InputRole {
    const loader = LOADERS.get(node.class_type);
    if (loader?.[0] === input) return loader[1];
    if (input === 'seed' || input === 'noise_seed') return 'seed';
    return ROLE_BY_INPUT.get(input) ?? 'other';
  }

  /** One input over several targets, without those that are taken already. */
  #group(name: string, role: InputRole, targets: readonly InputRef[]): void {
    const free = targets.filter(({ node, input }) => !this.#taken.has(`${node}\n${input}`));
    if (free.length > 0) this.#add(name, role, 'heuristic', free);
  }

  #add(
    name: string,
    role: InputRole,
    source: DetectedInput['source'],
    targets: readonly InputRef[],
    extra: Partial<DetectedInput> = {},
  ): void {
    const first = targets[0]!;
    if (this.#taken.has(`${first.node}\n${first.input}`)) return;
    for (const { node, input } of targets) this.#taken.add(`${node}\n${input}`);
    const node = this.#graph[first.node]!;
    const value = plainLiteral(node.inputs[first.input]);
    const declared = this.#definitions?.input(node.class_type, first.input);
    const limits = targets.map((ref) => {
      return constraintsOf(this.#definitions?.input(this.#graph[ref.node]!.class_type, ref.input));
    });
    const loader = LOADERS.get(node.class_type);
    const file =
      loader?.[0] === first.input ? { type: 'file' as const, mediaKind: loader[1], takes: 'upload' as const } : {};
    this.#found.push({
      name: this.#names.take(name),
      role,
      type: typeOf(declared, value, role),
      ...definedOnly({ default: value, ...limits[0]!, ...tightest(limits), ...file, ...extra }),
      source,
      nodeId: first.node,
      input: first.input,
      targets,
    });
  }
}

function mainInput(node: GraphNode): string | undefined {
  const literal = Object.keys(node.inputs).filter((input) => !isLink(node.inputs[input]));
  return MAIN_INPUTS.find((input) => literal.includes(input)) ?? literal[0];
}

/** Without a definition a whole number may be a FLOAT that happens to be whole, unless its role says otherwise. */
const INTEGER_ROLES: ReadonlySet<InputRole> = new Set<InputRole>(['seed', 'steps', 'width', 'height', 'batch_size']);

function typeOf(declared: InputDefinition | undefined, value: JsonValue | undefined, role: InputRole): InputValueType {
  switch (declared?.type) {
    case 'INT':
      return 'integer';
    case 'FLOAT':
      return 'number';
    case 'BOOLEAN':
      return 'boolean';
    case 'STRING':
      return 'string';
    case 'COMBO':
    case 'COMFY_DYNAMICCOMBO_V3':
      return 'choice';
    default:
      if (typeof value === 'boolean') return 'boolean';
      if (typeof value === 'bigint' || INTEGER_ROLES.has(role)) return 'integer';
      return typeof value === 'number' ? 'number' : 'string';
  }
}

type Constraints = Pick<DetectedInput, 'min' | 'max' | 'step' | 'choices' | 'multiline' | 'description'>;
type Loose = { [K in keyof Constraints]: Constraints[K] | undefined };

function constraintsOf(declared: InputDefinition | undefined): {
  [K in keyof Constraints]: Constraints[K] | undefined;
} {
  const { options, choices } = declared ?? { options: {}, choices: undefined };
  const { min, max, step, multiline, tooltip } = options as Readonly<Record<string, JsonValue>>;
  const isLimit = (value: JsonValue | undefined) => typeof value === 'number' || typeof value === 'bigint';
  return {
    min: isLimit(min) ? (min as number | bigint) : undefined,
    max: isLimit(max) ? (max as number | bigint) : undefined,
    step: typeof step === 'number' ? step : undefined,
    choices,
    multiline: multiline === true ? true : undefined,
    description: typeof tooltip === 'string' && tooltip !== '' ? tooltip : undefined,
  };
}

/** One value goes to all targets, so it has to keep the limits of each. */
function tightest(limits: readonly Loose[]): Pick<Loose, 'min' | 'max'> {
  const pick = (
    values: readonly (number | bigint | undefined)[],
    better: (a: number | bigint, b: number | bigint) => boolean,
  ) =>
    values.reduce(
      (best, value) => (best === undefined || (value !== undefined && better(value, best)) ? value : best),
      undefined,
    );
  return {
    min: pick(
      limits.map(({ min }) => min),
      (a, b) => a > b,
    ),
    max: pick(
      limits.map(({ max }) => max),
      (a, b) => a < b,
    ),
  };
}
