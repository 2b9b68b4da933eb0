import type { GenerationEvent } from './types.js';

/**
 * Hands events to whoever follows a generation in this process. It is a convenience, not the truth: durable events are
 * read from the database, and the hub only says that there is something to read, a second earlier than the tick would.
 */
export class EventHub {
  readonly #listeners = new Map<string, Set<(event: GenerationEvent) => void>>();

  publish(event: GenerationEvent): void {
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

  isFollowed(generationId: string): boolean {
    return this.#listeners.has(generationId);
  }

  /** Followed generations, for leak tests. */
  get size(): number {
    return this.#listeners.size;
  }
}
