import { type Logger, silentLogger } from '../core/log.js';
import type { BackendEvent } from './spec.js';

type Listener = (event: BackendEvent) => void;

/** Who hears what an adapter tells. One that throws costs neither the adapter nor the others anything. */
export class BackendListeners {
  readonly #listeners = new Set<Listener>();
  readonly #logger: Logger;

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger;
  }

  /** Returns the unsubscribe function. */
  add(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: BackendEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ err: error, event: event.type }, 'a listener of backend events failed');
      }
    }
  }
}
