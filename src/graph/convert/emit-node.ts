import type { JsonValue } from '../../core/json.js';
import { literalValue } from '../coerce.js';
import { type InputDefinition, isCaptureWidget, isWidget } from '../definitions.js';
import type { GraphNode, NodeDefinition } from '../types.js';
import { defaultOf } from './fit.js';
import { inputTargets, type SubgraphDefinition, type UiNode, type UiSlot } from './model.js';
import type { LinkResolver } from './resolve.js';
import type { Scope, WorkflowScopes } from './scope.js';
import { expandDynamicPrompt, type RandomSource, replaceTextPatterns } from './transforms.js';
import { isWidgetProblem, type WidgetProblem, type WidgetValues, widgetValuesOf } from './widget-values.js';

/** One node of a workflow as a graph node (`comfyui.md` 4.4 steps 4 to 6). */
export interface EmittedNode {
  readonly node: GraphNode;
  readonly remarks: readonly string[];
}

export interface EmitterOptions {
  readonly random: RandomSource;
  readonly now: () => Date;
  /** Leave alternatives and dates as they stand. */
  readonly keepDynamic: boolean;
}

export class NodeEmitter {
  readonly #scopes: WorkflowScopes;
  readonly #links: LinkResolver;
  readonly #options: EmitterOptions;
  /** By node of the file: instances of one subgraph share their nodes, and so their stored values. */
  readonly #values = new Map<UiNode, WidgetValues | WidgetProblem>();
  /** What is shown outside, by input of the subgraph. */
  readonly #promoted = new Map<Scope, Map<number, JsonValue | undefined>>();
  /** Every scope that has been emitted from, for `%Node.widget%`. */
  readonly #visited = new Set<Scope>();

  constructor(scopes: WorkflowScopes, links: LinkResolver, options: EmitterOptions) {
    this.#scopes = scopes;
    this.#links = links;
    this.#options = options;
  }

