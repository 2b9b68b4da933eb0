import type { JsonValue } from '../../core/json.js';
import { dynamicOptions, type InputDefinition, isWidget } from '../definitions.js';
import { fitOf, isControlWord } from './fit.js';
import { fitsButton, itemOf, type Layout, type LayoutItem } from './layout.js';

/**
 * Puts the values of a `widgets_values` array beside the widgets that they belong to (`comfyui.md` 4.4 step 4).
 *
 * Files from different front end versions, and node definitions newer than the file, disagree about which slots exist.
 * Every variation known is tried; a variation is acceptable when no value is of a wrong type, and of those the one with
 * the least deviation wins. When none is acceptable the node is reported, because a shifted value makes a wrong picture
 * that looks right.
 */
export interface Alignment {
  readonly values: ReadonlyMap<string, JsonValue>;
  /** Widgets that the array does not reach, in order. */
  readonly missing: readonly InputDefinition[];
  /** Trailing or leading values that belong to no widget. */
  readonly extra: number;
  /** The order of nested widgets was inferred from their types. */
  readonly inferredOrder: boolean;
  /** 0 when the array has exactly the slots that the definition asks for. */
  readonly deviation: number;
}

export interface Misfit {
  readonly input: string;
  readonly value: JsonValue;
  readonly expected: string;
}

export interface AlignOptions {
  /** Widgets that a link feeds: what is stored for them does not matter. */
  readonly linked: ReadonlySet<string>;
  /** Order in which the file lists nested widgets, where it does. */
  readonly listed: readonly string[];
  /** False when the definitions come from a file that sorted their keys. */
  readonly definitionsKeepOrder: boolean;
}

interface Variation {
  readonly buttons: 'after required' | 'last' | 'none';
  /** words: a control word where one may be; eager: any control word after a number; legacy: booleans and holes too. */
  readonly control: 'words' | 'eager' | 'legacy';
  readonly forced: boolean;
  readonly custom: boolean;
  readonly skipHoles: boolean;
  readonly skipLeading: number;
}

const BASE: Variation = {
  buttons: 'after required',
  control: 'words',
  forced: false,
  custom: false,
  skipHoles: false,
  skipLeading: 0,
};

const MAX_LEADING_EXTRA = 3;
const COST_MISSING = 3;
const COST_EXTRA = 4;
const COST_LEADING = 6;

export function align(values: readonly JsonValue[], layout: Layout, options: AlignOptions): Alignment | Misfit {
  const base = walk(values, layout, BASE, options);
  if (base.misfit === null && base.deviation === 0 && base.loose === 0) return base;

  let best: Attempt | null = null;
  for (const variation of variationsFor(values, layout)) {
    const attempt = walk(values, layout, variation, options);
    // Values too many and values too few at once are no variation, but another node.
    if (attempt.misfit !== null || (attempt.extra > 0 && attempt.missing.length > 0)) continue;
    const better =
      best === null ||
      attempt.deviation < best.deviation ||
      (attempt.deviation === best.deviation && attempt.loose < best.loose);
    if (better) best = attempt;
  }
  if (best !== null) return best;
  const unfilled = base.missing[0];
  return (
    base.misfit ?? { input: unfilled?.name ?? '', value: values.at(-1) ?? null, expected: unfilled?.type ?? 'nothing' }
  );
}

export function isMisfit(result: Alignment | Misfit): result is Misfit {
  return 'expected' in result;
}

/** Only variations that can make a difference for this node, simplest first. */
function* variationsFor(values: readonly JsonValue[], layout: Layout): Generator<Variation> {
  const items = [...layout.required, ...layout.optional];
  const has = (kind: LayoutItem['kind']): boolean => items.some((item) => item.kind === kind);
  const numbers = items.some(({ input }) => input.type === 'INT' || input.type === 'FLOAT');
  const hasButtons = layout.addedButtons.length > 0;
  const leading = Math.min(MAX_LEADING_EXTRA, Math.max(0, values.length - 1));
  for (let skipLeading = 0; skipLeading <= leading; skipLeading++)
    for (const skipHoles of values.includes(null) ? [false, true] : [false])
      for (const custom of has('custom') ? [false, true] : [false])
        for (const forced of has('forced') ? [false, true] : [false])
          for (const control of numbers ? (['words', 'eager', 'legacy'] as const) : (['words'] as const))
            for (const buttons of hasButtons ? (['after required', 'last', 'none'] as const) : (['none'] as const))
              yield { buttons, control, forced, custom, skipHoles, skipLeading };
}

/** How far an attempt is from what the definition asks for; each kind of deviation is weighed by how rare it is. */
function deviationOf(missing: number, unused: number, inferred: boolean, variation: Variation): number {
  const unusual =
    Number(variation.control !== 'words') +
    Number(variation.forced) +
    Number(variation.custom) +
    Number(variation.skipHoles) +
    Number(inferred);
  return unusual + missing * COST_MISSING + unused * COST_EXTRA + variation.skipLeading * COST_LEADING;
}

interface Attempt extends Alignment {
  readonly loose: number;
  readonly misfit: Misfit | null;
}

