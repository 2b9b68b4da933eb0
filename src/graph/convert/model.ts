import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';

/**
 * UI-format files read leniently into one shape (`comfyui.md` 4.2, 4.5). Ids are strings, links of both forms are alike,
 * slots may be numeric strings in the file. What is missing or of a wrong type is left out, never an exception: files
 * have been written by many programs over the years.
 */
export interface UiSlot {
  readonly name: string;
  readonly type: string;
  /** Id of the link that ends here. */
  readonly link: string | null;
  /** Name of the widget that this slot feeds; null for a plain socket. */
  readonly widget: string | null;
  readonly label: string | null;
}

export interface UiOutput {
  readonly name: string;
  readonly type: string;
}

export interface UiNode {
  readonly id: string;
  readonly type: string;
  readonly title: string | null;
  readonly mode: number;
  readonly inputs: readonly UiSlot[];
  readonly outputs: readonly UiOutput[];
  readonly widgetValues: readonly JsonValue[] | JsonObject | null;
  /** `widgets_values_named` of newer front ends. */
  readonly namedValues: JsonObject | null;
  readonly properties: JsonObject;
}

export interface UiLink {
  /** Unique within its graph. */
  readonly id: string;
  readonly originId: string;
  readonly originSlot: number;
  readonly targetId: string;
  readonly targetSlot: number;
  readonly type: string;
}

export interface UiGraph {
  readonly nodes: readonly UiNode[];
  readonly byId: ReadonlyMap<string, UiNode>;
  readonly links: ReadonlyMap<string, UiLink>;
  /** Ids that more than one node has; the first one counts. */
  readonly duplicateIds: readonly string[];
}

export interface SubgraphSlot {
  readonly name: string;
  readonly type: string;
}

/** A subgraph, or a group node brought into the same form. */
export interface SubgraphDefinition extends UiGraph {
  readonly id: string;
  readonly name: string;
  readonly inputs: readonly SubgraphSlot[];
  readonly outputs: readonly SubgraphSlot[];
  /** Per output: the link inside that feeds it. */
  readonly outputLinks: readonly (UiLink | null)[];
  /** Links from the inner input node, per input. */
  readonly inputLinks: readonly (readonly UiLink[])[];
}

/** Ids of the two virtual nodes that stand for a subgraph's own inputs and outputs. */
export const SUBGRAPH_INPUT_ID = '-10';
export const SUBGRAPH_OUTPUT_ID = '-20';

export const MODE_MUTED = 2;
export const MODE_BYPASSED = 4;

/** Renamed classes of old files (`comfyui.md` 4.4 step 0). */
const RENAMED_CLASSES: ReadonlyMap<string, string> = new Map([
  ['T2IAdapterLoader', 'ControlNetLoader'],
  ['SDV_img2vid_Conditioning', 'SVD_img2vid_Conditioning'],
]);

export function readUiGraph(source: JsonObject): UiGraph {
  const nodes: UiNode[] = [];
  const byId = new Map<string, UiNode>();
  const duplicateIds: string[] = [];
  for (const value of listOf(source['nodes'])) {
    const node = readNode(value);
    if (node === null) continue;
    if (byId.has(node.id)) {
      duplicateIds.push(node.id);
      continue;
    }
    nodes.push(node);
    byId.set(node.id, node);
  }
  return { nodes, byId, links: readLinks(source['links']), duplicateIds };
}

/** All subgraph definitions of a file by id, also those kept inside other definitions. */
export function readSubgraphDefinitions(workflow: JsonObject): Map<string, SubgraphDefinition> {
  const found = new Map<string, SubgraphDefinition>();
  const waiting: JsonObject[] = [workflow];
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    const definitions = holder['definitions'];
    if (!isJsonObject(definitions)) continue;
    for (const source of listOf(definitions['subgraphs'])) {
      if (!isJsonObject(source)) continue;
      const id = idOf(source['id']);
      if (id === null || found.has(id)) continue;
      found.set(id, readSubgraph(id, source));
      waiting.push(source);
    }
  }
  return found;
}

function readSubgraph(id: string, source: JsonObject): SubgraphDefinition {
  const graph = readUiGraph(source);
  const inputs = readSubgraphSlots(source['inputs']);
  const outputs = readSubgraphSlots(source['outputs']);
  return {
    ...graph,
    id,
    name: textOf(source['name']) ?? id,
    inputs,
    outputs,
    ...boundaryLinks(graph, inputs, outputs),
  };
}

