import { randomUUID } from 'node:crypto';
import type { Logger } from '../core/log.js';

/**
 * A hint that something changed, for loops that would otherwise find out at their next tick. A hint may be lost (a broken
 * connection, a restart) or come twice: whoever subscribes looks into the database, and keeps a slow tick of its own.
 */
export interface ChangeFeed {
  /** Call it after the transaction committed. Never throws, never waits. */
  publish(topic: string): void;
  /** Returns the unsubscribe function. The listener must not throw; if it does, that is logged. */
  subscribe(topic: string, listener: () => void): () => void;
}

/** Delivers inside this process. Several publishes of one topic in a row become one call. */
export class LocalChangeFeed implements ChangeFeed {
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #due = new Set<string>();
  #scheduled: NodeJS.Immediate | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  publish(topic: string): void {
    if (!this.#listeners.has(topic)) return;
    this.#due.add(topic);
    this.#scheduled ??= setImmediate(() => this.#deliver());
  }

  /** Wakes every subscriber, for when hints may have been missed. */
  publishAll(): void {
    for (const topic of this.#listeners.keys()) this.publish(topic);
  }

  subscribe(topic: string, listener: () => void): () => void {
    // A wrapper of its own per call, so that the same function subscribed twice is also unsubscribed one at a time.
    const entry = () => listener();
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(entry));
    return () => {
      listeners.delete(entry);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#due.clear();
    this.#listeners.clear();
  }

  #deliver(): void {
    this.#scheduled = undefined;
    const topics = [...this.#due];
    this.#due.clear();
    for (const topic of topics) {
      for (const listener of [...(this.#listeners.get(topic) ?? [])]) {
        try {
          listener();
        } catch (error) {
          this.#logger.error({ err: error, topic }, 'a change listener threw');
        }
      }
    }
  }
}

/** Tells apart our own notifications from those of other processes. */
export function newSenderId(): string {
  return randomUUID();
}
