import { GraphError } from '../../core/errors.js';
import { nearestNames } from '../nearest.js';
import { type Graph, isLink, type NodeDefinition, type NodeDefinitions, type UiWorkflow } from '../types.js';
import { nodeLabel, validateGraph } from '../validate.js';
import { NodeEmitter } from './emit-node.js';
import type { UiNode } from './model.js';
import { LinkResolver } from './resolve.js';
import { executionId, type Scope, WorkflowScopes } from './scope.js';
import type { RandomSource } from './transforms.js';
import { isBypassed, isMuted, linksInvisibly, virtualKind } from './virtual.js';

/**
 * UI format to API format (`comfyui.md` 4.4 to 4.6): what the ComfyUI window does when it queues a workflow, without the
 * window.
 *
 * - convert/model         the file, read leniently into one shape
 * - convert/scope         levels of nesting: subgraphs and group nodes opened per instance
 * - convert/group-nodes   a group node brought into the form of a subgraph
 * - convert/promoted      widget values that an instance stores for its inside
 * - convert/layout, align, fit, widget-values   which stored value belongs to which input
 * - convert/virtual       nodes of the window only
 * - convert/resolve       where a link really comes from
 * - convert/transforms    what the window does to texts
 * - convert/emit-node     one graph node; here: the walk over all nodes, the errors, the pruning
 */
export interface ConvertOptions {
  /** Chooses alternatives of dynamic prompts. */
  readonly random?: RandomSource;
  /** Fills `%date:…%`. */
  readonly now?: () => Date;
  /**
   * Leave alternatives in braces and dates as they stand, for a graph that is run more than once: `renderDynamicText` does
   * for each run what is left out here.
   */
  readonly keepDynamic?: boolean;
  /** Bound of nodes after subgraphs are expanded. */
  readonly maxNodes?: number;
}

export interface ConversionWarning {
  readonly code: 'value_inferred' | 'node_dropped' | 'input_unconnected' | 'id_duplicate' | 'nested_mode';
  readonly message: string;
  readonly nodeId: string;
}

export interface Conversion {
  readonly graph: Graph;
  readonly warnings: readonly ConversionWarning[];
}

const DEFAULT_MAX_NODES = 1_000_000;

/**
 * Throws GraphError `backend_node_missing` naming every node whose class the definitions lack, `graph_unconvertible` for
 * nodes whose values or links cannot be told for certain, `graph_invalid` when nothing is left to run or links run in a
 * circle.
 */
export function convertUiToApi(
  workflow: UiWorkflow,
  definitions: NodeDefinitions,
  options: ConvertOptions = {},
): Conversion {
  return new Converter(workflow, definitions, options).convert();
}

interface Problem {
  readonly nodeId: string;
  readonly classType: string;
  readonly title: string | null;
  readonly input?: string;
  readonly problem: string;
}

interface Pending {
  readonly scope: Scope;
  readonly node: UiNode;
}

class Converter {
  readonly #scopes: WorkflowScopes;
  readonly #emitter: NodeEmitter;
  readonly #graph: Graph = {};
  readonly #warnings: ConversionWarning[] = [];
  readonly #unknown: Pending[] = [];
  readonly #problems: Problem[] = [];
  readonly #required = new Map<NodeDefinition, readonly string[]>();

