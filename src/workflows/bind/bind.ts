import { EaselError, PointsError, WorkflowError } from '../../core/errors.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { type Graph, type NodeDefinitions, narrowInteger, renderDynamicText } from '../../graph/index.js';
import type { BindChange, Target, WorkflowInput, WorkflowVersion } from '../types.js';
import { GraphEditor } from './editor.js';
import { hasLoraTag, insertLoras, type LoraUse, takeLoraTags } from './loras.js';
import { type PlanLimits, planProblems } from './plan.js';
import { checkValues, type GivenValues, type InputProblem, problemAt } from './values.js';

/**
 * Values into the graph of a version:
 *
 * 1. `checkInputs`: what was given, against the interface and the plan; everything that is wrong at once
 * 2. `bindInputs`: defaults for what is absent, seeds drawn, prompts assembled, files attached, LoRAs loaded
 *
 * Pure but for what is handed in. Nothing is altered unseen: the graph of the version with `changes` applied in their order is
 * the bound graph, and each change says why it was made.
 */
export type BindableVersion = Pick<WorkflowVersion, 'workflow' | 'hash' | 'graph' | 'interface'>;

export interface BindContext {
  /** From 0 to `most`, both included. */
  readonly randomSeed: (most: bigint) => bigint;
  /** 0 <= value < 1; for alternatives in braces. */
  readonly random: () => number;
  readonly now: Date;
  /** Next seeds of the inputs that count up; those that are not in it begin at their default. */
  readonly nextSeeds: ReadonlyMap<string, bigint>;
  /** Ids of the stored files that were given as data: URLs, by input. */
  readonly mediaIds: ReadonlyMap<string, string>;
  /** Of the backend that will run it; needed where a prompt names a LoRA. */
  readonly definitions?: NodeDefinitions;
}

export interface Bound {
  readonly graph: Graph;
  readonly changes: readonly BindChange[];
  /** The value of every input that has one, drawn seeds included; files by media id or address. */
  readonly inputs: JsonObject;
  readonly attachments: readonly { readonly nodeId: string; readonly inputName: string; readonly mediaId: string }[];
}

/** Throws WorkflowError `workflow_input_invalid`, PointsError `points_plan_limit`. */
export function checkInputs(version: BindableVersion, given: JsonObject, plan: PlanLimits = {}): GivenValues {
  const { inputs } = version.interface;
  const checked = checkValues(inputs, given);
  const effective = new Map(checked.values);
  for (const { name, default: fallback } of inputs) {
    if (!Object.hasOwn(given, name) && fallback !== undefined) effective.set(name, fallback);
  }
  const problems = [...checked.problems, ...planProblems(inputs, effective, plan)];
  if (problems.length > 0) throw inputsInvalid(version.workflow, problems);
  return checked;
}

/** Inputs whose text names a LoRA, where those are loaded. */
export function loraInputs({ interface: { inputs, loras } }: BindableVersion, given: GivenValues): WorkflowInput[] {
  if (loras === null) return [];
  return inputs.filter(takesLoras).filter((input) => {
    const { prefix = '', base = '', suffix = '' } = input.prompt ?? {};
    const text = given.values.get(input.name) ?? input.default ?? '';
    return [prefix, String(text), base, suffix].some(hasLoraTag);
  });
}

/** Inputs whose seed counts up in this request. */
export function countingInputs(version: BindableVersion, given: GivenValues): WorkflowInput[] {
  return version.interface.inputs.filter(
    (input) => input.role === 'seed' && !given.values.has(input.name) && modeOf(input, given) === 'increment',
  );
}

/** Throws WorkflowError `workflow_input_invalid`: LoRAs that the backend lacks, values that a node cannot hold. */
export function bindInputs(version: BindableVersion, given: GivenValues, context: BindContext): Bound {
  return new Binder(version, given, context).bind();
}

