import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';
import {
  type DefinitionIndex,
  type InputDefinition,
  isForcedSocket,
  isInterfaceOnly,
  isWidget,
  outputType,
} from '../definitions.js';
import { type Alignment, align, isMisfit } from './align.js';
import { plainLayout } from './layout.js';
import {
  boundaryLinks,
  integerOf,
  listOf,
  readNodeBody,
  SUBGRAPH_INPUT_ID,
  SUBGRAPH_OUTPUT_ID,
  type SubgraphDefinition,
  type SubgraphSlot,
  textOf,
  type UiLink,
  type UiNode,
  type UiSlot,
} from './model.js';

/**
 * Group nodes (`comfyui.md` 4.6), the predecessor of subgraphs, are turned into a subgraph definition, so that the rest of
 * the converter knows only one kind of nesting. Inner nodes are addressed by their index.
 *
 * The outer node shows what the inner ones leave open: first all unlinked sockets in node order, then the widgets that
 * were turned into sockets; its `widgets_values` hold the widgets that are still widgets, then (in newer front ends) the
 * others too. A name that is already taken gets the inner node's title in front.
 */
export interface ExpandedGroup {
  readonly definition: SubgraphDefinition;
  /** Inner node id -> input name -> value that the outer node stores. */
  readonly overrides: ReadonlyMap<string, ReadonlyMap<string, JsonValue>>;
}

const GROUP_TYPE = /^workflow[>/](.+)$/s;

/** Name of the group that a node type refers to, or null for other types. */
export function groupName(type: string): string | null {
  return GROUP_TYPE.exec(type)?.[1] ?? null;
}

/** Null when the values of the outer node cannot be told apart. */
export function expandGroup(outer: UiNode, data: JsonObject, definitions: DefinitionIndex): ExpandedGroup | null {
  const group = new GroupReader(data, definitions).read(outer.type);
  const overrides = outerValues(outer, group);
  return overrides === null ? null : { definition: group.definition, overrides };
}

interface GroupWidget {
  readonly nodeId: string;
  readonly input: InputDefinition;
  /** The inner node lists it as a socket. */
  readonly converted: boolean;
}

interface ReadGroup {
  readonly definition: SubgraphDefinition;
  readonly widgets: readonly GroupWidget[];
}

type InnerLink = Omit<UiLink, 'id'>;

class GroupReader {
  readonly #definitions: DefinitionIndex;
  readonly #nodes: UiNode[];
  readonly #config: JsonObject;
  readonly #external = new Set<string>();
  readonly #linksTo = new Map<string, InnerLink>();
  readonly #linksFrom = new Map<string, InnerLink[]>();
  readonly #links = new Map<string, UiLink>();
  readonly #inputs: SubgraphSlot[] = [];
  readonly #outputs: SubgraphSlot[] = [];
  readonly #slots = new Map<string, UiSlot[]>();
  readonly #seenNames = new Map<string, number>();

