import type { DefinitionIndex } from './definitions.js';
import { linksOf, reachableNodes } from './topology.js';
import { type Graph, type GraphNode, isLink, type Link } from './types.js';

/**
 * Finding prompts by following a graph upstream.
 *
 * - consumer   a node that conditioning ends at: a sampler or a guider
 * - encoder    a node that turns a text into conditioning
 * - holder     a node that does nothing but hold a text or a number (primitives)
 *
 * From every consumer the walk goes through nodes that pass conditioning on (ControlNet, guidance, combine, ...) to the
 * encoders, and from an encoder whose text is linked on to the holder. Definitions tell what is conditioning and what is
 * text; without them names do.
 */
export type Polarity = 'positive' | 'negative';

export interface InputRef {
  readonly node: string;
  readonly input: string;
}

export type FoundPrompt =
  | { readonly inputs: readonly InputRef[] }
  | { readonly problem: string; readonly candidates: readonly InputRef[] };

const NEGATIVE = /neg|uncond/i;
/** Inputs that carry conditioning, where no definition says so. */
const CONDITIONING_INPUT = /^(positive|negative|conditioning|cond)(_?\w+)?$/i;
const CONSUMER_CLASS = /sampler|guider/i;
const CONDITIONING_CLASS = /conditioning|controlnet|encode|apply|reference|guidance$/i;
/** Texts of encoders that are prompts, in the order of preference. */
const TEXT_INPUTS = [
  'text',
  'prompt',
  'positive_prompt',
  'user_prompt',
  'text_g',
  'text_l',
  'clip_l',
  'clip_g',
  't5xxl',
  'llama',
  'bert',
  'mt5xl',
  'caption',
  'tags',
] as const;
/** Multi-line texts that steer, but are not what the user wants to see. */
const NOT_A_PROMPT = /system|template|lyrics|negative|neg_|regex|json|code|script/i;
/** Inputs under which holders keep their value. */
const HOLDER_INPUTS = ['value', 'text', 'string', 'String', 'Text', 'prompt', 'default_value'] as const;
const NUMBER_INPUTS = ['value', 'int', 'number', 'Number', 'Value', 'seed', 'noise_seed', 'default_value'] as const;

export function findPrompt(graph: Graph, polarity: Polarity, definitions?: DefinitionIndex): FoundPrompt {
  const tracer = new Tracer(graph, definitions);
  const found = tracer.prompts(polarity);
  if (polarity === 'negative' && !('problem' in found)) {
    // Workflows without a negative prompt link both sides to the same encoder.
    const positive = tracer.prompts('positive');
    const shared = 'problem' in positive ? [] : positive.inputs;
    const own = found.inputs.filter(
      ({ node, input }) => !shared.some((ref) => ref.node === node && ref.input === input),
    );
    return own.length === 0 ? { problem: 'the graph works without one', candidates: [] } : { inputs: own };
  }
  return found;
}

/** The number that a link leads to when its source does nothing but hold one. */
export function numberBehind(graph: Graph, link: Link): InputRef | undefined {
  const seen = new Set<string>();
  let id = link[0];
  while (!seen.has(id) && Object.hasOwn(graph, id)) {
    seen.add(id);
    const { inputs } = graph[id]!;
    const input = NUMBER_INPUTS.find((name) => typeof inputs[name] === 'number' || typeof inputs[name] === 'bigint');
    if (input !== undefined) return { node: id, input };
    const links = Object.values(inputs).filter(isLink);
    if (links.length !== 1) return undefined;
    id = links[0]![0];
  }
  return undefined;
}

class Tracer {
  readonly #graph: Graph;
  readonly #definitions: DefinitionIndex | undefined;
  readonly #used: ReadonlySet<string>;

  constructor(graph: Graph, definitions: DefinitionIndex | undefined) {
    this.#graph = graph;
    this.#definitions = definitions;
    this.#used = reachableNodes(graph, definitions);
  }

  prompts(polarity: Polarity): FoundPrompt {
    const found = new Map<string, InputRef>();
    for (const id of this.#used) {
      const starts = this.#consumed(id, polarity);
      if (starts.length === 0) continue;
      const texts = this.#encodersOf(id, starts, polarity);
      const ambiguous = this.#ambiguity(texts, polarity);
      if (ambiguous !== null) return ambiguous;
      for (const ref of texts.flat()) found.set(`${ref.node}\n${ref.input}`, ref);
    }
    if (found.size > 0) return { inputs: [...found.values()] };
    if (polarity === 'negative') return { problem: 'the graph works without one', candidates: [] };
    return this.#onlyText();
  }

  /** Inputs of a consumer from which conditioning of this polarity comes; empty for other nodes. */
  #consumed(id: string, polarity: Polarity): string[] {
    const node = this.#graph[id]!;
    if (this.#passesConditioning(node)) return [];
    const inputs = this.#conditioningInputs(node);
    const isConsumer =
      this.#definitions?.get(node.class_type) !== undefined ||
      CONSUMER_CLASS.test(node.class_type) ||
      'latent_image' in node.inputs ||
      'model' in node.inputs;
    if (!isConsumer) return [];
    return inputs.filter((input) => NEGATIVE.test(input) === (polarity === 'negative'));
  }

