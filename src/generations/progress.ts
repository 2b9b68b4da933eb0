import type { BackendEvent } from '../backends/spec.js';
import type { Graph } from '../graph/types.js';
import type { ProgressData } from './types.js';

/**
 * Turns the node messages of a run into one percentage. Each node counts the same; the running node counts by its own
 * progress. Nodes that a graph holds but the run never visits (unconnected ones) keep the sum under 100 until the end,
 * which is the smaller lie: a bar that waits at 95 is better than one that stands at 100 while the sampler runs.
 */
export class ProgressTracker {
  readonly #graph: Graph;
  readonly #total: number;
  readonly #done = new Set<string>();
  #current: string | null = null;
  #value: number | null = null;
  #max: number | null = null;
  #percent = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#total = Object.keys(graph).length;
  }

  /** The new state when the event changed it, else null. */
  accept(event: BackendEvent): ProgressData | null {
    switch (event.type) {
      case 'cached':
        for (const nodeId of event.nodeIds) this.#finish(nodeId);
        break;
      case 'node':
        if (event.nodeId === this.#current) return null;
        if (this.#current !== null) this.#finish(this.#current);
        this.#current = event.nodeId;
        this.#value = null;
        this.#max = null;
        break;
      case 'node-done':
        this.#finish(event.nodeId);
        break;
      case 'share':
        return { ...this.#snapshot(), percent: this.#raise(event.fraction * 100), nodeTitle: event.label };
      case 'progress':
        this.#current = event.nodeId;
        this.#value = event.value;
        this.#max = event.max;
        break;
      default:
        return null;
    }
    return this.#snapshot();
  }

  #finish(nodeId: string): void {
    if (Object.hasOwn(this.#graph, nodeId)) this.#done.add(nodeId);
    if (nodeId === this.#current) {
      this.#current = null;
      this.#value = null;
      this.#max = null;
    }
  }

  #raise(percent: number): number {
    this.#percent = Math.max(this.#percent, Math.round(percent * 10) / 10);
    return this.#percent;
  }

  #snapshot(): ProgressData {
    const within =
      this.#value !== null && this.#max !== null && this.#max > 0
        ? Math.min(1, Math.max(0, this.#value / this.#max))
        : 0;
    const running = this.#current !== null && !this.#done.has(this.#current) ? within : 0;
    const percent = this.#total === 0 ? 0 : Math.min(100, ((this.#done.size + running) / this.#total) * 100);
    this.#raise(percent);
    const node = this.#current === null ? undefined : this.#graph[this.#current];
    return {
      percent: this.#percent,
      nodeId: this.#current,
      nodeTitle: node === undefined ? null : (node._meta?.title ?? node.class_type),
      step: this.#value,
      steps: this.#max,
      nodesDone: this.#done.size,
      nodesTotal: this.#total,
    };
  }
}
