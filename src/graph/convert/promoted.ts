import { isJsonObject, type JsonObject, type JsonValue, parseLossless } from '../../core/json.js';
import { type DefinitionIndex, type InputDefinition, isWidget } from '../definitions.js';
import { align, isMisfit } from './align.js';
import { plainLayout } from './layout.js';
import { inputTargets, listOf, type SubgraphDefinition, type SubgraphSlot, type UiNode } from './model.js';

/**
 * Values of widgets that a subgraph shows on its outside (`comfyui.md` 4.5). Three generations of files:
 *
 * 1. the instance stores one value per input that feeds a widget inside, in the order of the definition's inputs
 * 2. `properties.proxyWidgets` only points at inner widgets, which keep the value; entries with node id -1 name the
 *    instance's own inputs, whose values the instance may store
 * 3. the values were written into the definition; the instance stores none
 *
 * So an instance without stored values leaves the inner widgets as they are.
 */
export type PromotedValues = ReadonlyMap<number, JsonValue>;

/** By index of the definition's input. Null when the stored values cannot be told apart. */
export function promotedValues(
  instance: UiNode,
  definition: SubgraphDefinition,
  definitions: DefinitionIndex,
  subgraphs: ReadonlyMap<string, SubgraphDefinition>,
): PromotedValues | null {
  const { namedValues, widgetValues } = instance;
  const fromNames = (named: JsonObject): PromotedValues =>
    byIndex(definition, (name) => (Object.hasOwn(named, name) ? named[name] : undefined));
  if (isJsonObject(widgetValues)) return fromNames(widgetValues);
  const stored = (widgetValues ?? []) as readonly JsonValue[];
  if (stored.length === 0) return namedValues === null ? new Map() : fromNames(namedValues);
  const proxied = byProxies(stored, instance, definition);
  if (proxied !== null) return proxied;

  const inputs = promotedInputs(definition, definitions, subgraphs);
  const linked = new Set(instance.inputs.filter(({ link }) => link !== null).map(({ name }) => name));
  const linkedKeys = [...inputs.keys()].filter((index) => linked.has(definition.inputs[index]!.name)).map(String);
  // Inputs may share a name with a nested one, so they are aligned under their number.
  const numbered = [...inputs].map(([index, input]) => ({ ...input, name: String(index) }));
  const aligned = align(stored, plainLayout(numbered), {
    linked: new Set(linkedKeys),
    listed: [],
    definitionsKeepOrder: definitions.keepOrder,
  });
  const exact = !isMisfit(aligned) && aligned.deviation === 0;
  if (namedValues !== null && !exact) return fromNames(namedValues);
  if (isMisfit(aligned)) return null;
  const values = new Map<number, JsonValue>();
  for (const [key, value] of aligned.values) {
    if (/^\d+$/.test(key) && value !== null) values.set(Number(key), value);
  }
  return values;
}

function byIndex(
  definition: SubgraphDefinition,
  storedFor: (inputName: string) => JsonValue | undefined,
): Map<number, JsonValue> {
  const values = new Map<number, JsonValue>();
  definition.inputs.forEach(({ name }, index) => {
    const value = storedFor(name);
    if (value !== undefined && value !== null) values.set(index, value);
  });
  return values;
}

/** With `-1` entries the stored values follow the list of proxies, or just those entries. */
function byProxies(
  stored: readonly JsonValue[],
  instance: UiNode,
  definition: SubgraphDefinition,
): Map<number, JsonValue> | null {
  const proxies = proxyWidgets(instance).filter(({ widget }) => !widget.startsWith('$$'));
  const own = proxies.filter(({ nodeId }) => nodeId === '-1');
  if (own.length === 0) return null;
  const order = stored.length === proxies.length ? proxies : stored.length === own.length ? own : null;
  if (order === null) return null;
  const values = new Map<number, JsonValue>();
  order.forEach(({ nodeId, widget }, position) => {
    const index = definition.inputs.findIndex(({ name }) => name === widget);
    const value = stored[position]!;
    if (nodeId === '-1' && index !== -1 && value !== null) values.set(index, value);
  });
  return values;
}

interface ProxyWidget {
  readonly nodeId: string;
  readonly widget: string;
}

/** `[[inner node id, widget name], …]`, or a JSON text of it. */
function proxyWidgets(instance: UiNode): ProxyWidget[] {
  let value = instance.properties['proxyWidgets'];
  if (typeof value === 'string') {
    try {
      value = parseLossless(value);
    } catch {
      return [];
    }
  }
  return listOf(value).flatMap((entry) => {
    const [nodeId, widget] = listOf(entry);
    return typeof widget === 'string' ? [{ nodeId: String(nodeId), widget }] : [];
  });
}

/** Inputs of the definition that feed a widget inside, by index. */
function promotedInputs(
  definition: SubgraphDefinition,
  definitions: DefinitionIndex,
  subgraphs: ReadonlyMap<string, SubgraphDefinition>,
): Map<number, InputDefinition> {
  const found = new Map<number, InputDefinition>();
  const walk: Walk = { definitions, subgraphs, known: new Map() };
  definition.inputs.forEach((_, index) => {
    const input = widgetBehind(definition, index, walk);
    if (input !== undefined) found.set(index, input);
  });
  return found;
}

interface Walk {
  readonly definitions: DefinitionIndex;
  readonly subgraphs: ReadonlyMap<string, SubgraphDefinition>;
  /** What is behind an input of a definition: definitions that instance each other ten times over are walked once each. */
  readonly known: Map<SubgraphSlot, InputDefinition | undefined>;
}

/** Deeper ones cannot be opened (`scope.ts`), and must not fill the stack before that is told. */
const MAX_DEPTH = 64;

/** Follows the links inwards, through nested instances, to the first widget that one of them ends at. */
function widgetBehind(
  definition: SubgraphDefinition,
  index: number,
  walk: Walk,
  depth = 0,
): InputDefinition | undefined {
  const { definitions, subgraphs, known } = walk;
  const outer = definition.inputs[index];
  if (outer === undefined || depth > MAX_DEPTH || known.has(outer)) return outer && known.get(outer);
  // Should the way come back here, it leads nowhere.
  known.set(outer, undefined);
  const found = (): InputDefinition | undefined => {
    for (const { target, slot } of inputTargets(definition, index)) {
      const nested = subgraphs.get(target.type);
      if (nested !== undefined) {
        const inner = nested.inputs.findIndex(({ name }) => name === slot.name);
        const widget = widgetBehind(nested, inner, walk, depth + 1);
        if (widget !== undefined) return widget;
        continue;
      }
      const input = definitions.input(target.type, slot.name);
      if (input !== undefined && isWidget(input)) return input;
      if (slot.widget !== null) return { name: slot.name, type: slot.type, required: false, options: {} };
    }
    return undefined;
  };
  const widget = found();
  known.set(outer, widget);
  return widget;
}
