import type { JsonValue } from '../../core/json.js';
import { type Graph, isLink, literalValue, setInput } from '../../graph/index.js';
import type { BindChange, Target } from '../types.js';

/** A graph under change. Nothing happens to it that is not in `changes`: applied one after the other they give the graph. */
export class GraphEditor {
  #graph: Graph;
  readonly #changes: BindChange[] = [];

  constructor(graph: Graph) {
    this.#graph = { ...graph };
  }

  get graph(): Graph {
    return this.#graph;
  }

  get changes(): readonly BindChange[] {
    return this.#changes;
  }

  value({ node, input }: Target): JsonValue | undefined {
    return this.#graph[node]?.inputs[input];
  }

  /** Sets a value, in the type that the input has now. Throws GraphError `graph_input_invalid` when it has no form of it. */
  set(target: Target, value: JsonValue, why: string): void {
    const isThere = this.value(target) !== undefined;
    if (!isThere || isLink(this.value(target))) this.put(target, literalValue(value), why);
    else {
      const { graph, changes } = setInput(this.#graph, target, value);
      this.#graph = graph;
      for (const { nodeId, input, from, to } of changes) {
        this.#changes.push({ node: nodeId, input, ...(from === undefined ? {} : { from }), to, why });
      }
    }
  }

  /** Writes what is given, a link too. */
  put({ node, input }: Target, to: JsonValue, why: string): void {
    const before = this.#graph[node];
    if (before === undefined) throw new TypeError(`The graph has no node ${node}.`);
    const from = before.inputs[input];
    this.#graph[node] = { ...before, inputs: { ...before.inputs, [input]: to } };
    this.#changes.push({ node, input, ...(from === undefined ? {} : { from }), to, why });
  }

  /** Adds a node without inputs under an id that nothing has. Returns the id. */
  addNode(name: string, classType: string, title: string, why: string): string {
    let node = name;
    for (let count = 2; Object.hasOwn(this.#graph, node); count++) node = `${name}-${count}`;
    this.#graph[node] = { class_type: classType, inputs: {}, _meta: { title } };
    this.#changes.push({ node, input: NODE_ADDED, to: classType, why });
    return node;
  }
}

/** Stands in place of an input's name where a node was added; the new value is its class. */
const NODE_ADDED = 'class_type';
