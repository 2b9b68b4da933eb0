import { createHash } from 'node:crypto';
import type { JsonValue } from '../core/json.js';
import { isLink } from '../graph/types.js';
import type { DynamicGraph } from './dynamic-graph.js';
import type { NodeCheckContext, NodeClass } from './node.js';

/**
 * Cache keys (comfyui.md 3): class, input values, change token, and recursively those of all ancestors. Node ids,
 * titles and `_meta` do not count, except for classes that ask for the node id.
 */
export class CacheKeys {
  readonly #nodes: ReadonlyMap<string, NodeClass>;
  readonly #graph: DynamicGraph;
  readonly #checkContext: (nodeId: string) => NodeCheckContext;
  readonly #uniqueText: () => string;
  readonly #changeTokens = new Map<string, Promise<JsonValue>>();

  constructor(
    nodes: ReadonlyMap<string, NodeClass>,
    graph: DynamicGraph,
    checkContext: (nodeId: string) => NodeCheckContext,
    /** A text that it never gave before, in no run: stands for what equals nothing, as NaN does. */
    uniqueText: () => string,
  ) {
    this.#nodes = nodes;
    this.#graph = graph;
    this.#checkContext = checkContext;
    this.#uniqueText = uniqueText;
  }

  async key(id: string): Promise<string> {
    const ancestors = this.#ancestors(id);
    const indexOf = new Map(ancestors.map((ancestor, index) => [ancestor, index]));
    const hash = createHash('sha256');
    for (const member of [id, ...ancestors]) hash.update(await this.#ownSignature(member, indexOf)).update('\n');
    return hash.digest('base64');
  }

  /** Depth first, inputs in the order of their names, so that equal graphs under other ids give equal lists. */
  #ancestors(id: string): string[] {
    const found = new Set<string>();
    const visit = (nodeId: string) => {
      if (!this.#graph.has(nodeId)) return;
      const { inputs } = this.#graph.node(nodeId);
      for (const name of Object.keys(inputs).sort()) {
        const value = inputs[name];
        if (!isLink(value) || found.has(value[0])) continue;
        found.add(value[0]);
        visit(value[0]);
      }
    };
    visit(id);
    return [...found];
  }

  async #ownSignature(id: string, indexOf: ReadonlyMap<string, number>): Promise<string> {
    if (!this.#graph.has(id)) return this.#uniqueText();
    const node = this.#graph.node(id);
    const nodeClass = this.#nodes.get(node.class_type);
    const parts = [JSON.stringify(node.class_type), this.#text(await this.changeToken(id))];
    if (nodeClass?.cacheByNodeId === true) parts.push(JSON.stringify(id));
    for (const name of Object.keys(node.inputs).sort()) {
      const value = node.inputs[name];
      const text = isLink(value) ? `@${indexOf.get(value[0])}.${value[1]}` : this.#text(value);
      parts.push(`${JSON.stringify(name)}=${text}`);
    }
    return parts.join('|');
  }

  /**
   * The change token of a node, asked once per run. It is written into the executed prompt, and a token that a client
   * sent along (from a saved file) freezes it, as on a real server.
   */
  changeToken(id: string): Promise<JsonValue> {
    let token = this.#changeTokens.get(id);
    if (!token) {
      token = this.#askChangeToken(id);
      this.#changeTokens.set(id, token);
    }
    return token;
  }

  async #askChangeToken(id: string): Promise<JsonValue> {
    const node = this.#graph.node(id);
    const nodeClass = this.#nodes.get(node.class_type);
    if (!nodeClass?.isChanged) return false;
    if (node.is_changed !== undefined) return node.is_changed;
    const literals = Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, isLink(value) ? null : value]),
    );
    try {
      node.is_changed = [await nodeClass.isChanged(literals, this.#checkContext(id))];
    } catch {
      // A node that cannot tell is run.
      node.is_changed = Number.NaN;
    }
    return node.is_changed;
  }

  #text(value: unknown): string {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return JSON.stringify(value);
      case 'number':
        return Number.isNaN(value) ? this.#uniqueText() : String(value);
      case 'bigint':
        return value.toString();
      case 'object':
        break;
      default:
        return value === undefined ? 'null' : this.#uniqueText();
    }
    if (value === null) return 'null';
    if (Array.isArray(value)) return `[${value.map((item) => this.#text(item)).join(',')}]`;
    const prototype = Object.getPrototypeOf(value);
    // A picture or model that an expansion passed by value: two of them are never known to be equal.
    if (prototype !== Object.prototype && prototype !== null) return this.#uniqueText();
    const members = Object.keys(value).sort();
    return `{${members.map((key) => `${JSON.stringify(key)}:${this.#text((value as Record<string, unknown>)[key])}`).join(',')}}`;
  }
}
