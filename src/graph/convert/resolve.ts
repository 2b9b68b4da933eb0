import type { JsonValue } from '../../core/json.js';
import { isWidget, outputType } from '../definitions.js';
import type { SubgraphDefinition, UiLink, UiNode, UiSlot } from './model.js';
import { SUBGRAPH_INPUT_ID } from './model.js';
import { executionId, type Scope, type WorkflowScopes } from './scope.js';
import { isBypassed, isMuted, pairName, virtualKind } from './virtual.js';

/**
 * Where a link really comes from (`comfyui.md` 4.4 step 7): through reroutes, bypassed nodes, primitives and the borders
 * of subgraphs. A loop, never recursion: chains may be as long as the file.
 */
export type Resolved =
  /** A node's output. The node may not be emitted (muted): the link is pruned later. */
  | { readonly kind: 'node'; readonly id: string; readonly slot: number }
  /** A literal: of a primitive (for widgets only), or of a promoted widget. */
  | { readonly kind: 'value'; readonly value: JsonValue; readonly from: 'primitive' | 'promoted' }
  /** A promoted widget whose value is stored inside: handed on as it is, also to what else the input feeds there. */
  | { readonly kind: 'own'; readonly scope: Scope; readonly input: number }
  | { readonly kind: 'nothing' };

const NOTHING: Resolved = { kind: 'nothing' };

interface Cursor {
  readonly scope: Scope;
  readonly link: UiLink;
  /** Type of the input that the link was followed from. */
  readonly inputType: string;
  /** Wanted type: of the consuming input, or of the input that the last bypassed node was crossed by. */
  readonly wanted: string | null;
  /** Primitives reach their widgets directly, not through bypassed nodes. */
  readonly bypassed: boolean;
  /** What the outermost instance so far stores for the promoted widget that is being followed outwards. */
  readonly stored: JsonValue | undefined;
}

export class LinkResolver {
  readonly #scopes: WorkflowScopes;
  readonly #inputs = new Map<UiNode, readonly UiSlot[]>();
  /** Results by scope and cursor, for everything that a longer walk passed: a shared chain is walked once. */
  readonly #known = new Map<Scope, Map<string, Resolved>>();

  constructor(scopes: WorkflowScopes) {
    this.#scopes = scopes;
  }

  resolve(scope: Scope, slot: UiSlot, wantedType: string): Resolved {
    const link = linkOf(scope, slot);
    if (link === undefined) return NOTHING;
    const start: Cursor = { scope, link, inputType: wantedType, wanted: null, bypassed: false, stored: undefined };
    const direct = this.#step(start);
    // Most links come straight from a node: nothing to remember.
    return 'kind' in direct ? direct : this.#walk(direct);
  }

