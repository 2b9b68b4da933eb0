import type { JsonValue } from '../core/json.js';
import type { Graph } from '../graph/types.js';
import { PythonError } from './python-errors.js';

/** One accepted prompt. `extraData` is whatever the client sent, which need not be an object. */
export interface QueueItem {
  readonly number: number;
  readonly promptId: string;
  readonly prompt: Graph;
  readonly extraData: JsonValue;
  readonly outputs: readonly string[];
}

/**
 * Pending prompts, ordered by number and then by prompt id. The array is a binary heap with the layout of Python's
 * `heapq`, because `GET /queue` shows it as it is (comfyui.md 1.4).
 */
export class PromptQueue {
  readonly #heap: QueueItem[] = [];
  readonly #running = new Map<number, QueueItem>();
  readonly #onChange: () => void;
  #tasks = 0;
  #waiter: (() => void) | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Pending and running. */
  get remaining(): number {
    return this.#heap.length + this.#running.size;
  }

  get pending(): readonly QueueItem[] {
    return this.#heap;
  }

  get running(): readonly QueueItem[] {
    return [...this.#running.values()];
  }

  /**
   * Stores a prompt. When another with the same number and id meets it on its way up the heap, Python fails to compare
   * their graphs: the request gets 500 although the prompt stays stored, and nobody is told of the change.
   */
  put(item: QueueItem): void {
    this.#heap.push(item);
    siftDown(this.#heap, 0, this.#heap.length - 1, (a, b) => {
      if (a.number === b.number && a.promptId === b.promptId) {
        this.#waiter?.();
        throw new PythonError('TypeError', "'<' not supported between instances of 'dict' and 'dict'");
      }
      return isBefore(a, b);
    });
    this.#onChange();
    this.#waiter?.();
  }

  /** Resolves once something is pending or `wake` is called. */
  async wait(): Promise<void> {
    if (this.#heap.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#waiter = resolve;
    });
    this.#waiter = null;
  }

  wake(): void {
    this.#waiter?.();
  }

  /** Moves the first pending prompt to running. */
  take(): { readonly task: number; readonly item: QueueItem } | null {
    const last = this.#heap.pop();
    if (!last) return null;
    let item = last;
    if (this.#heap.length > 0) {
      item = this.#heap[0]!;
      this.#heap[0] = last;
      siftUp(this.#heap, 0);
    }
    const task = this.#tasks++;
    this.#running.set(task, item);
    this.#onChange();
    return { task, item };
  }

  /** Ends a running prompt. `record` runs before clients hear of it, so that the history is there when they look. */
  done(task: number, record: () => void): void {
    this.#running.delete(task);
    record();
    this.#onChange();
  }

  /** Deletes the first pending prompt with this id. */
  delete(promptId: string): boolean {
    const index = this.#heap.findIndex((item) => item.promptId === promptId);
    if (index < 0) return false;
    // A real server wipes the queue when the last one goes, which announces the change a second time.
    if (this.#heap.length === 1) this.clear();
    else {
      this.#heap.splice(index, 1);
      for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) siftUp(this.#heap, at);
    }
    this.#onChange();
    return true;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#onChange();
  }

  /** Forgets everything without telling anybody, as a crash does. */
  forget(): void {
    this.#heap.length = 0;
    this.#running.clear();
  }
}

type Before = (a: QueueItem, b: QueueItem) => boolean;

function isBefore(a: QueueItem, b: QueueItem): boolean {
  return a.number === b.number ? a.promptId < b.promptId : a.number < b.number;
}

/** Moves the item at `at` towards the root until its parent is not after it. */
function siftDown(heap: QueueItem[], start: number, at: number, before: Before = isBefore): void {
  const item = heap[at]!;
  let hole = at;
  try {
    while (hole > start) {
      const parent = (hole - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
  } finally {
    heap[hole] = item;
  }
}

/** Moves the item at `start` to a leaf along the smaller children, then up to its place. */
function siftUp(heap: QueueItem[], start: number): void {
  const item = heap[start]!;
  let hole = start;
  for (let child = 2 * hole + 1; child < heap.length; child = 2 * hole + 1) {
    const right = child + 1;
    if (right < heap.length && !isBefore(heap[child]!, heap[right]!)) child = right;
    heap[hole] = heap[child]!;
    hole = child;
  }
  heap[hole] = item;
  siftDown(heap, start, hole);
}
