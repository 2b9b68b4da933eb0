import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.js';
import type { InputSpec, NodeDefinition, NodeDefinitions } from '../../src/graph/index.js';
import { type ClassEvidence, type Instance, isControlWord, mergeOrder } from './evidence.js';

/**
 * Definitions for the judge. The template collection uses hundreds of node classes that are younger than the recorded
 * `/object_info`. So that their workflows can be judged at all, such a class gets a stand-in, made from what the files show
 * of it. Both converters are given the same stand-in; that it need not be what the real node declares is why the figures
 * are counted apart.
 */
export interface JudgeDefinitions {
  readonly definitions: NodeDefinitions;
  /** Classes that are made up, or that got inputs which the recorded definition lacks. */
  readonly standIns: ReadonlySet<string>;
}

const MAX_REPETITIONS = 50;
const VIRTUAL = new Set(['Note', 'MarkdownNote', 'Reroute', 'PrimitiveNode']);
const WIDGETS = new Set(['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO']);
/** Types that newer windows have a widget for. */
const YOUNG_WIDGETS = new Set(['BOUNDING_BOX', 'BOUNDING_BOXES', 'COLOR', 'CURVE']);
/** Inputs that the window adds to a node by itself. */
const OF_THE_WINDOW = new Set(['IMAGEUPLOAD', 'AUDIOUPLOAD', 'AUDIO_UI']);

export function judgeDefinitions(
  recorded: NodeDefinitions,
  evidence: ReadonlyMap<string, ClassEvidence>,
): JudgeDefinitions {
  const definitions: Record<string, NodeDefinition> = {};
  const standIns = new Set<string>();
  for (const [name, definition] of Object.entries(recorded)) {
    const seen = evidence.get(name);
    const ordered = inOrder(definition, seen?.widgetOrder ?? []);
    const extended = seen === undefined ? ordered : withYoungerInputs(ordered, seen);
    if (extended !== ordered) standIns.add(name);
    definitions[name] = extended;
  }
  for (const [name, seen] of evidence) {
    if (Object.hasOwn(definitions, name) || VIRTUAL.has(name)) continue;
    const made = standIn(name, seen);
    if (made === null) continue;
    definitions[name] = made;
    standIns.add(name);
  }
  return { definitions, standIns };
}

/**
 * The recorded definitions have their keys sorted. A real server sends them in the order in which the node declares them,
 * and the front end relies on it: top-level inputs have it in `input_order`, nested ones only in the files.
 */
function inOrder(definition: NodeDefinition, widgetOrder: readonly string[]): NodeDefinition {
  const input: Record<string, Record<string, InputSpec>> = {};
  for (const [group, specs] of Object.entries((definition.input ?? {}) as Record<string, unknown>)) {
    if (!isJsonObject(specs as JsonValue)) continue;
    const names = (definition.input_order as Record<string, readonly string[]> | undefined)?.[group] ?? [];
    const sorted = sortBy(Object.keys(specs as object), names);
    input[group] = Object.fromEntries(
      sorted.map((name) => [name, nestedInOrder((specs as Record<string, InputSpec>)[name]!, name, widgetOrder)]),
    );
  }
  return { ...definition, input } as NodeDefinition;
}

function nestedInOrder(spec: InputSpec, path: string, widgetOrder: readonly string[]): InputSpec {
  const [type, options] = spec;
  if (type !== 'COMFY_DYNAMICCOMBO_V3' || !isJsonObject(options) || !Array.isArray(options['options'])) return spec;
  const choices = options['options'].filter(isJsonObject).map((choice) => {
    const groups = isJsonObject(choice['inputs']) ? choice['inputs'] : {};
    const inputs = Object.entries(groups).map(([group, specs]) => {
      const members = isJsonObject(specs) ? specs : {};
      const sorted = sortBy(
        Object.keys(members),
        widgetOrder.filter((name) => name.startsWith(`${path}.`)).map((name) => name.slice(path.length + 1)),
      );
      const ordered = sorted.map((name) => {
        const member = nestedInOrder(members[name] as unknown as InputSpec, `${path}.${name}`, widgetOrder);
        return [name, member as unknown as JsonValue] as const;
      });
      return [group, Object.fromEntries(ordered)] as const;
    });
    return { ...choice, inputs: Object.fromEntries(inputs) };
  });
  return [type, { ...options, options: choices }];
}

function sortBy(names: readonly string[], order: readonly string[]): string[] {
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...names].sort((a, b) => place(a) - place(b));
}

