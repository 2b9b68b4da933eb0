import type { JsonObject, JsonValue } from '../../core/json.js';
import { isJsonObject } from '../../core/json.js';
import { didYouMean, narrowInteger, nearestNames } from '../../graph/index.js';
import { pointerOf } from '../manifest.js';
import type { SeedMode, WorkflowInput } from '../types.js';

/**
 * The values of a request against the inputs of a workflow. All that is wrong is told at once, each by its place, with what
 * is allowed there.
 *
 * A value that is absent means the default. One that is there is meant, also when it is empty: "" is an empty text. null is
 * no value of any type, because it could mean either.
 */
export interface InputProblem {
  readonly input: string;
  /** Into the request: `#/inputs/steps`. */
  readonly pointer: string;
  readonly detail: string;
  /** What would do: limits, or the choices as far as they are few. */
  readonly allowed?: JsonObject;
  /** Choices or names that look like what was given. */
  readonly nearest?: readonly string[];
  /** Set where a limit of the account's plan is the reason. */
  readonly plan?: { readonly perk: string; readonly limit: number; readonly asked: number };
}

export type FileValue =
  | { readonly kind: 'media'; readonly mediaId: string }
  | { readonly kind: 'data'; readonly url: string }
  | { readonly kind: 'url'; readonly url: string };

/** What was given, understood. Absent inputs are not in it. */
export interface GivenValues {
  readonly values: ReadonlyMap<string, JsonValue>;
  readonly files: ReadonlyMap<string, FileValue>;
  /** Seeds that were asked for by a word. */
  readonly seedModes: ReadonlyMap<string, SeedMode>;
  readonly problems: readonly InputProblem[];
}

const MAX_CHARS = 100_000;
const MAX_CHOICES_SHOWN = 50;
const SEED_MODES: readonly SeedMode[] = ['random', 'fixed', 'increment'];

export function checkValues(inputs: readonly WorkflowInput[], given: JsonObject): GivenValues {
  const values = new Map<string, JsonValue>();
  const files = new Map<string, FileValue>();
  const seedModes = new Map<string, SeedMode>();
  const problems: InputProblem[] = [];
  const known = new Map(inputs.map((input) => [input.name, input]));
  for (const [name, value] of Object.entries(given)) {
    const input = known.get(name);
    if (input === undefined) {
      problems.push(unknownInput(name, inputs));
      continue;
    }
    const checked = checkValue(input, value);
    if ('detail' in checked)
      problems.push({ ...problemAt(name, checked.detail), ...allowedOf(input), ...checked.near });
    else if (checked.file !== undefined) files.set(name, checked.file);
    else if (checked.seedMode !== undefined) seedModes.set(name, checked.seedMode);
    else values.set(name, checked.value);
  }
  for (const input of inputs) {
    if (!input.required || Object.hasOwn(given, input.name)) continue;
    problems.push({ ...problemAt(input.name, 'It is required.'), ...allowedOf(input) });
  }
  return { values, files, seedModes, problems };
}

export function problemAt(name: string, detail: string): InputProblem {
  return { input: name.slice(0, 100), pointer: pointerOf(['inputs', name]), detail };
}

function unknownInput(name: string, inputs: readonly WorkflowInput[]): InputProblem {
  const names = inputs.map((input) => input.name);
  const nearest = nearestNames(name, names);
  const way = didYouMean(name, names) || (names.length === 0 ? 'It takes none.' : `It takes ${names.join(', ')}.`);
  return { ...problemAt(name, `The workflow has no such input. ${way}`), nearest };
}

type Checked =
  | { readonly value: JsonValue; readonly file?: FileValue; readonly seedMode?: SeedMode }
  | { readonly detail: string; readonly near?: { readonly nearest: readonly string[] } };

function checkValue(input: WorkflowInput, value: JsonValue): Checked {
  if (value === null)
    return {
      detail: `null is no value: leave it out for the default${input.type === 'string' ? ', or send "" for an empty text' : ''}.`,
    };
  switch (input.type) {
    case 'string':
      return checkText(input, value);
    case 'integer':
      return checkInteger(input, value);
    case 'number':
      return checkNumber(input, value);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : { detail: `Expected true or false, not ${described(value)}.` };
    case 'choice':
      return checkChoice(input, value);
    case 'file':
      return checkFile(input, value);
  }
}

