import type { Keys } from '../../access/index.js';
import type { Clock, Timer } from '../../core/clock.js';

const LOOK_MS = 5_000;

/**
 * Streams that are open on the strength of a key: a key that is revoked or expires takes them with it, at once on
 * notification and within seconds without. One question for all of them.
 */
export class OpenStreams {
  readonly #keys: Pick<Keys, 'working' | 'onChange'>;
  readonly #clock: Clock;
  readonly #cuts = new Map<string, Set<() => void>>();
  #timer: Timer | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(keys: Pick<Keys, 'working' | 'onChange'>, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Returns the function that forgets the stream, when it has ended by itself. */
  add(keyId: string, cut: () => void): () => void {
    const cuts = this.#cuts.get(keyId) ?? new Set();
    this.#cuts.set(keyId, cuts.add(cut));
    this.#unsubscribe ??= this.#keys.onChange(() => void this.#look());
    this.#schedule();
    return () => {
      cuts.delete(cut);
      if (cuts.size === 0 && this.#cuts.get(keyId) === cuts) this.#cuts.delete(keyId);
      if (this.#cuts.size > 0) return;
      this.#timer?.cancel();
      this.#timer = null;
      this.#unsubscribe?.();
      this.#unsubscribe = null;
    };
  }

  #schedule(): void {
    this.#timer ??= this.#clock.setTimer(() => {
      this.#timer = null;
      void this.#look().then(() => {
        if (this.#cuts.size > 0) this.#schedule();
      });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    try {
      const working = await this.#keys.working([...this.#cuts.keys()]);
      for (const [keyId, cuts] of [...this.#cuts]) if (!working.has(keyId)) for (const cut of [...cuts]) cut();
    } catch {
      // The database is away: asked again soon.
    }
  }
}