class Binder {
  readonly #version: BindableVersion;
  readonly #given: GivenValues;
  readonly #context: BindContext;
  readonly #editor: GraphEditor;
  readonly #inputs: JsonObject = {};
  readonly #attachments: { nodeId: string; inputName: string; mediaId: string }[] = [];
  readonly #loras: LoraUse[] = [];
  readonly #problems: InputProblem[] = [];

  constructor(version: BindableVersion, given: GivenValues, context: BindContext) {
    this.#version = version;
    this.#given = given;
    this.#context = context;
    this.#editor = new GraphEditor(version.graph);
  }

  bind(): Bound {
    const { inputs, loras } = this.#version.interface;
    for (const input of inputs) {
      if (input.type === 'file') this.#bindFile(input);
      else if (input.role === 'seed') this.#bindSeed(input);
      else this.#bindValue(input);
    }
    this.#renderTexts();
    const { definitions } = this.#context;
    if (this.#loras.length > 0 && loras !== null) {
      if (definitions === undefined) throw new TypeError('LoRAs are bound with the definitions of a backend.');
      this.#problems.push(...insertLoras(this.#editor, this.#loras, { rule: loras, definitions }));
    }
    if (this.#problems.length > 0) throw inputsInvalid(this.#version.workflow, this.#problems);
    const { graph, changes } = this.#editor;
    return { graph, changes, inputs: this.#inputs, attachments: this.#attachments };
  }

  #bindValue(input: WorkflowInput): void {
    const given = this.#given.values.get(input.name);
    const value = given ?? this.#default(input);
    if (value === undefined) return;
    this.#inputs[input.name] = value;
    if (given === undefined && this.#standsAsItIs(input, value)) return;
    const why = given === undefined ? `default of input ${input.name}` : `input ${input.name}`;
    if (typeof value === 'string' && input.type === 'string') this.#bindText(input, value, why);
    else this.#set(input, value, why);
  }

  /**
   * The default is what is in the graph already. Places that share an input may hold different values there, and an absent
   * value must not make them equal.
   */
  #standsAsItIs({ targets, prompt }: WorkflowInput, value: JsonValue): boolean {
    const isTagged = typeof value === 'string' && hasLoraTag(value);
    return prompt === undefined && !isTagged && targets[0] !== undefined && this.#editor.value(targets[0]) === value;
  }

  #bindText(input: WorkflowInput, text: string, why: string): void {
    const rule = input.prompt;
    const parts = rule === undefined ? [text] : [rule.prefix, text, rule.base, rule.suffix];
    const added = parts.filter((part) => part !== undefined && part !== '');
    const assembled = rule === undefined ? text : added.join(rule.separator ?? ', ');
    const reason = assembled === text ? why : `${why}, with the prompt parts of the workflow`;
    if (this.#version.interface.loras === null || !takesLoras(input) || !hasLoraTag(assembled)) {
      this.#set(input, assembled, reason);
      return;
    }
    const { text: plain, tags, faults } = takeLoraTags(assembled);
    for (const fault of faults) this.#problems.push(problemAt(input.name, fault));
    if (tags.length > 0) this.#loras.push({ input, tags });
    this.#set(input, plain, `${reason}, without its LoRA tags`);
  }

  #bindSeed(input: WorkflowInput): void {
    const given = this.#given.values.get(input.name);
    const mode = modeOf(input, this.#given);
    if (given !== undefined) this.#setSeed(input, given, `input ${input.name}`);
    else if (mode === 'fixed') {
      if (input.default !== undefined) this.#setSeed(input, input.default, `default of input ${input.name}`);
    } else if (mode === 'increment') {
      const next = this.#context.nextSeeds.get(input.name);
      const value = next === undefined ? (input.default ?? 0) : narrowInteger(next);
      this.#setSeed(input, value, `input ${input.name}, counted up`);
    } else this.#setSeed(input, this.#drawn(input), `input ${input.name}, drawn`);
  }