/** New inputs of a node go to its end, or files of before would be read wrongly. */
function withYoungerInputs(definition: NodeDefinition, seen: ClassEvidence): NodeDefinition {
  const input = definition.input as Record<string, Record<string, InputSpec>>;
  const isKnown = (name: string) =>
    name.includes('.') || Object.values(input).some((specs) => Object.hasOwn(specs, name));
  const sockets = [...seen.sockets].filter(([name, type]) => !isKnown(name) && !OF_THE_WINDOW.has(type));
  const widgets = [...seen.widgetTypes].filter(([name, type]) => !isKnown(name) && WIDGETS.has(type));
  // Autogrow inputs of older files stand in a list without dots; the recorded definition knows better.
  const isGrowing = Object.values(input).some((specs) =>
    Object.values(specs).some(([type]) => type === 'COMFY_AUTOGROW_V3'),
  );
  if (isGrowing || (sockets.length === 0 && widgets.length === 0)) return definition;
  const younger = {
    ...Object.fromEntries(sockets.map(([name, type]) => [name, socketSpec(type)])),
    ...Object.fromEntries(
      widgets.map(([name, type]) => {
        const values = valuesOf(seen, name);
        return [name, widgetSpec(type === 'COMBO' && values.every(isNumber) ? typeOf(values) : type, values, false)];
      }),
    ),
  };
  return ordered({
    ...definition,
    input: { ...input, optional: { ...input['optional'], ...younger } },
  } as NodeDefinition);
}

function standIn(name: string, seen: ClassEvidence): NodeDefinition | null {
  const widgets = widgetsOf(seen);
  if (widgets === null) return null;
  const sockets = [...seen.sockets]
    .filter(([socket]) => !Object.hasOwn(widgets, socket.split('.')[0]!))
    .map(([socket, type]) => [socket, socketSpec(type)] as const);
  return ordered({
    name,
    display_name: name,
    description: '',
    category: 'stand-in',
    python_module: 'nodes',
    input: { required: widgets, optional: Object.fromEntries(sockets) },
    output: seen.outputs.map(({ type }) => type),
    output_is_list: seen.outputs.map(() => false),
    output_name: seen.outputs.map(({ name: output }) => output),
    output_node: seen.outputs.length === 0,
  } as unknown as NodeDefinition);
}

function ordered(definition: NodeDefinition): NodeDefinition {
  const groups = definition.input as unknown as Record<string, object>;
  const order = Object.fromEntries(Object.entries(groups).map(([group, specs]) => [group, Object.keys(specs)]));
  return { ...definition, input_order: order } as unknown as NodeDefinition;
}

/** Null when a value is of a kind that only a widget of the node's own can hold, or the files do not tell enough. */
function widgetsOf(seen: ClassEvidence): Record<string, InputSpec> | null {
  const best = mostTelling(seen.instances);
  if (best === undefined) return {};
  const known = new Set(best.values.map(({ name }) => name));
  // Nobody can say where a widget stands that only a node with hidden widgets shows.
  if (seen.widgetOrder.some((name) => !name.includes('.') && !known.has(name))) return null;
  const nested = new Set([...seen.widgetOrder, ...seen.sockets.keys()].filter((name) => name.includes('.')));
  const parents = new Set(
    [...nested].map((name) => name.split('.')[0]!).filter((name) => seen.widgetOrder.includes(name)),
  );
  const specs: Record<string, InputSpec> = {};
  for (const [name, spec] of specsOf(best, seen)) {
    if (spec === null) return null;
    const parent = name.split('.')[0]!;
    if (!parents.has(parent)) specs[name] = spec;
    else if (parent === name) {
      const combo = dynamicCombo(name, seen);
      if (combo === null) return null;
      specs[name] = combo;
    }
  }
  return specs;
}

/** The node whose widgets are named best; its gaps are filled from nodes with as many values. */
function mostTelling(instances: readonly Instance[]): Instance | undefined {
  const namesIn = ({ values }: Instance) => values.filter(({ name }) => name !== null).length;
  const [best, ...others] = [...instances].sort(
    (a, b) => Number(b.isNamed) - Number(a.isNamed) || b.values.length - a.values.length || namesIn(b) - namesIn(a),
  );
  if (best === undefined || best.isNamed) return best;
  const alike = others.filter(({ values }) => values.length === best.values.length);
  const taken = new Set(best.values.map(({ name }) => name));
  const values = best.values.map(({ name, value }, index) => {
    const found = alike.map((other) => other.values[index]?.name ?? null).find((other) => other !== null);
    if (name !== null || found === undefined || found === null || taken.has(found)) return { name, value };
    taken.add(found);
    return { name: found, value };
  });
  return { ...best, values };
}

/** The widgets of one node; null for what no plain widget can hold. */
function specsOf({ values }: Instance, seen: ClassEvidence): (readonly [string, InputSpec | null])[] {
  return values.flatMap(({ name, value }, index) => {
    if (name === null && isControlWord(value)) return [];
    const follower = values[index + 1];
    const hasControl = follower !== undefined && isControlWord(follower.value);
    const samples = name === null ? [value] : valuesOf(seen, name);
    const spec = samples.every(isPlain)
      ? widgetSpec((name === null ? undefined : seen.widgetTypes.get(name)) ?? typeOf(samples), samples, hasControl)
      : null;
    return [[name ?? `value_${index + 1}`, spec] as const];
  });
}