  constructor(workflow: UiWorkflow, definitions: NodeDefinitions, options: ConvertOptions) {
    this.#scopes = new WorkflowScopes(workflow, definitions, options.maxNodes ?? DEFAULT_MAX_NODES);
    this.#emitter = new NodeEmitter(this.#scopes, new LinkResolver(this.#scopes), {
      random: options.random ?? Math.random,
      now: options.now ?? (() => new Date()),
      keepDynamic: options.keepDynamic === true,
    });
  }

  convert(): Conversion {
    const waiting: Pending[] = [];
    const enter = (scope: Scope): void => {
      for (const id of scope.graph.duplicateIds) {
        this.#warn(
          'id_duplicate',
          scope.prefix + id,
          `node ${scope.prefix}${id} is in the file more than once; the first counts`,
        );
      }
      for (let i = scope.graph.nodes.length - 1; i >= 0; i--) waiting.push({ scope, node: scope.graph.nodes[i]! });
    };
    enter(this.#scopes.root);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { scope, node } = next;
      if (virtualKind(node) !== null) continue;
      if (isMuted(node) || isBypassed(node)) this.#noteNestedMode(next);
      else if (this.#scopes.isInstance(node)) enter(this.#scopes.open(scope, node));
      else this.#emit(next);
    }
    this.#refuse();
    this.#prune();
    return { graph: validateGraph(this.#graph), warnings: this.#warnings };
  }

  #emit(pending: Pending): void {
    const { scope, node } = pending;
    const id = executionId(scope, node);
    const definition = this.#scopes.definitions.get(node.type);
    if (linksInvisibly(node)) {
      this.#fail(pending, 'it connects nodes without links, by code that only runs in the ComfyUI window');
      return;
    }
    if (definition === undefined) {
      if (node.inputs.length > 0 || node.outputs.length > 0) this.#unknown.push(pending);
      else this.#warn('node_dropped', id, `${labelOf(pending)} has no inputs and no outputs and was left out`);
      return;
    }
    const emitted = this.#emitter.emit(scope, node, definition);
    if ('problem' in emitted) {
      this.#fail(pending, emitted.problem, emitted.input);
      return;
    }
    this.#graph[id] = emitted.node;
    for (const remark of emitted.remarks) this.#warn('value_inferred', id, `${labelOf(pending)}: ${remark}`);
  }

  /** The window of 2025 and 2026 runs what is inside of such an instance all the same (`comfyui.md` 4.5). */
  #noteNestedMode(pending: Pending): void {
    const { scope, node } = pending;
    if (scope.depth === 0 || !this.#scopes.isInstance(node)) return;
    const done = isMuted(node) ? 'muted' : 'bypassed';
    const message = `${labelOf(pending)} is ${done} inside of a subgraph and was left out; some versions of ComfyUI run it`;
    this.#warn('nested_mode', executionId(scope, node), message);
  }

  #refuse(): void {
    if (this.#unknown.length > 0) throw missingClasses(this.#unknown, this.#scopes.definitions.classNames());
    const first = this.#problems[0];
    if (first === undefined) return;
    const others = this.#problems.length > 1 ? ` (and ${this.#problems.length - 1} more)` : '';
    const label = nodeLabel(first.nodeId, first.classType, first.title);
    throw new GraphError(
      'graph_unconvertible',
      `The workflow cannot be converted: ${label}: ${first.problem}${others}.`,
      {
        details: { problems: this.#problems },
      },
    );
  }

  /** Links to nodes that were not emitted go; the server then says which of them it needs, and so do the warnings. */
  #prune(): void {
    for (const [id, node] of Object.entries(this.#graph)) {
      for (const [name, value] of Object.entries(node.inputs)) {
        if (isLink(value) && !Object.hasOwn(this.#graph, value[0])) delete node.inputs[name];
      }
      const definition = this.#scopes.definitions.get(node.class_type)!;
      for (const name of this.#openInputs(definition)) {
        if (Object.hasOwn(node.inputs, name)) continue;
        const label = nodeLabel(id, node.class_type, node._meta?.title);
        this.#warn('input_unconnected', id, `${label}: the required input "${name}" is not connected`);
      }
    }
  }

  #openInputs(definition: NodeDefinition): readonly string[] {
    const known = this.#required.get(definition);
    if (known !== undefined) return known;
    const names = this.#scopes.definitions
      .inputs(definition)
      .filter(({ required, type }) => required && (!type.startsWith('COMFY_') || type === 'COMFY_MATCHTYPE_V3'))
      .map(({ name }) => name);
    this.#required.set(definition, names);
    return names;
  }

  #fail({ scope, node }: Pending, problem: string, input?: string): void {
    this.#problems.push({
      nodeId: executionId(scope, node),
      classType: node.type,
      title: node.title,
      ...(input === undefined ? {} : { input }),
      problem,
    });
  }

  #warn(code: ConversionWarning['code'], nodeId: string, message: string): void {
    this.#warnings.push({ code, nodeId, message });
  }
}

function labelOf({ scope, node }: Pending): string {
  return nodeLabel(executionId(scope, node), node.type, node.title);
}

const MAX_NODES_NAMED = 5;

function missingClasses(unknown: readonly Pending[], known: readonly string[]): GraphError {
  const byClass = new Map<string, Pending[]>();
  for (const pending of unknown) {
    const nodes = byClass.get(pending.node.type);
    if (nodes === undefined) byClass.set(pending.node.type, [pending]);
    else nodes.push(pending);
  }
  const classes = [...byClass].map(([classType, nodes]) => ({
    classType,
    nodes: nodes.map(({ scope, node }) => ({ id: executionId(scope, node), title: node.title })),
    nearest: nearestNames(classType, known),
  }));
  const parts = classes.map(({ classType, nodes }) => {
    const named = nodes.slice(0, MAX_NODES_NAMED).map(({ id, title }) => (title ? `${id} "${title}"` : id));
    const more = nodes.length > named.length ? `, and ${nodes.length - named.length} more` : '';
    return `${classType} (node ${named.join(', ')}${more})`;
  });
  const what = classes.length === 1 ? 'a node class' : `${classes.length} node classes`;
  return new GraphError(
    'backend_node_missing',
    `The backend lacks ${what} that the workflow uses: ${parts.join('; ')}.`,
    {
      details: { classes },
    },
  );
}