  constructor(data: JsonObject, definitions: DefinitionIndex) {
    this.#definitions = definitions;
    this.#config = isJsonObject(data['config']) ? data['config'] : {};
    this.#nodes = listOf(data['nodes']).map((node, index) => {
      const body = isJsonObject(node) ? node : {};
      return readNodeBody(String(index), textOf(body['type']) ?? '', body);
    });
    for (const entry of listOf(data['external'])) {
      const [node, slot] = listOf(entry);
      this.#external.add(outputKey(indexOf(node), integerOf(slot) ?? 0));
    }
    for (const entry of listOf(data['links'])) this.#readLink(listOf(entry));
  }

  read(type: string): ReadGroup {
    const widgets: GroupWidget[] = [];
    for (const node of this.#nodes) this.#slots.set(node.id, this.#knownSlots(node));
    for (const node of this.#nodes) {
      if (this.#isInternalReroute(node)) continue;
      for (const slot of this.#slots.get(node.id)!) if (slot.widget === null) this.#openSocket(node, slot);
      widgets.push(...this.#widgetsOf(node));
      this.#openOutputs(node);
    }
    const open = widgets.filter(({ nodeId, input }) => !this.#isFed(nodeId, input.name));
    // Converted widgets come after all sockets, and plain ones (which newer front ends give a socket too) last.
    for (const converted of [true, false]) {
      for (const widget of open) if (widget.converted === converted) this.#openWidget(widget);
    }
    const nodes = this.#nodes.map((node) => ({ ...node, inputs: this.#slots.get(node.id)! }));
    const graph = { nodes, byId: new Map(nodes.map((node) => [node.id, node])), links: this.#links, duplicateIds: [] };
    const definition: SubgraphDefinition = {
      ...graph,
      id: type,
      name: groupName(type) ?? type,
      inputs: this.#inputs,
      outputs: this.#outputs,
      ...boundaryLinks(graph, this.#inputs, this.#outputs),
    };
    return { definition, widgets: open };
  }

  /** `[source index, source slot, target index, target slot, id, type]`; a null source lies outside of the group. */
  #readLink([source, sourceSlot, target, targetSlot, , type]: readonly JsonValue[]): void {
    const originId = indexOf(source);
    const targetId = indexOf(target);
    if (originId === null || targetId === null) return;
    const link: InnerLink = {
      originId,
      originSlot: integerOf(sourceSlot) ?? 0,
      targetId,
      targetSlot: integerOf(targetSlot) ?? 0,
      type: textOf(type) ?? '*',
    };
    const from = outputKey(originId, link.originSlot);
    const siblings = this.#linksFrom.get(from);
    if (siblings === undefined) this.#linksFrom.set(from, [link]);
    else siblings.push(link);
    this.#linksTo.set(outputKey(targetId, link.targetSlot), link);
  }

  /** The inner node's sockets with their inner links; files may leave the list out. */
  #knownSlots(node: UiNode): UiSlot[] {
    const definition = this.#definitions.get(node.type);
    const listed: readonly UiSlot[] =
      node.inputs.length > 0 || definition === undefined
        ? node.inputs
        : this.#definitions
            .inputs(definition)
            .filter((input) => !isWidget(input) || isForcedSocket(input))
            .map((input) => ({ name: input.name, type: input.type, link: null, widget: null, label: null }));
    return listed.map((slot, index) => {
      const link = this.#linksTo.get(outputKey(node.id, index));
      return { ...slot, link: link === undefined ? null : this.#addLink(link) };
    });
  }

  #addLink(link: InnerLink): string {
    const id = String(this.#links.size + 1);
    this.#links.set(id, { id, ...link });
    return id;
  }

  #isInternalReroute(node: UiNode): boolean {
    if (node.type !== 'Reroute') return false;
    const key = outputKey(node.id, 0);
    return this.#linksTo.has(key) && this.#linksFrom.has(key) && !this.#external.has(key);
  }

  #isFed(nodeId: string, inputName: string): boolean {
    return this.#slots.get(nodeId)!.some(({ name, link }) => name === inputName && link !== null);
  }

  #openSocket(node: UiNode, slot: UiSlot): void {
    if (slot.link !== null) return;
    const type = node.type === 'Reroute' ? this.#rerouteType(node) : slot.type;
    // The configuration knows a reroute's input by its type, which is also the name that the outer node shows.
    const configName = node.type === 'Reroute' ? type : slot.name;
    const name = this.#outerName(node, configName, slot.label);
    if (this.#inputConfig(node, configName)?.['visible'] === false) return;
    this.#connectInput(node, slot.name, { name, type });
  }

  #openWidget({ nodeId, input }: GroupWidget): void {
    const node = this.#nodes[Number(nodeId)]!;
    const slots = this.#slots.get(nodeId)!;
    const listed = slots.find(({ name }) => name === input.name);
    const name = this.#outerName(node, input.name, listed?.label ?? null);
    // A primitive holds its value itself and has no socket that could be linked.
    if (node.type === 'PrimitiveNode') return;
    if (listed === undefined) {
      slots.push({ name: input.name, type: input.type, link: null, widget: input.name, label: null });
    }
    this.#connectInput(node, input.name, { name, type: input.type });
  }

  #connectInput(node: UiNode, inputName: string, outer: SubgraphSlot): void {
    const slots = this.#slots.get(node.id)!;
    const index = slots.findIndex(({ name }) => name === inputName);
    const link = this.#addLink({
      originId: SUBGRAPH_INPUT_ID,
      originSlot: this.#inputs.length,
      targetId: node.id,
      targetSlot: index,
      type: outer.type,
    });
    slots[index] = { ...slots[index]!, link };
    this.#inputs.push(outer);
  }

  #openOutputs(node: UiNode): void {
    const definition = this.#definitions.get(node.type);
    const count = definition?.output?.length ?? node.outputs.length;
    for (let slot = 0; slot < count; slot++) {
      const key = outputKey(node.id, slot);
      const usedInside = this.#linksFrom.has(key);
      if (node.type === 'PrimitiveNode' && !usedInside) continue;
      const visible = this.#outputConfig(node, slot)?.['visible'];
      if (visible === false || (visible !== true && usedInside && !this.#external.has(key))) continue;
      const type = (definition && outputType(definition, slot)) ?? node.outputs[slot]?.type ?? '*';
      this.#addLink({
        originId: node.id,
        originSlot: slot,
        targetId: SUBGRAPH_OUTPUT_ID,
        targetSlot: this.#outputs.length,
        type,
      });
      this.#outputs.push({ name: node.outputs[slot]?.name ?? type, type });
    }
  }

  #widgetsOf(node: UiNode): GroupWidget[] {
    if (node.type === 'PrimitiveNode') return this.#primitiveWidget(node);
    const definition = this.#definitions.get(node.type);
    if (definition === undefined) return [];
    return this.#definitions
      .inputs(definition)
      .filter((input) => isWidget(input) && !isInterfaceOnly(input))
      .map((input) => ({
        nodeId: node.id,
        input,
        converted: node.inputs.some(({ name, widget }) => name === input.name && widget === input.name),
      }));
  }

  /** The primitive's value is of the kind that its first target wants. */
  #primitiveWidget(node: UiNode): GroupWidget[] {
    const target = this.#linksFrom.get(outputKey(node.id, 0))?.[0];
    if (target === undefined) return [];
    const targetNode = this.#nodes[Number(target.targetId)];
    const targetName = targetNode?.inputs[target.targetSlot]?.name ?? '';
    const wanted = targetNode === undefined ? undefined : this.#definitions.input(targetNode.type, targetName);
    const input = wanted ?? { name: 'value', type: target.type, required: true, options: {} };
    // Inside a group a primitive has no control slot, whatever its target says.
    const options = { ...input.options, control_after_generate: false };
    return [{ nodeId: node.id, input: { ...input, name: 'value', options }, converted: false }];
  }

  #rerouteType(node: UiNode): string {
    const target = this.#linksFrom.get(outputKey(node.id, 0))?.[0];
    if (target === undefined) return node.outputs[0]?.type ?? '*';
    const type = this.#nodes[Number(target.targetId)]?.inputs[target.targetSlot]?.type;
    return type !== undefined && type !== '*' ? type : target.type;
  }

  #outerName(node: UiNode, inputName: string, label: string | null): string {
    let name = textOf(this.#inputConfig(node, inputName)?.['name']) ?? label ?? inputName;
    let counted = name;
    if ((node.type === 'PrimitiveNode' && node.title !== null) || this.#seenNames.has(name)) {
      const prefix = node.title ?? node.type;
      counted = `${prefix} ${inputName}`;
      const seen = this.#seenNames.get(counted);
      name = seen === undefined ? counted : `${prefix} ${seen} ${inputName}`;
    }
    this.#seenNames.set(counted, (this.#seenNames.get(counted) ?? 1) + 1);
    return name;
  }

  #inputConfig(node: UiNode, inputName: string): JsonObject | null {
    return childObject(childObject(childObject(this.#config, node.id), 'input'), inputName);
  }

  #outputConfig(node: UiNode, slot: number): JsonObject | null {
    return childObject(childObject(childObject(this.#config, node.id), 'output'), String(slot));
  }
}

function outerValues(outer: UiNode, { widgets }: ReadGroup): Map<string, Map<string, JsonValue>> | null {
  const stored = Array.isArray(outer.widgetValues) ? outer.widgetValues : [];
  const overrides = new Map<string, Map<string, JsonValue>>();
  if (stored.length === 0) return overrides;
  const plain = widgets.filter(({ converted }) => !converted);
  const converted = widgets.filter((widget) => widget.converted);
  const candidates = [[...plain, ...converted], widgets, plain];
  let best: { order: readonly GroupWidget[]; alignment: Alignment } | null = null;
  for (const order of candidates) {
    const alignment = alignOrder(stored, order);
    if (alignment === null) continue;
    if (best === null || deviation(alignment) < deviation(best.alignment)) best = { order, alignment };
  }
  if (best === null) return null;
  for (const [key, value] of best.alignment.values) {
    if (value === null) continue;
    // Nested widgets of a dynamic combo are aligned as `<number>.<name>`.
    const [index, ...nested] = key.split('.');
    const { nodeId, input } = best.order[Number(index)]!;
    const values = overrides.get(nodeId) ?? new Map<string, JsonValue>();
    overrides.set(nodeId, values.set([input.name, ...nested].join('.'), value));
  }
  return overrides;
}

/** Widgets of several nodes share names, so they are aligned under their number; seeds keep their control slot. */
function alignOrder(stored: readonly JsonValue[], order: readonly GroupWidget[]): Alignment | null {
  const inputs = order.map(({ input }, index) => {
    const isSeed = input.type === 'INT' && (input.name === 'seed' || input.name === 'noise_seed');
    const control = input.options['control_after_generate'] ?? isSeed;
    return { ...input, name: String(index), options: { ...input.options, control_after_generate: control } };
  });
  const options = { linked: new Set<string>(), listed: [], definitionsKeepOrder: true };
  const alignment = align(stored, plainLayout(inputs), options);
  return isMisfit(alignment) ? null : alignment;
}

function deviation({ missing, extra }: Alignment): number {
  return missing.length + extra;
}

function outputKey(id: string | null, slot: number): string {
  return `${id}:${slot}`;
}

/** An index, or (in `external`) the whole inner node with its index. */
function indexOf(value: JsonValue | undefined): string | null {
  const index = integerOf(isJsonObject(value) ? value['index'] : value);
  return index === null ? null : String(index);
}

function childObject(parent: JsonObject | null, key: string): JsonObject | null {
  const child = parent !== null && Object.hasOwn(parent, key) ? parent[key] : undefined;
  return isJsonObject(child) ? child : null;
}
