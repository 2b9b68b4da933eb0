import { GraphError } from '../../core/errors.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { isJsonObject } from '../../core/json.js';
import { DefinitionIndex } from '../definitions.js';
import type { NodeDefinitions, UiWorkflow } from '../types.js';
import { nodeLabel } from '../validate.js';
import { expandGroup, groupName } from './group-nodes.js';
import { readSubgraphDefinitions, readUiGraph, type SubgraphDefinition, type UiGraph, type UiNode } from './model.js';
import { type PromotedValues, promotedValues } from './promoted.js';

/**
 * A scope is one level of a workflow: the top level, or the inside of one instance of a subgraph or group node. The same
 * definition instanced twice gives two scopes.
 */
export interface Scope {
  /** Put before node ids to make execution ids: empty at the top, `12:` or `12:5:` inside. */
  readonly prefix: string;
  readonly graph: UiGraph;
  readonly depth: number;
  /** Null at the top level. */
  readonly outer: {
    readonly scope: Scope;
    readonly instance: UiNode;
    readonly definition: SubgraphDefinition;
    /** Values that the instance stores for inputs that nothing is linked to. */
    readonly promoted: PromotedValues;
    /** Values that a group node stores for the widgets of its inner nodes. */
    readonly overrides: ReadonlyMap<string, ReadonlyMap<string, JsonValue>>;
  } | null;
}

export function executionId(scope: Scope, node: UiNode): string {
  return scope.prefix + node.id;
}

const MAX_DEPTH = 64;

/** Everything that the steps of one conversion share: the file, the definitions, and the scopes opened so far. */
export class WorkflowScopes {
  readonly definitions: DefinitionIndex;
  readonly root: Scope;
  readonly #subgraphs: ReadonlyMap<string, SubgraphDefinition>;
  readonly #groupNodes: JsonObject;
  readonly #maxNodes: number;
  readonly #opened = new Map<Scope, Map<UiNode, Scope>>();
  #nodeCount: number;

  constructor(workflow: UiWorkflow, definitions: NodeDefinitions, maxNodes: number) {
    this.definitions = new DefinitionIndex(definitions);
    this.root = { prefix: '', graph: readUiGraph(workflow), depth: 0, outer: null };
    this.#subgraphs = readSubgraphDefinitions(workflow);
    const extra = workflow['extra'];
    const groups = isJsonObject(extra) ? extra['groupNodes'] : undefined;
    this.#groupNodes = isJsonObject(groups) ? groups : {};
    this.#maxNodes = maxNodes;
    this.#nodeCount = this.root.graph.nodes.length;
    this.#checkSize(this.root);
  }

  /** An instance of a subgraph or a group node: it has an inside. */
  isInstance(node: UiNode): boolean {
    return this.#subgraphs.has(node.type) || this.#groupData(node) !== null;
  }

  /** The inside of an instance. Throws GraphError `graph_unconvertible` for what cannot be opened. */
  open(scope: Scope, instance: UiNode): Scope {
    const inner = this.#opened.get(scope) ?? new Map<UiNode, Scope>();
    this.#opened.set(scope, inner);
    const opened = inner.get(instance) ?? this.#open(scope, instance);
    inner.set(instance, opened);
    return opened;
  }

  /** Subgraph of an instance without opening it; undefined for group nodes. */
  subgraphOf(node: UiNode): SubgraphDefinition | undefined {
    return this.#subgraphs.get(node.type);
  }

  #open(scope: Scope, instance: UiNode): Scope {
    const expanded = this.#expand(scope, instance);
    const { definition } = expanded;
    for (let around: Scope | undefined = scope; around !== undefined; around = around.outer?.scope) {
      if (around.outer?.definition.id === definition.id) this.#fail(scope, instance, 'the subgraph contains itself');
    }
    if (scope.depth >= MAX_DEPTH) this.#fail(scope, instance, `subgraphs are nested deeper than ${MAX_DEPTH} levels`);
    this.#nodeCount += definition.nodes.length;
    const opened: Scope = {
      prefix: `${executionId(scope, instance)}:`,
      graph: definition,
      depth: scope.depth + 1,
      outer: { scope, instance, ...expanded },
    };
    this.#checkSize(opened);
    return opened;
  }

  #expand(scope: Scope, instance: UiNode): Omit<NonNullable<Scope['outer']>, 'scope' | 'instance'> {
    const subgraph = this.#subgraphs.get(instance.type);
    if (subgraph !== undefined) {
      const promoted = promotedValues(instance, subgraph, this.definitions, this.#subgraphs);
      if (promoted === null) this.#fail(scope, instance, 'its stored widget values do not fit the inputs it shows');
      return { definition: subgraph, promoted, overrides: new Map() };
    }
    const group = expandGroup(instance, this.#groupData(instance) ?? {}, this.definitions);
    if (group === null) this.#fail(scope, instance, 'its stored widget values do not fit the nodes of the group');
    return { ...group, promoted: new Map() };
  }

  #groupData(node: UiNode): JsonObject | null {
    const name = groupName(node.type);
    const data = name !== null && Object.hasOwn(this.#groupNodes, name) ? this.#groupNodes[name] : undefined;
    return isJsonObject(data) ? data : null;
  }

  /** Definitions that instance each other ten times over grow without bound from a small file. */
  #checkSize(scope: Scope): void {
    if (this.#nodeCount <= this.#maxNodes) return;
    throw new GraphError('graph_unconvertible', `The workflow has more than ${this.#maxNodes} nodes when expanded.`, {
      hint: 'Split the workflow, or raise the limit.',
      details: { maxNodes: this.#maxNodes, scope: scope.prefix },
    });
  }

  #fail(scope: Scope, instance: UiNode, reason: string): never {
    const id = executionId(scope, instance);
    const label = nodeLabel(id, this.#subgraphs.get(instance.type)?.name ?? instance.type, instance.title);
    throw new GraphError('graph_unconvertible', `The workflow cannot be converted: ${label}: ${reason}.`, {
      details: { nodeId: id, title: instance.title },
    });
  }
}
