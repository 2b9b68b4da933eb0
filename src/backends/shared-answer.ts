import { type CallOptions, TimeLimit } from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { BackendError } from '../core/errors.js';

export interface SharedAnswerOptions<T> {
  readonly clock: Clock;
  /** Of the backend, for messages. */
  readonly displayUrl: string;
  /** How long a caller waits that names no limit. */
  readonly limitMs: number;
  readonly ask: () => Promise<T>;
}

/**
 * What a backend tells of itself, asked once and kept. Callers that ask at the same time share one request; one whose
 * patience ends does not end it for the others. A failure is not kept: the next caller asks again.
 */
export class SharedAnswer<T> {
  readonly #options: SharedAnswerOptions<T>;
  #answer: Promise<T> | null = null;

  constructor(options: SharedAnswerOptions<T>) {
    this.#options = options;
  }

  forget(): void {
    this.#answer = null;
  }

  /** Throws what `ask` throws, `backend_unreachable` at the limit, `cancelled`. */
  async get({ timeoutMs, signal }: CallOptions): Promise<T> {
    const { clock, displayUrl, limitMs } = this.#options;
    const answer = this.#answer ?? this.#ask();
    const limit = new TimeLimit(clock, timeoutMs ?? limitMs, signal);
    try {
      return await limit.race(answer);
    } catch (error) {
      if (!limit.ended) throw error;
      throw new BackendError(
        limit.timedOut ? 'backend_unreachable' : 'cancelled',
        limit.timedOut
          ? `${displayUrl} did not describe itself in time.`
          : `Asking ${displayUrl} what it can do was given up.`,
        { cause: error },
      );
    } finally {
      limit.release();
    }
  }

  #ask(): Promise<T> {
    const answer = this.#options.ask();
    this.#answer = answer;
    answer.catch(() => {
      if (this.#answer === answer) this.#answer = null;
    });
    return answer;
  }
}
