import type { GenerationEvent } from './types.js';

/**
 * Hands events to whoever follows a generation in this process. It is a convenience, not the truth: durable events are
 * read from the database, and the hub only says that there is something to read, a second earlier than the tick would.
 */
export class EventHub {
  readonly #listeners = new Map<string, Set<(event: GenerationEvent) => void>>();
  readonly #everything = new Set<(event: GenerationEvent) => void>();

  publish(event: GenerationEvent): void {
    for (const listener of this.#everything) listener(event);
    const listeners = this.#listeners.get(event.generationId);
    if (listeners === undefined) return;
    for (const listener of listeners) listener(event);
  }

  subscribe(generationId: string, listener: (event: GenerationEvent) => void): () => void {
    let listeners = this.#listeners.get(generationId);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(generationId, listeners);
    }
    listeners.add(listener);
    return () => {
      const current = this.#listeners.get(generationId);
      current?.delete(listener);
      if (current?.size === 0) this.#listeners.delete(generationId);
    };
  }

  /** Every event that this process makes, of all generations. Returns the unsubscribe function. */
  subscribeAll(listener: (event: GenerationEvent) => void): () => void {
    this.#everything.add(listener);
    return () => void this.#everything.delete(listener);
  }

  isFollowed(generationId: string): boolean {
    return this.#listeners.has(generationId);
  }

  /** Followed generations, for leak tests. */
  get size(): number {
    return this.#listeners.size;
  }
}
