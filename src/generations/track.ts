import type { AttemptResult, Backend, BackendEvent, Sighting } from '../backends/spec.js';
import type { Clock, Timer } from '../core/clock.js';
import { BackendError, type EaselError, GenerationError, toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';

/**
 * Follows one attempt on its backend until it is over, one way or another.
 *
 * Events say when to look; a look (`find`: queue, then history) says what is true. So a lost, doubled or late event costs
 * time and never correctness:
 *
 *   event `ended`, a reconnect          look now
 *   event stream up, nothing heard      look every `idleLookMs` (an event may have been lost)
 *   event stream down, or our prompt
 *   belongs to an earlier connection    look every `blindLookMs` (a ComfyUI goes on telling the old client id)
 *   absent once                         look again after `absentAgainMs`; absent twice in a row is lost
 *   the look itself fails               again with growing pauses, until a deadline ends it
 */
export type TrackEnd =
  | { readonly kind: 'finished'; readonly result: AttemptResult }
  | { readonly kind: 'lost' }
  /** Confirmed, or not confirmed within `cancelMs`; never without having asked. */
  | { readonly kind: 'cancelled'; readonly verified: boolean }
  | { readonly kind: 'timeout'; readonly error: EaselError };

export interface TrackOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runMs: number;
  readonly silenceMs: number;
  /** Nobody listens at the address of the backend for so long: it is dead, and its prompts with it. */
  readonly goneMs: number;
  readonly cancelMs: number;
  /** A prompt may wait in the backend's own queue (behind somebody else's) until then. */
  readonly queueDeadlineAt: number;
  /** Silence after which a run is reported as stalled; it is ended only after `silenceMs`. */
  readonly stalledMs: () => number;
  /** Told when that silence begins, and when it ends. */
  readonly onSilent: (isSilent: boolean) => void;
}

type TrackedBackend = Pick<Backend, 'find' | 'cancel' | 'onEvent'>;

const LOOKS = {
  idleLookMs: 15_000,
  blindLookMs: 1_000,
  absentAgainMs: 400,
  firstLookMs: 3_000,
  failedLookMaxMs: 5_000,
  /** Time limits of one look: a server that accepts connections and stays silent must not hold up a deadline. */
  shortestLookMs: 500,
  longestLookMs: 10_000,
};

export class AttemptTracker {
  readonly #backend: TrackedBackend;
  readonly #attemptId: string;
  readonly #options: TrackOptions;
  readonly #unsubscribe: () => void;
  #wake: (() => void) | null = null;
  #lookNow = false;
  #streamUp = true;
  /** The prompt was sent over another connection, so that its events may never come. */
  #deaf = false;
  #heard = false;
  #isSilent = false;
  #lastSignAt: number;
  #followedSince: number;
  #runningSince: number | null = null;
  #cancelledAt: number | null = null;
  /** When a look last got an answer; a backend that is out of reach for longer than `silenceMs` is given up. */
  #lastContactAt: number;

  /** Create it before the prompt is sent: the first events race the answer of the submit. */
  constructor(backend: TrackedBackend, attemptId: string, options: TrackOptions) {
    this.#backend = backend;
    this.#attemptId = attemptId;
    this.#options = options;
    this.#lastSignAt = options.clock.now();
    this.#followedSince = this.#lastSignAt;
    this.#lastContactAt = this.#lastSignAt;
    this.#unsubscribe = backend.onEvent((event) => this.#onEvent(event));
  }

  close(): void {
    this.#unsubscribe();
    this.#noteSilence(false);
  }

  requestCancel(): void {
    this.#cancelledAt ??= this.#options.clock.now();
    this.#wakeUp();
  }

