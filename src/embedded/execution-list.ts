import { isLink } from '../graph/types.js';
import type { DynamicGraph } from './dynamic-graph.js';
import { declaredInputs } from './input-specs.js';
import type { NodeClass } from './node.js';
import type { OutputCache } from './output-cache.js';

/**
 * Which node runs next. Nodes wait for the nodes they are linked to; lazy links count only once a node asks for them;
 * nodes of an expansion are added while the prompt runs; a node that waits for its own promise is blocked from outside.
 *
 * The order among ready nodes is the one of a real server: output nodes and async nodes first, then nodes one or two
 * steps before an output, else the one that was added first. Clients see this order on the wire.
 */
export class ExecutionList {
  readonly #nodes: ReadonlyMap<string, NodeClass>;
  readonly #graph: DynamicGraph;
  readonly #cache: OutputCache;
  /** Pending node -> number of things it waits for. Insertion order matters. */
  readonly #blockCount = new Map<string, number>();
  /** Pending node -> nodes that wait for it. */
  readonly #blocking = new Map<string, Set<string>>();
  #externalBlocks = 0;
  #wake: (() => void) | null = null;

  constructor(nodes: ReadonlyMap<string, NodeClass>, graph: DynamicGraph, cache: OutputCache) {
    this.#nodes = nodes;
    this.#graph = graph;
    this.#cache = cache;
  }

  get isEmpty(): boolean {
    return this.#blockCount.size === 0;
  }

  add(id: string): void {
    const open = [id];
    const links: (readonly [from: string, to: string])[] = [];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (this.#blockCount.has(next)) continue;
      this.#blockCount.set(next, 0);
      this.#blocking.set(next, new Set());
      const { inputs, class_type } = this.#graph.node(next);
      const definition = this.#nodes.get(class_type)?.definition;
      const declared = definition && declaredInputs(definition, inputs);
      for (const [name, value] of Object.entries(inputs)) {
        if (!isLink(value) || declared?.get(name)?.options['lazy'] === true || this.#isCached(value[0])) continue;
        open.push(value[0]);
        links.push([value[0], next]);
      }
    }
    for (const [from, to] of links) this.addLink(from, to);
  }

  /** Makes `to` wait for `from`, which is added when it still has to run. */
  addLink(from: string, to: string): void {
    if (!this.#isCached(from)) this.add(from);
    const waiting = this.#blocking.get(from);
    if (!waiting || waiting.has(to)) return;
    waiting.add(to);
    this.#blockCount.set(to, (this.#blockCount.get(to) ?? 0) + 1);
  }

  /** Makes a lazy input count. Returns false when the input is no link to a node that still has to run. */
  requireInput(id: string, name: string): boolean {
    const value = this.#graph.node(id).inputs[name];
    if (!isLink(value)) return false;
    this.addLink(value[0], id);
    return true;
  }

  /** Keeps a pending node from running until the returned function is called. */
  block(id: string): () => void {
    this.#externalBlocks++;
    this.#blockCount.set(id, (this.#blockCount.get(id) ?? 0) + 1);
    let isBlocked = true;
    return () => {
      if (!isBlocked) return;
      isBlocked = false;
      this.#externalBlocks--;
      const count = this.#blockCount.get(id);
      if (count !== undefined) this.#blockCount.set(id, count - 1);
      this.#wake?.();
    };
  }

  /** The next node, waiting for async nodes when only they are left; or the cycle that keeps all others waiting. */
  async next(): Promise<{ readonly id: string } | { readonly cycle: readonly string[] }> {
    for (;;) {
      const ready = [...this.#blockCount].filter(([, count]) => count === 0).map(([id]) => id);
      if (ready.length > 0) return { id: this.#pick(ready) };
      if (this.#externalBlocks === 0) return { cycle: this.#cycle() };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  complete(id: string): void {
    for (const waiting of this.#blocking.get(id) ?? []) {
      const count = this.#blockCount.get(waiting);
      if (count !== undefined) this.#blockCount.set(waiting, count - 1);
    }
    this.#blocking.delete(id);
    this.#blockCount.delete(id);
  }

  #isCached(id: string): boolean {
    return this.#cache.outputs(id) !== undefined;
  }

  #pick(ready: readonly string[]): string {
    const isOutput = (id: string) => this.#class(id)?.definition.output_node === true;
    const waitingFor = (id: string) => [...(this.#blocking.get(id) ?? [])];
    return (
      ready.find((id) => isOutput(id) || this.#class(id)?.isAsync === true) ??
      ready.find((id) => waitingFor(id).some(isOutput)) ??
      ready.find((id) => waitingFor(id).some((next) => waitingFor(next).some(isOutput))) ??
      ready[0]!
    );
  }

  #class(id: string): NodeClass | undefined {
    return this.#nodes.get(this.#graph.node(id).class_type);
  }

  /** What is left after taking away every node that waits for nothing, again and again. */
  #cycle(): string[] {
    const waitsFor = new Map<string, Set<string>>([...this.#blockCount.keys()].map((id) => [id, new Set()]));
    for (const [from, waiting] of this.#blocking) for (const to of waiting) waitsFor.get(to)?.add(from);
    for (;;) {
      const free = [...waitsFor].filter(([, from]) => from.size === 0).map(([id]) => id);
      if (free.length === 0) return [...waitsFor.keys()];
      for (const id of free) {
        waitsFor.delete(id);
        for (const from of waitsFor.values()) from.delete(id);
      }
    }
  }
}