function checkText(input: WorkflowInput, value: JsonValue): Checked {
  if (typeof value !== 'string') return { detail: `Expected a text, not ${described(value)}.` };
  const { minLength = 0, maxLength = MAX_CHARS } = input;
  const length = [...value].length;
  if (length < minLength)
    return { detail: length === 0 ? 'It must not be empty.' : `It has ${length} characters, and needs ${minLength}.` };
  if (length > maxLength) return { detail: `It has ${length} characters; ${maxLength} are allowed.` };
  // Half of a character would be replaced on its way to a backend, unseen.
  if (/\p{Surrogate}/u.test(value)) return { detail: 'It is not well-formed Unicode: it holds half of a character.' };
  return { value };
}

function checkInteger(input: WorkflowInput, value: JsonValue): Checked {
  if (input.role === 'seed' && typeof value === 'string') {
    const mode = SEED_MODES.find((word) => word === value);
    if (mode === 'fixed' && input.default === undefined)
      return { detail: 'There is no fixed seed to take: the workflow has no default.' };
    if (mode !== undefined) return { value, seedMode: mode };
  }
  const number = wholeNumber(value);
  if (number === undefined) {
    const words = input.role === 'seed' ? ', or one of "random", "fixed", "increment"' : '';
    return { detail: `Expected a whole number${words}, not ${described(value)}.` };
  }
  return withinLimits(input, number);
}

/** Also as text, because most languages cannot write a number above 2^53, and JavaScript would round it. */
function wholeNumber(value: JsonValue): number | bigint | undefined {
  if (typeof value === 'bigint') return narrowInteger(value);
  if (typeof value === 'string' && /^-?\d{1,30}$/.test(value)) return narrowInteger(BigInt(value));
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  // It has lost digits already; which ones, nobody can tell.
  return Number.isSafeInteger(value) ? value : undefined;
}

function checkNumber(input: WorkflowInput, value: JsonValue): Checked {
  if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isFinite(value))) {
    return { detail: `Expected a number, not ${described(value)}.` };
  }
  return withinLimits(input, value);
}

function withinLimits({ min, max }: WorkflowInput, value: number | bigint): Checked {
  if (min !== undefined && value < min) return { detail: `${value} is less than ${min}, the least.` };
  if (max !== undefined && value > max) return { detail: `${value} is more than ${max}, the most.` };
  return { value };
}

function checkChoice({ choices = [] }: WorkflowInput, value: JsonValue): Checked {
  if (choices.includes(value)) return { value };
  const names = choices.map(String);
  const nearest = typeof value === 'object' ? [] : nearestNames(String(value), names);
  const way = nearest.length > 0 ? ` Did you mean ${nearest.map((name) => JSON.stringify(name)).join(' or ')}?` : '';
  return { detail: `${described(value)} is not among its choices.${way}`, near: { nearest } };
}

const MEDIA_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DATA_URL = /^data:[\w.+-]+\/[\w.+-]+;base64,/i;
const WEB_URL = /^https?:\/\/[^\s]+$/i;

function checkFile({ takes }: WorkflowInput, value: JsonValue): Checked {
  const text = isJsonObject(value) && Object.keys(value).join() === 'media_id' ? value['media_id'] : value;
  if (typeof text !== 'string' || text === '') return { detail: `Expected a file, not ${described(value)}.` };
  if (DATA_URL.test(text)) return { value: text, file: { kind: 'data', url: text } };
  if (takes === 'url') {
    if (WEB_URL.test(text)) return { value: text, file: { kind: 'url', url: text } };
    return { detail: 'Expected the address of a file (http or https), or a data: URL.' };
  }
  if (MEDIA_ID.test(text)) return { value: text, file: { kind: 'media', mediaId: text } };
  const way = WEB_URL.test(text) ? ' An address is not fetched: upload the file first.' : '';
  return { detail: `Expected the id of an uploaded file, or a data: URL in base64.${way}` };
}

function described(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return `${value}, which has lost digits: write it as text`;
  }
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** What a value may be, for a program that shows it. */
function allowedOf(input: WorkflowInput): { readonly allowed?: JsonObject } {
  const { type, min, max, minLength, maxLength, choices, media } = input;
  const allowed: JsonObject = { type };
  for (const [name, limit] of Object.entries({ min, max, minLength, maxLength, media })) {
    if (limit !== undefined) allowed[name] = limit;
  }
  if (choices !== undefined && choices.length <= MAX_CHOICES_SHOWN) allowed['choices'] = [...choices];
  return { allowed };
}