  #passesConditioning(node: GraphNode): boolean {
    const definition = this.#definitions?.get(node.class_type);
    if (definition !== undefined) return definition.output?.includes('CONDITIONING') ?? false;
    return !CONSUMER_CLASS.test(node.class_type) && CONDITIONING_CLASS.test(node.class_type);
  }

  /** Linked inputs that carry conditioning, and texts that stand where conditioning is expected. */
  #conditioningInputs(node: GraphNode): string[] {
    return Object.entries(node.inputs)
      .filter(([input, value]) => {
        if (!isLink(value)) return typeof value === 'string' && (input === 'positive' || input === 'negative');
        const declared = this.#definitions?.input(node.class_type, input);
        return declared === undefined ? CONDITIONING_INPUT.test(input) : declared.type.includes('CONDITIONING');
      })
      .map(([input]) => input);
  }

  /** Per encoder reached: the inputs that hold its text. */
  #encodersOf(consumerId: string, starts: readonly string[], polarity: Polarity): InputRef[][] {
    const texts: InputRef[][] = [];
    const seen = new Set<string>();
    // A guider's `cond2` may be fed from either side; an input that is called positive or negative says so itself.
    const stated = starts.some((input) => /pos|neg|uncond/i.test(input));
    const waiting = starts.map((input) => ({ id: consumerId, input }));
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      const value = this.#graph[at.id]!.inputs[at.input];
      if (typeof value === 'string') texts.push([{ node: at.id, input: at.input }]);
      if (!isLink(value)) continue;
      const [sourceId, slot] = value;
      const source = Object.hasOwn(this.#graph, sourceId) ? this.#graph[sourceId] : undefined;
      if (source === undefined || seen.has(`${sourceId}\n${slot}`)) continue;
      seen.add(`${sourceId}\n${slot}`);
      // It carries no prompt at all: what is linked here was erased.
      if (source.class_type === 'ConditioningZeroOut') continue;
      const held = this.#textsOf(sourceId);
      if (held.length > 0) texts.push(held);
      else for (const input of this.#onwards(source, slot, polarity, stated)) waiting.push({ id: sourceId, input });
    }
    return texts;
  }

  /** Which inputs of a node that passes conditioning on belong to one of its outputs. */
  #onwards(node: GraphNode, slot: number, polarity: Polarity, stated: boolean): string[] {
    const inputs = this.#conditioningInputs(node);
    const negatives = inputs.filter((input) => NEGATIVE.test(input));
    if (inputs.length === 0) return soleLinks(node);
    if (negatives.length === 0 || negatives.length === inputs.length) return inputs;
    const outputName = this.#definitions?.get(node.class_type)?.output_name?.[slot] ?? '';
    const named = NEGATIVE.test(outputName) ? 'negative' : /pos/i.test(outputName) ? 'positive' : undefined;
    const side = named ?? (slot === 1 ? 'negative' : slot === 0 ? 'positive' : polarity);
    if (side !== polarity && !stated) return [];
    return inputs.filter((input) => NEGATIVE.test(input) === (side === 'negative'));
  }

  /** The inputs that hold the text of an encoder; several where it takes one text per text model. */
  #textsOf(id: string): InputRef[] {
    const node = this.#graph[id]!;
    return this.#textInputs(node).flatMap((input) => {
      const value = node.inputs[input];
      if (!isLink(value)) return [{ node: id, input }];
      const held = this.#textBehind(value);
      return held === undefined ? [] : [held];
    });
  }

  #textInputs(node: GraphNode): string[] {
    const definition = this.#definitions?.get(node.class_type);
    const candidates = Object.keys(node.inputs).filter((input) => {
      const value = node.inputs[input];
      if (typeof value !== 'string' && !isLink(value)) return false;
      if (definition === undefined) return TEXT_INPUTS.includes(input as (typeof TEXT_INPUTS)[number]);
      const declared = this.#definitions!.input(node.class_type, input);
      return declared?.type === 'STRING' && !NOT_A_PROMPT.test(input);
    });
    const usual = candidates.filter((input) => TEXT_INPUTS.includes(input as (typeof TEXT_INPUTS)[number]));
    if (usual.length > 0) return usual;
    return candidates.filter((input) => {
      const options = this.#definitions?.input(node.class_type, input)?.options;
      return options?.['multiline'] === true || options?.['dynamicPrompts'] === true;
    });
  }

  /** Follows a text to the node that holds it; undefined when it is put together from several. */
  #textBehind(link: Link): InputRef | undefined {
    const seen = new Set<string>();
    let id = link[0];
    while (!seen.has(id) && Object.hasOwn(this.#graph, id)) {
      seen.add(id);
      const node = this.#graph[id]!;
      const literal = HOLDER_INPUTS.filter((input) => typeof node.inputs[input] === 'string');
      const links = linksOf(node);
      if (literal.length > 0 && links.length === 0) return { node: id, input: literal[0]! };
      if (links.length !== 1) return undefined;
      id = links[0]!.sourceId;
    }
    return undefined;
  }

  /** Several encoders behind one consumer are set together only when they all say the same. */
  #ambiguity(texts: readonly InputRef[][], polarity: Polarity): FoundPrompt | null {
    if (texts.length <= 1) return null;
    const said = new Set(texts.map((refs) => refs.map((ref) => this.#graph[ref.node]!.inputs[ref.input]).join('\n')));
    if (said.size <= 1) return null;
    const candidates = texts.flat();
    return { problem: `the ${polarity} side is made of ${texts.length} different texts`, candidates };
  }

  /** Graphs without samplers (nodes that call a service): the only text that can be a prompt. */
  #onlyText(): FoundPrompt {
    const candidates: InputRef[] = [];
    for (const id of this.#used) {
      const node = this.#graph[id]!;
      const input = this.#textInputs(node).find((name) => typeof node.inputs[name] === 'string');
      if (input !== undefined) candidates.push({ node: id, input });
    }
    if (candidates.length === 1) return { inputs: candidates };
    if (candidates.length === 0) return { problem: 'the graph holds no text that could be one', candidates };
    return { problem: 'no sampler was found, and several texts could be the prompt', candidates };
  }
}

function soleLinks(node: GraphNode): string[] {
  const links = linksOf(node);
  return links.length === 1 ? [links[0]!.input] : [];
}
