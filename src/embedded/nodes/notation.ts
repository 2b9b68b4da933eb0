import type { JsonValue } from '../../core/json.js';
import type { InputSpec, NodeDefinition } from '../../graph/types.js';
import { CHOICES } from './choices.js';

/**
 * A compact notation for node interfaces, which reads as the interface and becomes what /object_info answers
 * (comfyui.md 1.9). One class, with `in` lines indented if there are several:
 *
 *     = model_advanced v1 advanced/model            module, form, category of the classes below
 *     ClassName! +graph @0.8  input:TYPE other?:TYPE=default[min..max/step~round],flag -> TYPE name:TYPE LIST[]
 *
 * - `!` output node; `+graph` and `+id` hidden inputs; `@0.8` (class, input or choice) unknown to version 0.3.64
 * - form `v1` and `v3` are the two ways in which ComfyUI declares nodes; `v1>v3` changed between 0.3.64 and 0.8.0.
 *   They differ in how a choice and hidden inputs are written
 * - `a,b:TYPE` two inputs of one kind; `block.{0..11}.:TYPE` twelve
 * - `(a|b)` a choice, `{a|b}` one in the new form even where the class has the old form; `(@name)` a list of choices.ts; `<folder>` the model files of a folder, `<folder|x>` and also x;
 *   `<input>` the files of the input folder
 * - `?` optional; `special` a specification that only code can write (SpecialSpecs)
 */
export type NodeProfile = '0.3.64' | '0.8.0';

export interface ParsedInterface {
  readonly definition: NodeDefinition;
  /** Inputs that choose a model file: input name -> folder. */
  readonly modelInputs: ReadonlyMap<string, string>;
  readonly defaults: ReadonlyMap<string, JsonValue>;
}

export type SpecialSpecs = Readonly<Record<string, Readonly<Record<string, InputSpec>>>>;

export interface NotationOptions {
  readonly profile: NodeProfile;
  /** Model files by folder; 'any' offers none and says so with the option `accepts_any`. */
  readonly models: 'any' | Readonly<Record<string, readonly string[]>>;
  readonly special?: SpecialSpecs;
}

/** Kinds of numbers that occur all over: alias -> type and range. */
const ALIASES: Readonly<Record<string, string>> = {
  SEED: 'INT=0[0..18446744073709551615],control_after_generate',
  STEPS: 'INT=20[1..10000]',
  CFG: 'FLOAT=8[0..100/0.1~0.01]',
  BATCH: 'INT=1[1..4096]',
  UNIT: 'FLOAT=1[0..1/0.01]',
  PERCENT: 'FLOAT=0[0..1/0.001]',
  GAIN: 'FLOAT=1[0..10/0.01]',
  LOOSE: 'FLOAT=1[0..100/0.01~no]',
  SHIFT: 'FLOAT=1[0..100/0.01]',
  PLACE: 'INT=0[0..16384/1]',
  PLACE8: 'INT=0[0..16384/8]',
  PIXELS: 'INT=512[1..16384/1]',
  SIDE8: 'INT=512[16..16384/8]',
  SIDE16: 'INT=1024[16..16384/16]',
  SIDE32: 'INT=768[64..16384/32]',
  FRAMES4: 'INT=81[1..16384/4]',
  FRAMES8: 'INT=97[1..16384/8]',
};

/** Parses a text of interfaces. Throws SyntaxError with the offending line: the text is source code of this project. */
export function parseInterfaces(text: string, options: NotationOptions): Map<string, ParsedInterface> {
  const result = new Map<string, ParsedInterface>();
  let section: Section = { module: 'nodes', form: 'v1', category: '' };
  for (const entry of entriesOf(text)) {
    if (entry.startsWith('= ')) {
      section = parseSection(entry, options.profile);
      continue;
    }
    const parsed = parseClass(entry, section, options);
    if (parsed) result.set(parsed.definition.name, parsed);
  }
  return result;
}