  /**
   * `lookFirst`: nothing is known of the attempt (recovery, or a lost answer), so begin with a look.
   * Rejects only with the signal's reason.
   */
  async follow(lookFirst: boolean, signal: AbortSignal): Promise<TrackEnd> {
    const { clock } = this.#options;
    this.#lastSignAt = clock.now();
    this.#followedSince = this.#lastSignAt;
    this.#lastContactAt = this.#lastSignAt;
    this.#lookNow ||= lookFirst;
    this.#deaf ||= lookFirst;
    let absences = 0;
    let failures = 0;
    let refusedSince: number | null = null;
    let nextLookAt = clock.now() + LOOKS.firstLookMs;
    for (;;) {
      signal.throwIfAborted();
      if (this.#cancelledAt !== null) return this.#cancel(this.#cancelledAt, signal);
      // While a look fails or misses the run, the pauses between looks must hold.
      const stallDueAt = () => (failures + absences > 0 ? Number.POSITIVE_INFINITY : this.#stallDueAt());
      const dueAt = () => Math.min(nextLookAt, this.#deadlineAt(), stallDueAt());
      if (!this.#lookNow && clock.now() < dueAt()) await this.#pause(dueAt() - clock.now(), signal);
      if (this.#cancelledAt !== null) continue;
      if (!this.#lookNow && clock.now() < dueAt()) continue;
      this.#lookNow = false;
      const seen = await this.#look(signal);
      signal.throwIfAborted();
      if (seen instanceof Error) {
        failures += 1;
        const pauseMs = Math.min(LOOKS.failedLookMaxMs, LOOKS.absentAgainMs * 2 ** Math.min(failures, 6));
        nextLookAt = clock.now() + pauseMs;
        // A queue lives in memory: where nothing listens any more, nothing runs. A server that only does not answer may.
        refusedSince = seen.details?.['requestSent'] === false ? (refusedSince ?? clock.now()) : null;
        const giveUpAt = Math.min(
          this.#deadlineAt(),
          this.#lastContactAt + this.#options.silenceMs,
          (refusedSince ?? Number.POSITIVE_INFINITY) + this.#options.goneMs,
        );
        if (clock.now() >= giveUpAt) return { kind: 'timeout', error: this.#unreachableTooLong(seen) };
        continue;
      }
      failures = 0;
      refusedSince = null;
      this.#lastContactAt = clock.now();
      if (seen.state === 'finished') return { kind: 'finished', result: seen.result };
      if (seen.state === 'absent') {
        absences += 1;
        if (absences >= 2) return { kind: 'lost' };
        nextLookAt = clock.now() + LOOKS.absentAgainMs;
        continue;
      }
      absences = 0;
      if (seen.state === 'running') this.#noteRunning();
      // Waiting in the backend's queue is no silence: somebody else's run is in front. And where we cannot hear, silence
      // says nothing: then only the run limit ends it.
      if (seen.state === 'queued' || this.#deaf || !this.#streamUp) this.#lastSignAt = clock.now();
      this.#noteSilence(this.#runningSince !== null && clock.now() >= this.#lastSignAt + this.#options.stalledMs());
      const overdue = this.#overdue();
      if (overdue !== null) return { kind: 'timeout', error: overdue };
      nextLookAt = clock.now() + (this.#streamUp && !this.#deaf ? LOOKS.idleLookMs : LOOKS.blindLookMs);
    }
  }

  async #look(signal: AbortSignal): Promise<Sighting | EaselError> {
    try {
      const leftMs = this.#deadlineAt() - this.#options.clock.now();
      const timeoutMs = Math.max(LOOKS.shortestLookMs, Math.min(LOOKS.longestLookMs, leftMs));
      return await this.#backend.find(this.#attemptId, { signal, timeoutMs });
    } catch (error) {
      return toEaselError(error);
    }
  }

  /** Asks the backend to stop until it confirms, or `cancelMs` have passed. A run that ended first keeps its result. */
  async #cancel(askedAt: number, signal: AbortSignal): Promise<TrackEnd> {
    const { clock, cancelMs, logger } = this.#options;
    for (let tries = 0; ; tries += 1) {
      signal.throwIfAborted();
      try {
        const timeoutMs = Math.max(LOOKS.shortestLookMs, askedAt + cancelMs - clock.now());
        const outcome = await this.#backend.cancel(this.#attemptId, { signal, timeoutMs });
        if (outcome.state === 'finished') return { kind: 'finished', result: outcome.result };
        if (outcome.state !== 'stopping') return { kind: 'cancelled', verified: true };
      } catch (error) {
        signal.throwIfAborted();
        logger.warn({ err: toEaselError(error), attempt: this.#attemptId }, 'the backend could not be asked to cancel');
      }
      const leftMs = askedAt + cancelMs - clock.now();
      if (leftMs <= 0) return { kind: 'cancelled', verified: false };
      this.#lookNow = false;
      await this.#pause(Math.min(leftMs, 250 * 2 ** Math.min(tries, 4)), signal);
    }
  }

  #onEvent(event: BackendEvent): void {
    if (event.type === 'connected') {
      this.#streamUp = true;
      if (!event.first) {
        this.#deaf = true;
        this.#lookSoon();
      }
      return;
    }
    if (event.type === 'disconnected') {
      this.#streamUp = false;
      this.#lookSoon();
      return;
    }
    if (!('attemptId' in event) || event.attemptId !== this.#attemptId) return;
    this.#heard = true;
    this.#deaf = false;
    this.#lastSignAt = this.#options.clock.now();
    this.#noteSilence(false);
    if (event.type === 'ended') this.#lookSoon();
    else this.#noteRunning();
  }

  #noteRunning(): void {
    if (this.#runningSince !== null) return;
    this.#runningSince = this.#options.clock.now();
    this.#lastSignAt = this.#runningSince;
  }

  #noteSilence(isSilent: boolean): void {
    if (this.#isSilent === isSilent) return;
    this.#isSilent = isSilent;
    this.#options.onSilent(isSilent);
  }

  /** Only where silence is known for what it is: the run goes on, and we would hear it. */
  #stallDueAt(): number {
    const isHeard = this.#runningSince !== null && this.#streamUp && !this.#deaf && !this.#isSilent;
    return isHeard ? this.#lastSignAt + this.#options.stalledMs() : Number.POSITIVE_INFINITY;
  }

  #deadlineAt(): number {
    const { runMs, silenceMs, queueDeadlineAt } = this.#options;
    // One that is taken over, or sent, just before its queue deadline still gets a moment to begin.
    if (this.#runningSince === null) return Math.max(queueDeadlineAt, this.#followedSince + silenceMs);
    return Math.min(this.#runningSince + runMs, this.#lastSignAt + silenceMs);
  }

  /** The time limit that has passed, if one has. */
  #overdue(): EaselError | null {
    const { clock, runMs, silenceMs } = this.#options;
    const nowMs = clock.now();
    if (nowMs < this.#deadlineAt()) return null;
    if (this.#runningSince === null) {
      return new GenerationError(
        'queue_timeout',
        'The prompt was still waiting in the queue of the backend at its deadline.',
      );
    }
    if (nowMs >= this.#runningSince + runMs) {
      return new GenerationError('run_timeout', `The run did not end within ${runMs} ms.`, { details: { runMs } });
    }
    return new GenerationError(
      'run_timeout',
      `The backend says that it runs the prompt, but was silent for ${silenceMs} ms.`,
      {
        details: { silenceMs, heardBefore: this.#heard },
        hint: 'The node may be stuck: look at the log of the backend, or raise the silence limit for slow model loads.',
      },
    );
  }

  #unreachableTooLong(error: EaselError): EaselError {
    return new BackendError(
      error.code === 'internal' ? 'backend_unreachable' : error.code,
      `The backend could not be asked about the run until its deadline: ${error.message}`,
      { cause: error, retryable: true },
    );
  }

  #lookSoon(): void {
    this.#lookNow = true;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
  }

  /** Waits, unless something happens first. */
  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: Timer | null = null;
      const finish = (settle: () => void) => {
        timer?.cancel();
        signal.removeEventListener('abort', onAbort);
        this.#wake = null;
        settle();
      };
      const onAbort = () => finish(() => reject(signal.reason));
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      this.#wake = () => finish(resolve);
      signal.addEventListener('abort', onAbort, { once: true });
      timer = this.#options.clock.setTimer(() => finish(resolve), delayMs);
    });
  }
}