  emit(scope: Scope, node: UiNode, definition: NodeDefinition): EmittedNode | WidgetProblem {
    this.#visited.add(scope);
    const widgets = this.#valuesOf(node, definition);
    if (isWidgetProblem(widgets)) return widgets;
    const inputs: Record<string, JsonValue> = {};
    const overrides = scope.outer?.overrides.get(node.id);
    for (const [name, value] of [...widgets.values, ...(overrides ?? [])]) {
      setLiteral(inputs, name, this.#transformed(node, definition, name, value));
    }
    for (const slot of node.inputs) {
      if (slot.link === null) continue;
      const own = overrides?.get(slot.name) ?? widgets.values.get(slot.name);
      this.#setLinked(inputs, scope, node, definition, slot, own);
    }
    for (const input of this.#scopes.definitions.inputs(definition)) {
      if (input.required && isCaptureWidget(input) && !holdsFile(inputs[input.name])) return captureProblem(input);
    }
    const unfilled = widgets.unfilled.find(({ name }) => !Object.hasOwn(inputs, name));
    if (unfilled !== undefined) {
      return { input: unfilled.name, problem: `"${unfilled.name}" has neither a value nor a default` };
    }
    const title = this.#titleOf(node);
    const defaulted = [
      ...widgets.defaulted.filter((name) => !overrides?.has(name)),
      ...this.#fillLinked(inputs, node, definition),
    ];
    const remarks = defaulted.length === 0 ? [] : [`not in the file, so set to the default: ${defaulted.join(', ')}`];
    return { node: { class_type: node.type, inputs, _meta: { title } }, remarks: [...widgets.remarks, ...remarks] };
  }

  /**
   * A widget that the node has gained since it was put into a group node is linked to the outside of the group, where an
   * older file has no value for it. Returns the names of what was filled.
   */
  #fillLinked(inputs: Record<string, JsonValue>, node: UiNode, definition: NodeDefinition): string[] {
    const linked = new Set(node.inputs.filter(({ link }) => link !== null).map(({ name }) => name));
    return this.#scopes.definitions.inputs(definition).flatMap((input) => {
      const { name, required } = input;
      if (!required || !linked.has(name) || Object.hasOwn(inputs, name) || !isWidget(input)) return [];
      const value = isCaptureWidget(input) ? undefined : defaultOf(input);
      if (value === undefined) return [];
      setLiteral(inputs, name, value);
      return [name];
    });
  }

  #titleOf(node: UiNode): string {
    return node.title ?? this.#scopes.definitions.get(node.type)?.display_name ?? node.type;
  }

  #valuesOf(node: UiNode, definition: NodeDefinition): WidgetValues | WidgetProblem {
    let values = this.#values.get(node);
    if (values === undefined) {
      values = widgetValuesOf(node, definition, this.#scopes.definitions);
      this.#values.set(node, values);
    }
    return values;
  }

  #setLinked(
    inputs: Record<string, JsonValue>,
    scope: Scope,
    node: UiNode,
    definition: NodeDefinition,
    slot: UiSlot,
    own: JsonValue | undefined,
  ): void {
    const declared = this.#scopes.definitions.input(node.type, slot.name);
    const wanted = declared === undefined || declared.type.startsWith('COMFY_') ? slot.type : declared.type;
    const resolved = this.#links.resolve(scope, slot, wanted);
    if (resolved.kind === 'node') setInput(inputs, slot.name, [resolved.id, resolved.slot]);
    // The window hands on the value of a promoted widget without transforming it, to sockets too.
    const value = resolved.kind === 'own' ? (this.#promotedValue(resolved.scope, resolved.input) ?? own) : undefined;
    if (value !== undefined) setLiteral(inputs, slot.name, value);
    if (resolved.kind !== 'value') return;
    if (resolved.from === 'promoted') setLiteral(inputs, slot.name, resolved.value);
    else if (slot.widget !== null || (declared !== undefined && isWidget(declared))) {
      setLiteral(inputs, slot.name, this.#transformed(node, definition, slot.name, resolved.value));
    }
  }

  /** The value of the widget that an input of a subgraph shows outside: that of the first one that it feeds. */
  #promotedValue(scope: Scope, input: number): JsonValue | undefined {
    const known = this.#promoted.get(scope) ?? new Map<number, JsonValue | undefined>();
    this.#promoted.set(scope, known);
    if (!known.has(input)) known.set(input, this.#findPromoted(scope, input));
    return known.get(input);
  }

  #findPromoted(scope: Scope, input: number): JsonValue | undefined {
    if (scope.outer === null) return undefined;
    for (const { target, slot } of inputTargets(scope.outer.definition, input)) {
      const nested = this.#scopes.subgraphOf(target);
      const value =
        nested === undefined
          ? this.#storedValue(scope, target, slot)
          : this.#promotedBy(this.#scopes.open(scope, target), nested, slot);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #promotedBy(inside: Scope, { inputs }: SubgraphDefinition, slot: UiSlot): JsonValue | undefined {
    const index = inputs.findIndex(({ name }) => name === slot.name);
    return inside.outer?.promoted.get(index) ?? this.#promotedValue(inside, index);
  }

  #storedValue(scope: Scope, node: UiNode, slot: UiSlot): JsonValue | undefined {
    const overridden = scope.outer?.overrides.get(node.id)?.get(slot.name);
    const definition = this.#scopes.definitions.get(node.type);
    if (overridden !== undefined || definition === undefined) return overridden;
    const widgets = this.#valuesOf(node, definition);
    return isWidgetProblem(widgets) ? undefined : widgets.values.get(slot.name);
  }

  #transformed(node: UiNode, definition: NodeDefinition, name: string, value: JsonValue): JsonValue {
    if (typeof value !== 'string') return value;
    if (name === 'sampler_name') return value.replace(/^sample_/, '');
    if (name === 'filename_prefix' && definition.output_node === true) return this.#replacePatterns(value);
    const input = this.#scopes.definitions.input(node.type, name);
    if (this.#options.keepDynamic || input?.options['dynamicPrompts'] !== true) return value;
    return expandDynamicPrompt(value, this.#options.random);
  }

  #replacePatterns(text: string): string {
    const { keepDynamic, now } = this.#options;
    return text.includes('%') ? replaceTextPatterns(text, keepDynamic ? null : now(), this.#lookUp) : text;
  }

  /** First by "Node name for S&R", then by title, over the whole workflow. */
  readonly #lookUp = (nodeName: string, widgetName: string): string | undefined => {
    const scopes = [...new Set([this.#scopes.root, ...this.#visited])];
    const everywhere = scopes.flatMap((scope) => scope.graph.nodes.map((node) => ({ scope, node })));
    const found =
      everywhere.find(({ node }) => node.properties['Node name for S&R'] === nodeName) ??
      everywhere.find(({ node }) => this.#titleOf(node) === nodeName);
    const definition = found && this.#scopes.definitions.get(found.node.type);
    if (found === undefined || definition === undefined) return undefined;
    const slot = found.node.inputs.find(({ name, link }) => name === widgetName && link !== null);
    const linked = slot && this.#links.resolve(found.scope, slot, slot.type);
    if (linked?.kind === 'value') return asText(linked.value);
    const widgets = this.#valuesOf(found.node, definition);
    return isWidgetProblem(widgets) ? undefined : asText(widgets.values.get(widgetName));
  };
}

function asText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
  return value === null ? '' : String(value);
}

function setLiteral(inputs: Record<string, JsonValue>, name: string, value: JsonValue): void {
  setInput(inputs, name, literalValue(value));
}

/** Names come from files of strangers; this one would replace the prototype of the object. */
function setInput(inputs: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name !== '__proto__') inputs[name] = value;
}

function holdsFile(value: JsonValue | undefined): boolean {
  return Array.isArray(value) || (typeof value === 'string' && value !== '');
}

function captureProblem(input: InputDefinition): WidgetProblem {
  return {
    input: input.name,
    problem: `"${input.name}" is recorded in the ComfyUI window while it queues, which a file cannot do`,
  };
}