interface Section {
  readonly module: string;
  readonly form: 'v1' | 'v3';
  readonly category: string;
}

function entriesOf(text: string): string[] {
  const entries: string[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (/^\s/.test(line) && entries.length > 0) {
      const last = entries.length - 1;
      const gap = entries[last]!.includes('  ') ? ' ' : '  ';
      entries[last] += gap + line.trim();
    } else {
      entries.push(line.trim());
    }
  }
  return entries;
}

function parseSection(line: string, profile: NodeProfile): Section {
  const [, module = '', form = 'v1', ...category] = line.split(' ');
  const full = module === 'nodes' || module.includes('.') ? module : `comfy_extras.nodes_${module}`;
  const changed = form === 'v1>v3' ? (profile === '0.3.64' ? 'v1' : 'v3') : form;
  if (changed !== 'v1' && changed !== 'v3') throw new SyntaxError(`Unknown form in: ${line}`);
  return { module: full, form: changed, category: category.join(' ') };
}

function parseClass(entry: string, section: Section, options: NotationOptions): ParsedInterface | null {
  const split = entry.indexOf('  ');
  const head = split < 0 ? entry : entry.slice(0, split);
  const marks = /^(.+?)(!?)((?: [+@]\S+)*)$/.exec(head);
  if (!marks) throw new SyntaxError(`No class name in: ${entry}`);
  const [, name = '', output, flags = ''] = marks;
  if (isTooNew(flags, options.profile)) return null;
  const tokens = tokensOf(split < 0 ? '' : entry.slice(split + 2));
  const arrow = tokens.indexOf('->');
  const inputs = arrow < 0 ? tokens : tokens.slice(0, arrow);
  const outputs = arrow < 0 ? [] : tokens.slice(arrow + 1).flatMap(parseOutput);
  const required: Record<string, InputSpec> = {};
  const optional: Record<string, InputSpec> = {};
  const modelInputs = new Map<string, string>();
  const defaults = new Map<string, JsonValue>();
  for (const token of inputs) {
    for (const input of parseInput(token, name, section.form, options)) {
      (input.optional ? optional : required)[input.name] = input.spec;
      if (input.folder) modelInputs.set(input.name, input.folder);
      const fallback = input.spec[1]?.['default'];
      if (fallback !== undefined) defaults.set(input.name, fallback);
    }
  }
  const hidden = hiddenInputs(flags, section.form);
  const some = <T extends object>(record: T): T | undefined => (Object.keys(record).length > 0 ? record : undefined);
  const groups = { required, optional: some(optional), hidden: some(hidden) };
  const matches = outputs.some((entryOut) => entryOut.match);
  const definition: NodeDefinition = {
    input: withoutUndefined(groups),
    input_order: withoutUndefined({
      required: Object.keys(required),
      optional: groups.optional && Object.keys(optional),
      hidden: groups.hidden && Object.keys(hidden),
    }),
    output: outputs.map((entryOut) => entryOut.type),
    output_is_list: outputs.map((entryOut) => entryOut.list),
    output_name: outputs.map((entryOut) => entryOut.name),
    name,
    display_name: name,
    description: '',
    python_module: section.module,
    category: section.category,
    output_node: output === '!',
    ...(matches ? { output_matchtypes: outputs.map((entryOut) => entryOut.match) } : {}),
  };
  return { definition, modelInputs, defaults };
}

/** Splits at spaces outside brackets and quotes. */
function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let token = '';
  let depth = 0;
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && '({<'.includes(character)) depth++;
    else if (!quoted && ')}>'.includes(character) && token !== '-') depth--;
    if (character === ' ' && depth === 0 && !quoted) {
      if (token) tokens.push(token);
      token = '';
    } else {
      token += character;
    }
  }
  if (token) tokens.push(token);
  return tokens;
}

