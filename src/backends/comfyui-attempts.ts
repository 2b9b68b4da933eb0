/** What the adapter remembers of the attempts that went through it. Memory only: the truth is on the backend. */
export interface KnownAttempt {
  readonly id: string;
  /** The websocket client id that the prompt was sent with; null when it was sent by another process. */
  clientId: string | null;
  /** The backend has, or had, the prompt: it answered the POST, sent a frame, or listed it. */
  confirmed: boolean;
  /** The last message of the run was heard, or its history was read. */
  ended: boolean;
  currentNodeId: string | null;
  /** Nodes whose end was reported. */
  readonly doneNodeIds: Set<string>;
  /** Execution id -> submitted node, for nodes made by run-time expansion. */
  readonly displayNodeIds: Map<string, string>;
}

/** Above this the oldest is forgotten: an attempt that nobody looks at any more must not stay for ever. */
const MAX_ATTEMPTS = 10_000;

export class AttemptBook {
  readonly #attempts = new Map<string, KnownAttempt>();

  add(id: string, clientId: string | null): KnownAttempt {
    const attempt: KnownAttempt = {
      id,
      clientId,
      confirmed: false,
      ended: false,
      currentNodeId: null,
      doneNodeIds: new Set(),
      displayNodeIds: new Map(),
    };
    this.#attempts.delete(id);
    this.#attempts.set(id, attempt);
    for (const oldest of this.#attempts.keys()) {
      if (this.#attempts.size <= MAX_ATTEMPTS) break;
      this.#attempts.delete(oldest);
    }
    return attempt;
  }

  get(id: string): KnownAttempt | undefined {
    return this.#attempts.get(id);
  }

  forget(id: string): void {
    this.#attempts.delete(id);
  }

  get hasOpen(): boolean {
    return [...this.#attempts.values()].some((attempt) => !attempt.ended);
  }

  /** Under way, but the backend sends their frames to a connection that is gone. */
  unheard(currentClientId: string): KnownAttempt[] {
    return [...this.#attempts.values()].filter((attempt) => !attempt.ended && attempt.clientId !== currentClientId);
  }
}