export function boundaryLinks(
  graph: Pick<UiGraph, 'links'>,
  inputs: readonly SubgraphSlot[],
  outputs: readonly SubgraphSlot[],
): Pick<SubgraphDefinition, 'inputLinks' | 'outputLinks'> {
  const inputLinks: UiLink[][] = inputs.map(() => []);
  const outputLinks: (UiLink | null)[] = outputs.map(() => null);
  for (const link of graph.links.values()) {
    if (link.originId === SUBGRAPH_INPUT_ID) inputLinks[link.originSlot]?.push(link);
    if (link.targetId === SUBGRAPH_OUTPUT_ID && outputLinks[link.targetSlot] === null) {
      outputLinks[link.targetSlot] = link;
    }
  }
  return { inputLinks, outputLinks };
}

export interface InputTarget {
  readonly target: UiNode;
  readonly slot: UiSlot;
}

/** The slots inside that an input feeds, in the order of their links. One at a time: the first is mostly enough. */
export function* inputTargets(definition: SubgraphDefinition, input: number): Generator<InputTarget> {
  for (const link of definition.inputLinks[input] ?? []) {
    const target = definition.byId.get(link.targetId);
    // The target's own list names the link; the link's slot number is not to be trusted.
    const slot = target?.inputs.find(({ link: id }) => id !== null && definition.links.get(id) === link);
    if (target !== undefined && slot !== undefined) yield { target, slot };
  }
}

function readSubgraphSlots(value: JsonValue | undefined): SubgraphSlot[] {
  return listOf(value).map((slot) => ({
    name: isJsonObject(slot) ? (textOf(slot['name']) ?? '') : '',
    type: isJsonObject(slot) ? slotType(slot['type']) : '*',
  }));
}

function readNode(value: JsonValue): UiNode | null {
  if (!isJsonObject(value)) return null;
  const id = idOf(value['id']);
  const type = textOf(value['type']);
  if (id === null || type === null) return null;
  return readNodeBody(id, type, value);
}

/** Group nodes keep inner nodes without ids, so the id is given from outside. */
export function readNodeBody(id: string, type: string, value: JsonObject): UiNode {
  const widgetValues = value['widgets_values'];
  const named = value['widgets_values_named'];
  const properties = value['properties'];
  return {
    id,
    type: RENAMED_CLASSES.get(type) ?? type.trim(),
    title: textOf(value['title']),
    mode: integerOf(value['mode']) ?? 0,
    inputs: listOf(value['inputs']).filter(isJsonObject).map(readSlot),
    outputs: listOf(value['outputs']).map((output) => ({
      name: isJsonObject(output) ? (textOf(output['name']) ?? '') : '',
      type: isJsonObject(output) ? slotType(output['type']) : '*',
    })),
    widgetValues: Array.isArray(widgetValues) || isJsonObject(widgetValues) ? widgetValues : null,
    namedValues: isJsonObject(named) ? named : null,
    properties: isJsonObject(properties) ? properties : {},
  };
}

function readSlot(slot: JsonObject): UiSlot {
  const widget = slot['widget'];
  return {
    name: textOf(slot['name']) ?? '',
    type: slotType(slot['type']),
    link: idOf(slot['link']),
    widget: isJsonObject(widget) ? textOf(widget['name']) : null,
    label: textOf(slot['label']),
  };
}

function readLinks(value: JsonValue | undefined): Map<string, UiLink> {
  const links = new Map<string, UiLink>();
  for (const entry of isJsonObject(value) ? Object.values(value) : listOf(value)) {
    const fields = Array.isArray(entry)
      ? entry
      : isJsonObject(entry)
        ? [
            entry['id'],
            entry['origin_id'],
            entry['origin_slot'],
            entry['target_id'],
            entry['target_slot'],
            entry['type'],
          ]
        : [];
    const id = idOf(fields[0]);
    const originId = idOf(fields[1]);
    const targetId = idOf(fields[3]);
    if (id === null || originId === null || targetId === null) continue;
    links.set(id, {
      id,
      originId,
      originSlot: integerOf(fields[2]) ?? 0,
      targetId,
      targetSlot: integerOf(fields[4]) ?? 0,
      type: slotType(fields[5]),
    });
  }
  return links;
}

function idOf(value: JsonValue | undefined): string | null {
  // As a key of the graph this name would replace the prototype of the object.
  if (typeof value === 'string' && value !== '' && value !== '__proto__') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

export function integerOf(value: JsonValue | undefined): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null;
  return typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : null;
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** A combo's slot carries its list of choices as type in old files; -1 stands for an action slot. */
function slotType(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? 'COMBO' : '*';
}
