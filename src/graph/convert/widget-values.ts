import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';
import {
  type DefinitionIndex,
  dynamicOptions,
  type InputDefinition,
  isCaptureWidget,
  isWidget,
} from '../definitions.js';
import type { NodeDefinition } from '../types.js';
import { type AlignOptions, align, isMisfit } from './align.js';
import { defaultOf } from './fit.js';
import { type Layout, type LayoutItem, nodeLayout } from './layout.js';
import type { UiNode } from './model.js';

/**
 * The widget values of one node by input name (`comfyui.md` 4.4 step 4).
 *
 * Newer files hold them twice, as an array and by name. The array is read when it has exactly the slots that the
 * definition asks for, because it is what the ComfyUI window reads, and programs that edit files change only the array.
 * The names are read when the array does not match: they survive a definition that has gained or lost a widget.
 */
export interface WidgetValues {
  /** In the order of the definition. */
  readonly values: ReadonlyMap<string, JsonValue>;
  /** Widgets that the file says nothing about and that got what a fresh widget holds. */
  readonly defaulted: readonly string[];
  /** Required widgets for which there is neither a value nor a default. */
  readonly unfilled: readonly InputDefinition[];
  /** Remarks for the user: what was inferred or ignored. */
  readonly remarks: readonly string[];
}

/** Why the values cannot be told. */
export interface WidgetProblem {
  readonly problem: string;
  readonly input?: string;
}

export function isWidgetProblem(result: WidgetValues | WidgetProblem): result is WidgetProblem {
  return 'problem' in result;
}

export function widgetValuesOf(
  node: UiNode,
  definition: NodeDefinition,
  definitions: DefinitionIndex,
): WidgetValues | WidgetProblem {
  const layout = nodeLayout(node, definition, definitions.inputs(definition));
  const { widgetValues, namedValues } = node;
  const options = alignOptions(node, definitions);
  if (namedValues !== null && !(Array.isArray(widgetValues) && isExact(widgetValues, layout, options))) {
    return fromNames(layout, namedValues, false);
  }
  if (isJsonObject(widgetValues)) return fromNames(layout, widgetValues, true);
  return fromPositions(layout, (widgetValues ?? []) as readonly JsonValue[], options);
}

/** The array has exactly the slots of the layout, each with a value of its type. */
function isExact(stored: readonly JsonValue[], layout: Layout, options: AlignOptions): boolean {
  const aligned = align(stored, layout, options);
  return !isMisfit(aligned) && aligned.deviation === 0;
}

function alignOptions(node: UiNode, definitions: DefinitionIndex): AlignOptions {
  return {
    linked: new Set(node.inputs.filter(({ link }) => link !== null).map(({ name }) => name)),
    listed: node.inputs.map(({ name }) => name),
    get definitionsKeepOrder() {
      return definitions.keepOrder;
    },
  };
}

function fromPositions(
  layout: Layout,
  stored: readonly JsonValue[],
  options: AlignOptions,
): WidgetValues | WidgetProblem {
  const aligned = align(stored, layout, options);
  if (isMisfit(aligned)) {
    const shown = JSON.stringify(aligned.value, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    return {
      input: aligned.input,
      problem: `its ${stored.length} stored widget values do not fit its inputs: "${aligned.input}" wants ${aligned.expected} but would get ${shown.slice(0, 80)}`,
    };
  }
  const remarks: string[] = [];
  if (aligned.extra > 0) remarks.push(`${aligned.extra} stored widget value(s) belong to no input and were ignored`);
  if (aligned.inferredOrder) remarks.push('the order of nested widgets was inferred from the types of their values');
  return complete(new Map(aligned.values), aligned.missing, options.linked, remarks);
}

/**
 * `keepUnknown`: object-valued files come from nodes that add widgets by themselves (per video format, for example) and
 * read them at run time, so plain values that the definition does not list are passed on. ComfyUI ignores what a node
 * does not take.
 */
function fromNames(layout: Layout, stored: JsonObject, keepUnknown: boolean): WidgetValues {
  const values = new Map<string, JsonValue>();
  const missing: InputDefinition[] = [];
  const waiting: LayoutItem[] = [...layout.required, ...layout.optional].reverse();
  const interfaceNames = new Set<string>(layout.addedButtons.map(({ input }) => input.name));
  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    const { input, kind } = item;
    if (kind === 'button') interfaceNames.add(input.name);
    if (kind === 'button' || kind === 'forced') continue;
    const value = Object.hasOwn(stored, input.name) ? stored[input.name] : undefined;
    if (value !== undefined && value !== null) values.set(input.name, value);
    else if (kind === 'widget') missing.push(input);
    waiting.push(...nestedItems(input, value ?? defaultOf(input)).reverse());
  }
  if (keepUnknown) {
    for (const [name, value] of Object.entries(stored)) {
      const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      if (!plain || values.has(name) || interfaceNames.has(name) || name === 'control_after_generate') continue;
      values.set(name, value);
    }
  }
  return complete(values, missing, new Set(), []);
}

function nestedItems(input: InputDefinition, chosen: JsonValue | undefined): LayoutItem[] {
  const option = dynamicOptions(input).find(({ key }) => key === chosen);
  return (option?.inputs ?? [])
    .filter(isWidget)
    .map((nested) => ({ kind: 'widget', input: nested, controlled: false }));
}

function complete(
  values: Map<string, JsonValue>,
  missing: readonly InputDefinition[],
  linked: ReadonlySet<string>,
  remarks: readonly string[],
): WidgetValues {
  const defaulted: string[] = [];
  const unfilled: InputDefinition[] = [];
  const waiting = [...missing].reverse();
  for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) {
    if (linked.has(input.name)) continue;
    const value = isCaptureWidget(input) ? undefined : defaultOf(input);
    if (value === undefined) {
      if (input.required) unfilled.push(input);
      continue;
    }
    values.set(input.name, value);
    defaulted.push(input.name);
    for (const { input: nested } of nestedItems(input, value).reverse()) {
      if (!values.has(nested.name)) waiting.push(nested);
    }
  }
  return { values, defaulted, unfilled, remarks };
}