  #walk(start: Cursor): Resolved {
    const passed: { known: Map<string, Resolved>; key: string }[] = [];
    let cursor = start;
    let result: Resolved = NOTHING;
    for (;;) {
      const known = this.#knownIn(cursor.scope);
      const key = cursorKey(cursor);
      const earlier = known.get(key);
      if (earlier !== undefined) {
        result = earlier;
        break;
      }
      // Should the walk come back here, it is a cycle that leads nowhere.
      known.set(key, NOTHING);
      passed.push({ known, key });
      const next = this.#step(cursor);
      if ('kind' in next) {
        result = next;
        break;
      }
      cursor = next;
    }
    for (const { known, key } of passed) known.set(key, result);
    return result;
  }

  /**
   * The inputs of a node as the ComfyUI window holds them: of a known class first its sockets, then its widgets, then
   * what only the file has. The file's own list may lack widgets and be in the order of an older version.
   */
  inputsOf(node: UiNode): readonly UiSlot[] {
    let inputs = this.#inputs.get(node);
    if (inputs === undefined) {
      inputs = this.#readInputs(node);
      this.#inputs.set(node, inputs);
    }
    return inputs;
  }

  #step(cursor: Cursor): Cursor | Resolved {
    const { scope, link } = cursor;
    if (scope.outer !== null && link.originId === SUBGRAPH_INPUT_ID) return this.#leave(cursor, scope.outer);
    const origin = scope.graph.byId.get(link.originId);
    if (origin === undefined) return NOTHING;
    const wanted = cursor.wanted ?? cursor.inputType;
    const kind = virtualKind(origin);
    if (kind === 'primitive') return cursor.bypassed ? NOTHING : primitiveValue(scope, origin);
    if (isMuted(origin)) return { kind: 'node', id: executionId(scope, origin), slot: link.originSlot };
    if (isBypassed(origin)) return this.#bypass({ ...cursor, wanted }, origin);
    if (this.#scopes.isInstance(origin)) return this.#enter({ ...cursor, wanted }, origin);
    switch (kind) {
      case null:
        return { kind: 'node', id: executionId(scope, origin), slot: link.originSlot };
      case 'reroute':
      case 'set':
        return follow({ ...cursor, wanted }, scope, origin.inputs[link.originSlot] ?? origin.inputs[0]);
      case 'get':
        return followPair({ ...cursor, wanted }, origin);
      default:
        return NOTHING;
    }
  }

  /** From the inside of an instance to what its input is linked to outside. */
  #leave(cursor: Cursor, outer: NonNullable<Scope['outer']>): Cursor | Resolved {
    const index = cursor.link.originSlot;
    const slot = instanceInput(outer.instance, outer.definition, index);
    const stored = outer.promoted.get(index) ?? cursor.stored;
    if (slot !== undefined && slot.link !== null) {
      const inputType = outer.definition.inputs[index]?.type ?? slot.type;
      return follow({ ...cursor, inputType, stored }, outer.scope, slot);
    }
    if (stored !== undefined) return { kind: 'value', value: stored, from: 'promoted' };
    return { kind: 'own', scope: cursor.scope, input: index };
  }

  /** Into an instance, to what feeds its output. */
  #enter(cursor: Cursor, instance: UiNode): Cursor | Resolved {
    const inside = this.#scopes.open(cursor.scope, instance);
    const definition = inside.outer!.definition;
    const link = definition.outputLinks[instanceOutput(instance, definition, cursor.link.originSlot)];
    return link == null ? NOTHING : { ...cursor, scope: inside, link };
  }

  #bypass(cursor: Cursor, origin: UiNode): Cursor | Resolved {
    const inputs = this.inputsOf(origin);
    const chosen = this.#bypassInput(origin, inputs, cursor.link.originSlot, cursor.wanted ?? '');
    if (chosen === undefined) return NOTHING;
    return follow({ ...cursor, wanted: chosen.type, bypassed: true }, cursor.scope, chosen);
  }

  #bypassInput(origin: UiNode, inputs: readonly UiSlot[], output: number, wanted: string): UiSlot | undefined {
    if (isAny(wanted)) return inputs[output] ?? inputs[0];
    const produced = this.#outputTypeOf(origin, output);
    const fits = (slot: UiSlot): boolean => areCompatible(slot.type, produced) && areCompatible(slot.type, wanted);
    const opposite = inputs[output];
    if (opposite !== undefined && fits(opposite)) return opposite;
    return inputs.find(({ type }) => type === wanted) ?? inputs.find(fits);
  }

  #outputTypeOf(node: UiNode, slot: number): string {
    const listed = node.outputs[slot]?.type;
    const definition = this.#scopes.definitions.get(node.type);
    const declared = definition && outputType(definition, slot);
    return declared !== undefined && !declared.startsWith('COMFY_') ? declared : (listed ?? '*');
  }

  #readInputs(node: UiNode): UiSlot[] {
    const subgraph = this.#scopes.subgraphOf(node);
    if (subgraph !== undefined) {
      return subgraph.inputs.map(({ name, type }, index) => {
        const slot = instanceInput(node, subgraph, index);
        return slot === undefined ? { name, type, link: null, widget: null, label: null } : { ...slot, type };
      });
    }
    const definition = this.#scopes.definitions.get(node.type);
    if (definition === undefined) return [...node.inputs];
    const listed = new Map(node.inputs.map((slot) => [slot.name, slot]));
    const defined = this.#scopes.definitions.inputs(definition);
    const ordered = [...defined.filter((input) => !isWidget(input)), ...defined.filter(isWidget)];
    const known = ordered.map((input): UiSlot => {
      const slot = listed.get(input.name);
      listed.delete(input.name);
      const widget = isWidget(input) ? input.name : null;
      if (slot === undefined) return { name: input.name, type: input.type, link: null, widget, label: null };
      // A type that depends on the connection is only known to the file.
      return { ...slot, widget: slot.widget ?? widget, type: input.type.startsWith('COMFY_') ? slot.type : input.type };
    });
    return [...known, ...listed.values()];
  }

  #knownIn(scope: Scope): Map<string, Resolved> {
    const known = this.#known.get(scope) ?? new Map<string, Resolved>();
    this.#known.set(scope, known);
    return known;
  }
}