function walk(values: readonly JsonValue[], layout: Layout, variation: Variation, options: AlignOptions): Attempt {
  const assigned = new Map<string, JsonValue>();
  const missing: InputDefinition[] = [];
  // Next item last: nested widgets are pushed on top when their combo has been read.
  const waiting = itemsFor(layout, variation).reverse();
  let position = variation.skipLeading;
  let loose = 0;
  let misfit: Misfit | null = null;
  let inferredOrder = false;

  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    if (item.kind === 'button') {
      if (position < values.length && fitsButton(values[position]!)) position++;
      continue;
    }
    const { input } = item;
    const unneeded = item.kind === 'forced' || options.linked.has(input.name);
    while (variation.skipHoles && values[position] === null && !unneeded) position++;
    if (position >= values.length) {
      if (!unneeded) missing.push(input);
      continue;
    }
    const value = values[position++]!;
    const fit = unneeded ? 'good' : fitOf(value, input);
    if (fit === 'wrong') misfit ??= { input: input.name, value, expected: input.type };
    if (fit === 'loose') loose++;
    if (item.kind !== 'forced') assigned.set(input.name, value);

    if (takesControl(item, values[position], waiting.at(-1), variation)) {
      position++;
      if (input.type === 'COMBO' && isFilter(values[position], waiting.at(-1))) position++;
    }
    const nested = nestedWidgets(input, value, values.slice(position), options);
    if (nested === null) misfit ??= { input: input.name, value, expected: 'nested inputs in a known order' };
    else if (nested.items.length > 0) {
      inferredOrder ||= nested.inferred;
      waiting.push(...[...nested.items].reverse());
    }
  }
  const unused = values.length - position;
  const deviation = deviationOf(missing.length, unused, inferredOrder, variation);
  return { values: assigned, missing, extra: variation.skipLeading + unused, inferredOrder, deviation, loose, misfit };
}

function itemsFor(layout: Layout, variation: Variation): LayoutItem[] {
  const buttons = (place: Variation['buttons']): readonly LayoutItem[] =>
    variation.buttons === place ? layout.addedButtons : [];
  return [...layout.required, ...buttons('after required'), ...layout.optional, ...buttons('last')].filter(
    ({ kind }) => (kind !== 'forced' || variation.forced) && (kind !== 'custom' || variation.custom),
  );
}

function takesControl(
  item: LayoutItem,
  next: JsonValue | undefined,
  nextItem: LayoutItem | undefined,
  variation: Variation,
): boolean {
  if (next === undefined) return false;
  const isNumber = item.input.type === 'INT' || item.input.type === 'FLOAT';
  if (!item.controlled && !isNumber) return false;
  if (isControlWord(next)) {
    if (item.controlled || variation.control === 'eager') return true;
    return nextItem === undefined || nextItem.kind === 'button' || fitOf(next, nextItem.input) !== 'good';
  }
  // Very old files hold a boolean: true meant randomize.
  return item.controlled && variation.control === 'legacy' && (typeof next === 'boolean' || next === null);
}

/** A controlled combo has a filter text after its control word. */
function isFilter(next: JsonValue | undefined, nextItem: LayoutItem | undefined): boolean {
  if (typeof next !== 'string') return false;
  return nextItem === undefined || nextItem.kind === 'button' || fitOf(next, nextItem.input) !== 'good';
}

interface Nested {
  readonly items: readonly LayoutItem[];
  readonly inferred: boolean;
}

/** Widgets that the chosen option of a dynamic combo brings. Null when their order cannot be told. */
function nestedWidgets(
  input: InputDefinition,
  chosen: JsonValue,
  upcoming: readonly JsonValue[],
  options: AlignOptions,
): Nested | null {
  const option = dynamicOptions(input).find(({ key }) => key === chosen);
  const widgets = option?.inputs.filter(isWidget) ?? [];
  if (widgets.length === 0) return { items: [], inferred: false };
  const items = widgets.map((widget) => itemOf('widget', widget));
  const listed = items.map(({ input: { name } }) => options.listed.indexOf(name));
  if (!listed.includes(-1)) {
    return { items: [...items].sort((a, b) => order(a, options) - order(b, options)), inferred: false };
  }
  if (options.definitionsKeepOrder || items.length === 1) return { items, inferred: false };
  return inferOrder(items, upcoming, options);
}

function order(item: LayoutItem, options: AlignOptions): number {
  return options.listed.indexOf(item.input.name);
}

const MAX_INFERRED = 5;

/**
 * The definitions were stored with sorted keys, so the order of these widgets is lost. It is taken from the types of the
 * values, and from the habit of every node that width comes before height; when that leaves a doubt, the node is reported.
 */
function inferOrder(
  items: readonly LayoutItem[],
  upcoming: readonly JsonValue[],
  options: AlignOptions,
): Nested | null {
  if (items.length > MAX_INFERRED || upcoming.length < items.length) return null;
  const fitting = permutations(items).filter((candidate) =>
    candidate.every(({ input }, index) => options.linked.has(input.name) || fitOf(upcoming[index]!, input) === 'good'),
  );
  const usual = fitting.filter(widthFirst);
  const only = usual.length === 1 ? usual[0] : fitting.length === 1 ? fitting[0] : undefined;
  return only === undefined ? null : { items: only, inferred: true };
}

function widthFirst(items: readonly LayoutItem[]): boolean {
  const names = items.map(({ input }) => input.name.split('.').at(-1));
  return !names.includes('height') || names.indexOf('width') <= names.indexOf('height');
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [first, ...rest]),
  );
}