  #setSeed(input: WorkflowInput, value: JsonValue, why: string): void {
    this.#inputs[input.name] = value;
    this.#set(input, value, why);
  }

  /** The window of ComfyUI draws seeds that a double holds, and so does this, so that they can be used anywhere. */
  #drawn({ min = 0, max = Number.MAX_SAFE_INTEGER }: WorkflowInput): number | bigint {
    const least = BigInt(typeof min === 'bigint' ? min : Math.ceil(min));
    const limit = BigInt(typeof max === 'bigint' ? max : Math.floor(max));
    const safe = BigInt(Number.MAX_SAFE_INTEGER);
    const most = limit > safe && least < safe ? safe : limit;
    return narrowInteger((least < 0n ? 0n : least) + this.#context.randomSeed(most - (least < 0n ? 0n : least)));
  }

  #bindFile(input: WorkflowInput): void {
    const { name } = input;
    const file = this.#given.files.get(name);
    if (file === undefined) {
      const fallback = input.default;
      if (fallback === undefined) return;
      this.#inputs[name] = fallback;
      this.#set(input, fallback, `default of input ${name}`);
      return;
    }
    if (input.takes === 'url') {
      const { url } = file as { readonly url: string };
      this.#inputs[name] = url;
      this.#set(input, url, `input ${name}`);
      return;
    }
    const mediaId = file.kind === 'media' ? file.mediaId : this.#context.mediaIds.get(name);
    if (mediaId === undefined) throw new TypeError(`The file of input ${name} was not stored.`);
    this.#inputs[name] = mediaId;
    for (const target of input.targets) {
      // Stands there until the backend has been given the file and says under which name.
      this.#editor.put(target, `media:${mediaId}`, `input ${name}, uploaded to the backend`);
      this.#attachments.push({ nodeId: target.node, inputName: target.input, mediaId });
    }
  }

  /** A default that holds alternatives is drawn before anything is added to it. */
  #default(input: WorkflowInput): JsonValue | undefined {
    const { default: fallback, targets } = input;
    const isDynamic = typeof fallback === 'string' && targets.some((target) => this.#isDynamic(target));
    return isDynamic ? this.#rendered(fallback, targets[0]!.input) : fallback;
  }

  #isDynamic({ node, input }: Target): boolean {
    return this.#version.interface.dynamicTexts.some((text) => text.node === node && text.input === input);
  }

  #rendered(text: string, inputName: string): string {
    const { random, now } = this.#context;
    return renderDynamicText(text, inputName, { random, now });
  }

  /** What the window of ComfyUI does to texts at every run, for those that no input has set. */
  #renderTexts(): void {
    for (const target of this.#version.interface.dynamicTexts) {
      const text = this.#editor.value(target);
      if (typeof text !== 'string' || text !== this.#version.graph[target.node]?.inputs[target.input]) continue;
      const rendered = this.#rendered(text, target.input);
      if (rendered !== text) this.#editor.put(target, rendered, 'alternatives drawn and dates filled in');
    }
  }

  #set(input: WorkflowInput, value: JsonValue, why: string): void {
    for (const target of input.targets) {
      try {
        this.#editor.set(target, value, why);
      } catch (error) {
        if (!(error instanceof EaselError)) throw error;
        this.#problems.push(problemAt(input.name, error.message));
      }
    }
  }
}

function takesLoras({ type, role, prompt }: WorkflowInput): boolean {
  return type === 'string' && (role === 'prompt' || prompt !== undefined);
}

function modeOf({ name, seed }: WorkflowInput, given: GivenValues): 'random' | 'fixed' | 'increment' {
  return given.seedModes.get(name) ?? seed ?? 'random';
}

/** Plan limits alone are for the account to lift; together with other faults they are one of the things to correct. */
export function inputsInvalid(workflow: string, problems: readonly InputProblem[]): WorkflowError | PointsError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const message = `Input "${first?.input}" of ${workflow}: ${first?.detail}${more}`;
  const errors = problems.map(({ plan: _, ...problem }) => problem);
  const limits = problems.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
  if (limits.length === problems.length) {
    return new PointsError('points_plan_limit', message, { details: { workflow, errors, ...limits[0] } });
  }
  return new WorkflowError('workflow_input_invalid', message, { details: { workflow, errors } });
}
