import type { JsonValue } from '../core/json.js';
import type { Graph, GraphNode } from '../graph/types.js';

/** A node of a running prompt. `is_changed` is written by the engine and reaches saved files (comfyui.md 3). */
export interface RunNode extends GraphNode {
  is_changed?: JsonValue;
}

/**
 * The graph of one run: the submitted prompt plus the ephemeral nodes that expansions add while it runs.
 *
 * - parent id    the node that created an ephemeral node; undefined for nodes of the prompt
 * - real id      the node of the prompt that an ephemeral node goes back to
 * - display id   the node that clients should show
 */
export class DynamicGraph {
  readonly prompt: Graph;
  readonly #ephemeral = new Map<
    string,
    { readonly node: RunNode; readonly parentId: string; readonly displayId: string }
  >();

  constructor(prompt: Graph) {
    this.prompt = prompt;
  }

  has(id: string): boolean {
    return this.#ephemeral.has(id) || Object.hasOwn(this.prompt, id);
  }

  /** Throws when there is no such node; the executor only asks for ids that it has seen. */
  node(id: string): RunNode {
    const ephemeral = this.#ephemeral.get(id);
    if (ephemeral) return ephemeral.node;
    if (!Object.hasOwn(this.prompt, id)) throw new RangeError(`The graph has no node ${id}.`);
    return this.prompt[id]!;
  }

  addEphemeral(id: string, node: RunNode, parentId: string, displayId: string): void {
    this.#ephemeral.set(id, { node, parentId, displayId });
  }

  parentId(id: string): string | undefined {
    return this.#ephemeral.get(id)?.parentId;
  }

  realId(id: string): string {
    let current = id;
    for (let parent = this.parentId(current); parent !== undefined; parent = this.parentId(current)) current = parent;
    return current;
  }

  displayId(id: string): string {
    let current = id;
    for (let next = this.#ephemeral.get(current); next; next = this.#ephemeral.get(current)) current = next.displayId;
    return current;
  }
}
