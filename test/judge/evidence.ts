import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.js';

/** What workflow files tell of a node class: its inputs, its widgets in their order, and the values that they held. */
export interface ClassEvidence {
  /** Type by name of plain inputs. */
  readonly sockets: Map<string, string>;
  /** Type by name of widgets that were shown as inputs. */
  readonly widgetTypes: Map<string, string>;
  /** Names of widgets, in the order that all files agree on; nested ones are dotted. */
  readonly widgetOrder: string[];
  outputs: readonly { readonly name: string; readonly type: string }[];
  readonly instances: Instance[];
}

export interface Instance {
  /** Values in the order of the widgets; the name is null where the file does not tell it, and for control slots. */
  readonly values: readonly { readonly name: string | null; readonly value: JsonValue }[];
  /** The file names all of them. */
  readonly isNamed: boolean;
  /** Type by name of the plain inputs of this very node. */
  readonly sockets: ReadonlyMap<string, string>;
}

export function gatherEvidence(workflows: Iterable<JsonObject>): Map<string, ClassEvidence> {
  const byClass = new Map<string, ClassEvidence>();
  for (const workflow of workflows) {
    for (const node of allNodes(workflow)) {
      const type = String(node['type']);
      let evidence = byClass.get(type);
      if (evidence === undefined) {
        evidence = { sockets: new Map(), widgetTypes: new Map(), widgetOrder: [], outputs: [], instances: [] };
        byClass.set(type, evidence);
      }
      add(evidence, node);
    }
  }
  return byClass;
}

/** Nodes of every level, without instances of subgraphs. */
export function allNodes(workflow: JsonObject): JsonObject[] {
  const levels = [workflow];
  for (let i = 0; i < levels.length; i++) {
    const { definitions } = levels[i]!;
    if (isJsonObject(definitions)) levels.push(...objects(definitions['subgraphs']));
  }
  const subgraphs = new Set(levels.slice(1).map(({ id }) => id));
  return levels.flatMap(({ nodes }) => objects(nodes)).filter(({ type }) => !subgraphs.has(type));
}

function add(evidence: ClassEvidence, node: JsonObject): void {
  const listed: string[] = [];
  const sockets = new Map<string, string>();
  for (const input of objects(node['inputs'])) {
    const name = String(input['name']);
    if (isJsonObject(input['widget'])) {
      listed.push(name);
      if (!evidence.widgetTypes.has(name)) evidence.widgetTypes.set(name, String(input['type']));
    } else sockets.set(name, String(input['type']));
  }
  for (const [name, type] of sockets) if (!evidence.sockets.has(name)) evidence.sockets.set(name, type);
  const outputs = objects(node['outputs']).map(({ name, type }) => ({ name: String(name), type: String(type) }));
  if (outputs.length > evidence.outputs.length) evidence.outputs = outputs;

  const named = node['widgets_values_named'];
  const stored = node['widgets_values'];
  if (isJsonObject(named)) {
    const values = withoutControlNames(Object.entries(named));
    mergeOrder(
      evidence.widgetOrder,
      values.flatMap(({ name }) => name ?? []),
    );
    evidence.instances.push({ values, isNamed: true, sockets });
  } else {
    mergeOrder(evidence.widgetOrder, listed);
    if (!Array.isArray(stored)) return;
    const values = alignByType(stored, listed, evidence);
    const isNamed = values.every(({ name, value }) => name !== null || isControlWord(value));
    evidence.instances.push({ values, isNamed, sockets });
  }
}

/** Puts unknown names behind the one that they follow. */
export function mergeOrder(order: string[], names: readonly string[]): void {
  let at = 0;
  for (const name of names) {
    const known = order.indexOf(name);
    if (known < 0) order.splice(at, 0, name);
    at = (known < 0 ? at : known) + 1;
  }
}

/** Files that hide unlinked widgets name only some; each name goes to the next value that its type allows. */
function alignByType(values: readonly JsonValue[], listed: readonly string[], { widgetTypes }: ClassEvidence) {
  const isComplete = values.filter((value) => !isControlWord(value)).length === listed.length;
  let next = 0;
  return values.map((value) => {
    const name = listed[next];
    if (name === undefined || isControlWord(value)) return { name: null, value };
    if (!isComplete && !fits(value, widgetTypes.get(name) ?? '')) return { name: null, value };
    next += 1;
    return { name, value };
  });
}

function fits(value: JsonValue, type: string): boolean {
  if (type === 'BOOLEAN') return typeof value === 'boolean';
  if (type === 'INT' || type === 'FLOAT') return typeof value === 'number';
  return typeof value === 'string';
}

/** Slots that say what happens to the value before go by several names, even by that of their value. */
function withoutControlNames(entries: readonly (readonly [string, JsonValue])[]): Instance['values'] {
  return entries.map(([name, value]) => ({ name: isControl(name, value) ? null : name, value }));
}

function isControl(name: string, value: JsonValue): boolean {
  return (
    isControlWord(value) && (isControlWord(name) || /(^|\.)control_(after_generate|filter_list)(#\d+)?$/.test(name))
  );
}

export function isControlWord(value: JsonValue): boolean {
  return value === 'fixed' || value === 'randomize' || value === 'increment' || value === 'decrement';
}

export function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