interface ParsedInput {
  readonly name: string;
  readonly optional: boolean;
  readonly spec: InputSpec;
  readonly folder: string | null;
}

function parseInput(token: string, className: string, form: 'v1' | 'v3', options: NotationOptions): ParsedInput[] {
  const colon = token.indexOf(':');
  const marks = /^([^?@]+)(\??)(@0\.8)?$/.exec(token.slice(0, colon));
  if (colon < 0 || !marks) throw new SyntaxError(`Cannot read input \`${token}\` of ${className}`);
  const [, names = '', question, since] = marks;
  if (since && options.profile === '0.3.64') return [];
  return namesOf(names).map((name) => {
    const special = options.special?.[className]?.[name];
    const parsed = special ? { spec: special, folder: null } : parseSpec(token.slice(colon + 1), form, options);
    return { name, optional: question === '?', ...parsed };
  });
}

function namesOf(text: string): string[] {
  return text.split(',').flatMap((name) => {
    const range = /^(.*)\{(\d+)\.\.(\d+)\}(.*)$/.exec(name);
    if (!range) return [name];
    const [, before = '', from, to, after = ''] = range;
    const count = Number(to) - Number(from) + 1;
    return Array.from({ length: count }, (_, i) => `${before}${Number(from) + i}${after}`);
  });
}