/** Dotted names belong to the choice that the combo before the dot had in that file. */
function dynamicCombo(name: string, seen: ClassEvidence): InputSpec | null {
  const choices = new Map<string, JsonObject>();
  for (const instance of seen.instances) {
    const key = instance.values.find((entry) => entry.name === name)?.value;
    // What a choice brings cannot be known from a node that hides its widgets.
    if (!instance.isNamed || typeof key !== 'string') continue;
    const widgets = specsOf(instance, seen).filter(([child]) => child.startsWith(`${name}.`));
    if (widgets.some(([, spec]) => spec === null)) return null;
    const before = asObject(choices.get(key)?.['required']);
    const required = inMergedOrder({ ...before, ...strip(widgets, name) }, Object.keys(before), widgets, name);
    const optional = { ...asObject(choices.get(key)?.['optional']), ...nestedSockets(instance.sockets, name) };
    choices.set(key, { required, optional });
  }
  if (choices.size === 0) return null;
  return ['COMFY_DYNAMICCOMBO_V3', { options: [...choices].map(([key, inputs]) => ({ key, inputs })) }];
}

/** Nodes of one choice agree on an order, though not each has every widget. */
function inMergedOrder(
  specs: JsonObject,
  before: readonly string[],
  widgets: readonly (readonly [string, unknown])[],
  parent: string,
): JsonObject {
  const order = [...before];
  mergeOrder(
    order,
    widgets.map(([name]) => name.slice(parent.length + 1)),
  );
  return Object.fromEntries(order.map((name) => [name, specs[name]!]));
}

function strip(entries: readonly (readonly [string, InputSpec | null])[], parent: string): JsonObject {
  return Object.fromEntries(
    entries.map(([name, spec]) => [name.slice(parent.length + 1), spec as unknown as JsonValue]),
  );
}

/** `model.image` is an input of the choice; `model.images.image_1` a repetition of its growing input `images`. */
function nestedSockets(sockets: ReadonlyMap<string, string>, parent: string): JsonObject {
  const inputs: Record<string, JsonValue> = {};
  for (const [path, type] of sockets) {
    if (!path.startsWith(`${parent}.`)) continue;
    const [name = '', repetition] = path.slice(parent.length + 1).split('.');
    if (repetition === undefined) inputs[name] = socketSpec(type) as unknown as JsonValue;
    else inputs[name] ??= growing(repetition, type) as unknown as JsonValue;
  }
  return inputs;
}

/** Repetitions count from that of the first one on: `image_1`, `image_2`, ... */
function growing(first: string, type: string): InputSpec {
  const prefix = first.replace(/\d+$/, '');
  const start = Number(first.slice(prefix.length));
  const names = Array.from({ length: MAX_REPETITIONS }, (_, index) => `${prefix}${start + index}`);
  const input = { required: { [prefix]: socketSpec(type) as unknown as JsonValue } };
  return ['COMFY_AUTOGROW_V3', { template: { input, names, min: 0 } }];
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function valuesOf(seen: ClassEvidence, name: string): JsonValue[] {
  return seen.instances.flatMap(({ values }) =>
    values.filter((entry) => entry.name === name).map(({ value }) => value),
  );
}

/** A type that is a widget's by nature is told not to be one. */
function socketSpec(type: string): InputSpec {
  return [type, WIDGETS.has(type) || YOUNG_WIDGETS.has(type) ? { forceInput: true } : {}];
}

function isPlain(value: JsonValue): boolean {
  return value === null || typeof value !== 'object' || isNumber(value);
}

function isNumber(value: JsonValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function typeOf(values: readonly JsonValue[]): string {
  if (values.every((value) => typeof value === 'boolean')) return 'BOOLEAN';
  if (values.every(isNumber)) return values.every((value) => Number.isInteger(Number(value))) ? 'INT' : 'FLOAT';
  return 'STRING';
}

function widgetSpec(type: string, values: readonly JsonValue[], hasControl: boolean): InputSpec {
  const control = hasControl ? { control_after_generate: true } : {};
  switch (type) {
    case 'BOOLEAN':
      return ['BOOLEAN', { default: false }];
    case 'INT':
      return ['INT', { default: 0, min: -(2 ** 53), max: 2 ** 53, ...control }];
    case 'FLOAT':
      return ['FLOAT', { default: 0, min: -(2 ** 53), max: 2 ** 53, step: 0.01, ...control }];
    case 'STRING':
      return ['STRING', { default: '', multiline: true }];
    default:
      return ['COMBO', { options: [...new Set(values.filter((value) => value !== null))], ...control }];
  }
}