/** A stored value comes from one certain level, so that it is there or not is enough to tell cursors apart. */
function cursorKey({ link, wanted, inputType, bypassed, stored }: Cursor): string {
  return `${link.id}\n${wanted ?? inputType}\n${wanted === null}\n${bypassed}\n${stored !== undefined}`;
}

function linkOf(scope: Scope, slot: UiSlot | undefined): UiLink | undefined {
  return slot?.link == null ? undefined : scope.graph.links.get(slot.link);
}

function follow(cursor: Cursor, scope: Scope, slot: UiSlot | undefined): Cursor | Resolved {
  const link = linkOf(scope, slot);
  return link === undefined ? NOTHING : { ...cursor, scope, link };
}

/** A set node may sit in the same scope or in one around it. */
function followPair(cursor: Cursor, getter: UiNode): Cursor | Resolved {
  const name = pairName(getter);
  if (name === null) return NOTHING;
  for (let scope: Scope | undefined = cursor.scope; scope !== undefined; scope = scope.outer?.scope) {
    const setter = scope.graph.nodes.find((node) => virtualKind(node) === 'set' && pairName(node) === name);
    if (setter !== undefined) return isMuted(setter) ? NOTHING : follow(cursor, scope, setter.inputs[0]);
  }
  return NOTHING;
}

function primitiveValue(scope: Scope, primitive: UiNode): Resolved {
  const overridden = scope.outer?.overrides.get(primitive.id)?.get('value');
  const stored = Array.isArray(primitive.widgetValues) ? primitive.widgetValues[0] : undefined;
  const value = overridden ?? stored;
  return value === undefined || value === null ? NOTHING : { kind: 'value', value, from: 'primitive' };
}

/** By name; by position only when the slot there has a name of its own and a fitting type (a renamed input). */
function instanceInput(instance: UiNode, definition: SubgraphDefinition, index: number): UiSlot | undefined {
  const wanted = definition.inputs[index];
  if (wanted === undefined) return undefined;
  const named = instance.inputs.find(({ name }) => name === wanted.name);
  if (named !== undefined) return named;
  const opposite = instance.inputs[index];
  if (opposite === undefined || !areCompatible(opposite.type, wanted.type)) return undefined;
  return definition.inputs.some(({ name }) => name === opposite.name) ? undefined : opposite;
}

function instanceOutput(instance: UiNode, definition: SubgraphDefinition, slot: number): number {
  const name = instance.outputs[slot]?.name;
  if (name === undefined || definition.outputs[slot]?.name === name) return slot;
  const byName = definition.outputs.findIndex((output) => output.name === name);
  return byName === -1 ? slot : byName;
}

function isAny(type: string): boolean {
  return type === '' || type === '*' || type === '0';
}

/** Either is any type, or the comma lists share a member. */
function areCompatible(a: string, b: string): boolean {
  if (isAny(a) || isAny(b)) return true;
  const members = new Set(a.toLowerCase().split(','));
  return b
    .toLowerCase()
    .split(',')
    .some((type) => members.has(type));
}