/** `TYPE=default[min..max/step~round],flag,flag`, or a choice in place of the type. */
function parseSpec(text: string, form: 'v1' | 'v3', options: NotationOptions): Omit<ParsedInput, 'name' | 'optional'> {
  const parts = /^(\(.*\)|\{.*\}|<.*>|[^=[,]+)(?:=("[^"]*"|[^[,]+|\[\]))?(?:\[([^\]]*)\])?((?:,\w+)*)$/s.exec(text);
  if (!parts) throw new SyntaxError(`Cannot read specification \`${text}\``);
  const [, type = '', fallback, range, flagText = ''] = parts;
  const flags = flagText.split(',').filter((flag) => flag !== '');
  if ('({<'.includes(type[0] ?? ' ')) return choiceSpec(type, fallback, flags, form, options);
  const alias = ALIASES[type];
  if (alias) return parseSpec(withOverrides(alias, fallback), form, options);
  const [wireType, extra] = stringKind(type);
  const values: Record<string, JsonValue> = {};
  if (fallback !== undefined) values['default'] = literal(fallback, wireType);
  if (range !== undefined) Object.assign(values, parseRange(range));
  return { spec: withOptions(wireType, { ...values, ...extra, ...flagOptions(flags) }, form), folder: null };
}

function withOverrides(alias: string, fallback: string | undefined): string {
  return fallback === undefined ? alias : alias.replace(/=[^[]+/, `=${fallback}`);
}

/** The three kinds of text fields. */
function stringKind(type: string): [string, Record<string, JsonValue>] {
  if (type === 'PROMPT') return ['STRING', { multiline: true, dynamicPrompts: true }];
  if (type === 'TEXT') return ['STRING', { multiline: true }];
  if (type === 'LINE') return ['STRING', { multiline: false }];
  return [type, {}];
}

function parseRange(text: string): Record<string, JsonValue> {
  const parts = /^([^.]*(?:\.\d+)?)\.\.([^/~]*)(?:\/([^~]+))?(?:~(.+))?$/.exec(text);
  if (!parts) throw new SyntaxError(`Cannot read range \`[${text}]\``);
  const [, min, max, step, round] = parts;
  const values: Record<string, JsonValue> = {};
  if (min) values['min'] = wholeOrFloat(min);
  if (max) values['max'] = wholeOrFloat(max);
  if (step) values['step'] = wholeOrFloat(step);
  if (round) values['round'] = round === 'no' ? false : wholeOrFloat(round);
  return values;
}

/** Numbers beyond 2^53 stay exact. */
function wholeOrFloat(text: string): number | bigint {
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

function literal(text: string, type: string): JsonValue {
  if (type === 'STRING') return text.startsWith('"') ? (JSON.parse(text) as string) : text;
  if (type === 'BOOLEAN') return text === 'true';
  return wholeOrFloat(text);
}

function choiceSpec(
  text: string,
  fallback: string | undefined,
  flags: readonly string[],
  form: 'v1' | 'v3',
  options: NotationOptions,
): Omit<ParsedInput, 'name' | 'optional'> {
  const inner = text.slice(1, -1).split('|');
  const values: Record<string, JsonValue> = {};
  let folder: string | null = null;
  let choices: readonly string[];
  if (text.startsWith('<')) {
    const [from = '', ...extra] = inner;
    folder = from === 'input' || from === 'none' ? null : from;
    const any = folder !== null && options.models === 'any';
    choices = [...(folder === null || options.models === 'any' ? [] : (options.models[folder] ?? [])), ...extra];
    if (any) values['accepts_any'] = true;
  } else {
    choices = inner.flatMap((choice) => (choice.startsWith('@') ? listOf(choice.slice(1)) : [choice]));
    choices = choices
      .filter((choice) => !isTooNew(choice, options.profile))
      .map((choice) => choice.replace(/@0\.8$/, ''));
  }
  if (fallback !== undefined) values['default'] = literal(fallback, 'STRING');
  Object.assign(values, flagOptions(flags));
  if (form === 'v3' || text.startsWith('{'))
    return { spec: ['COMBO', { ...values, multiselect: false, options: [...choices] }], folder };
  return { spec: [[...choices], values], folder };
}

function listOf(name: string): readonly string[] {
  const list = CHOICES[name];
  if (!list) throw new SyntaxError(`No list of choices called ${name}`);
  return list;
}

function isTooNew(text: string, profile: NodeProfile): boolean {
  return profile === '0.3.64' && text.includes('@0.8');
}

function flagOptions(flags: readonly string[]): Record<string, JsonValue> {
  const values: Record<string, JsonValue> = {};
  for (const flag of flags) {
    if (flag === 'number' || flag === 'color') values['display'] = flag;
    else values[flag] = true;
  }
  return values;
}

/** Old-form inputs without options are written without an options object. */
function withOptions(type: string, values: Record<string, JsonValue>, form: 'v1' | 'v3'): InputSpec {
  return form === 'v1' && Object.keys(values).length === 0 ? [type] : [type, values];
}

interface ParsedOutput {
  readonly name: string;
  readonly type: string;
  readonly list: boolean;
  readonly match: string | null;
}

/** `TYPE`, `name:TYPE`, `a,b:TYPE`, `TYPE[]`; `MATCH(t)` takes the type of the inputs of template t. */
function parseOutput(token: string): ParsedOutput[] {
  const parts = /^(?:([^:]+):)?([^[(]+)(?:\((\w+)\))?(\[\])?$/.exec(token);
  if (!parts) throw new SyntaxError(`Cannot read output \`${token}\``);
  const [, names, type = '', match, list] = parts;
  const wireType = type === 'MATCH' ? 'COMFY_MATCHTYPE_V3' : type;
  return (names ?? wireType)
    .split(',')
    .map((name) => ({ name, type: wireType, list: list !== undefined, match: match ?? null }));
}

function hiddenInputs(flags: string, form: 'v1' | 'v3'): Record<string, JsonValue> {
  const hidden: Record<string, JsonValue> = {};
  const wrap = (value: string): JsonValue => (form === 'v3' ? [value] : value);
  if (flags.includes('+graph')) {
    hidden['prompt'] = wrap('PROMPT');
    hidden['extra_pnginfo'] = wrap('EXTRA_PNGINFO');
  }
  if (flags.includes('+id')) hidden['unique_id'] = wrap('UNIQUE_ID');
  return hidden;
}

function withoutUndefined<T extends object>(
  record: T,
): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
} {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}
