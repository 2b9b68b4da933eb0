import type { BackendHealth } from '../backends/spec.js';
import type { Clock } from '../core/clock.js';
import type { EaselError, ErrorInfo } from '../core/errors.js';
import { retryAfterMs } from './retry-policy.js';

/**
 * What the owner of a backend knows of its health, and so how many jobs it may have.
 *
 *   booting      nobody has looked at it yet (a new owner, or just added)         takes nothing
 *   ready        it answers as a backend does                                     takes `concurrency` jobs
 *   draining     somebody wants it empty: running work goes on                    takes nothing
 *   unreachable  it does not answer, or its circuit is open                       takes nothing
 *   wrong        something answers, but no ComfyUI that lets us in                takes nothing
 *   stalled      a run of ours is silent for too long, or did not stop when told  takes nothing
 *
 *   booting --look--> ready | unreachable | wrong          ready --failure--> look before the next claim
 *   unreachable, wrong --look--> ready                     ready <--silent run, heard again--> stalled
 *
 * Circuit: a failure that blames the backend (a refused submit, a lost connection) makes a look necessary, and a good look
 * is enough. After `failureThreshold` failures in a row the circuit opens: a server that answers looks and fails jobs must
 * not eat them one by one. It stays open for a pause that doubles each time (`openMs` to `maxOpenMs`, jittered); then it is
 * half-open, and one single job may try. Its acceptance closes the circuit, its failure opens it again for longer.
 * `Retry-After` opens it at once, and is a lower bound of the pause.
 */
export type BackendState = 'booting' | 'ready' | 'draining' | 'unreachable' | 'wrong' | 'stalled';
export type CircuitState = 'closed' | 'open' | 'half-open';

export interface HealthOptions {
  /** Failures in a row after which the circuit opens. */
  readonly failureThreshold: number;
  /** First pause of an open circuit. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** Longest pause between two looks at a backend that is out of reach. */
  readonly maxLookPauseMs: number;
  /** Between two looks at a backend that is well and idle. */
  readonly lookEveryMs: number;
}

export const DEFAULT_HEALTH: HealthOptions = {
  failureThreshold: 3,
  openMs: 5_000,
  maxOpenMs: 120_000,
  maxLookPauseMs: 15_000,
  lookEveryMs: 30_000,
};

/** JSON-safe; stored with the backend's row. */
export interface HealthSnapshot {
  readonly state: BackendState;
  readonly since: number;
  readonly circuit: CircuitState;
  /** No claims before this time, while the circuit is open. */
  readonly retryAt: number | null;
  readonly failures: number;
  readonly version: string | null;
  readonly error: ErrorInfo | null;
  /** Attempts that are silent or did not stop. */
  readonly stalledBy: readonly string[];
}

const FIRST_LOOK_PAUSE_MS = 250;

export class BackendHealthMachine {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #options: HealthOptions;
  readonly #onChange: (snapshot: HealthSnapshot) => void;
  /** Of the last look: null while nobody has looked. */
  #look: 'ready' | 'unreachable' | 'wrong' | null = null;
  #lookFailures = 0;
  #lookDueAt: number;
  #failures = 0;
  #opens = 0;
  #circuit: CircuitState = 'closed';
  #retryAt = 0;
  #blamed: 'unreachable' | 'wrong' = 'unreachable';
  #error: ErrorInfo | null = null;
  #version: string | null = null;
  #draining = false;
  readonly #silent = new Set<string>();
  readonly #wedged = new Set<string>();
  #told: HealthSnapshot;

  constructor(parts: {
    readonly clock: Clock;
    /** 0 to 1, exclusive. */
    readonly random: () => number;
    readonly options: HealthOptions;
    /** Called whenever the snapshot became another, never twice with the same. */
    readonly onChange: (snapshot: HealthSnapshot) => void;
  }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#options = parts.options;
    this.#onChange = parts.onChange;
    this.#lookDueAt = this.#clock.now();
    this.#told = this.#snapshot(this.#clock.now());
  }

  get snapshot(): HealthSnapshot {
    return this.#told;
  }

  /** A new owner knows nothing. */
  reset(): void {
    this.#look = null;
    this.#lookFailures = 0;
    this.#lookDueAt = this.#clock.now();
    this.#failures = 0;
    this.#opens = 0;
    this.#circuit = 'closed';
    this.#retryAt = 0;
    this.#error = null;
    this.#silent.clear();
    this.#wedged.clear();
    this.#changed();
  }

  /** How many jobs of ours it may have at a time. */
  slots(concurrency: number): number {
    const { state } = this.#snapshot(this.#clock.now());
    if (state !== 'ready' || this.#lookDueAt <= this.#clock.now()) return 0;
    return this.#circuit === 'closed' ? concurrency : 1;
  }

  /** When somebody should look, before anything is claimed. */
  get lookDueAt(): number {
    return this.#circuit === 'open' ? Math.max(this.#lookDueAt, this.#retryAt) : this.#lookDueAt;
  }

  /** Something happened after which nothing is certain: its connection broke. */
  doubt(): void {
    if (this.#look === 'ready') this.#lookDueAt = this.#clock.now();
  }

  looked(health: BackendHealth): void {
    const nowMs = this.#clock.now();
    this.#look = health.state;
    if (health.state === 'ready') {
      this.#lookFailures = 0;
      this.#lookDueAt = nowMs + this.#options.lookEveryMs;
      this.#version = health.version ?? this.#version;
      if (this.#circuit === 'open' && nowMs >= this.#retryAt) this.#circuit = 'half-open';
      if (this.#circuit === 'closed') this.#error = null;
    } else {
      const pauseMs = Math.min(
        this.#options.maxLookPauseMs,
        FIRST_LOOK_PAUSE_MS * 2 ** Math.min(this.#lookFailures, 16),
      );
      this.#lookFailures += 1;
      const askedMs = health.error === undefined ? null : retryAfterMs(health.error);
      this.#lookDueAt = nowMs + Math.max(askedMs ?? 0, pauseMs * (0.5 + this.#random() / 2));
      this.#error = health.error ?? null;
    }
    this.#changed();
  }

  /** It took a job: whatever was wrong is over. */
  accepted(): void {
    this.#failures = 0;
    this.#opens = 0;
    this.#circuit = 'closed';
    this.#error = null;
    this.#changed();
  }

  /** A job failed for a reason that lies with the backend. */
  failed(error: EaselError): void {
    const nowMs = this.#clock.now();
    this.#failures += 1;
    this.#error = error.toInfo();
    this.#blamed = isForeign(error) ? 'wrong' : 'unreachable';
    this.#lookDueAt = Math.min(this.#lookDueAt, nowMs);
    const askedMs = retryAfterMs(error);
    if (askedMs !== null || this.#circuit === 'half-open' || this.#failures >= this.#options.failureThreshold) {
      // Jobs that were under way when it opened belong to the same outage, and must not make the pause longer.
      if (this.#circuit !== 'open') {
        const ceilingMs = Math.min(this.#options.maxOpenMs, this.#options.openMs * 2 ** Math.min(this.#opens, 16));
        this.#opens += 1;
        this.#retryAt = nowMs + ceilingMs * (0.5 + this.#random() / 2);
      }
      this.#circuit = 'open';
      this.#retryAt = Math.max(this.#retryAt, nowMs + (askedMs ?? 0));
    }
    this.#changed();
  }

  drain(isDraining: boolean): void {
    this.#draining = isDraining;
    this.#changed();
  }

  /** A run was silent for too long, or was heard again, or is over. */
  silent(attemptId: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(attemptId);
    else if (!this.#silent.delete(attemptId)) return;
    this.#changed();
  }

  /** A run did not stop when it was told to: the backend goes on working on something that nobody wants. */
  wedged(attemptId: string): void {
    this.#wedged.add(attemptId);
    this.#lookDueAt = Math.min(this.#lookDueAt, this.#clock.now() + FIRST_LOOK_PAUSE_MS);
    this.#changed();
  }

  freed(attemptId: string): void {
    if (this.#wedged.delete(attemptId)) this.#changed();
  }

  get wedgedBy(): readonly string[] {
    return [...this.#wedged];
  }

  #state(): BackendState {
    if (this.#draining) return 'draining';
    if (this.#look === null) return 'booting';
    if (this.#look !== 'ready') return this.#look;
    if (this.#circuit === 'open') return this.#blamed;
    return this.#silent.size + this.#wedged.size > 0 ? 'stalled' : 'ready';
  }

  #snapshot(nowMs: number): HealthSnapshot {
    const state = this.#state();
    const told = this.#told as HealthSnapshot | undefined;
    return {
      state,
      since: told?.state === state ? told.since : nowMs,
      circuit: this.#circuit,
      retryAt: this.#circuit === 'open' ? Math.round(this.#retryAt) : null,
      failures: this.#failures,
      version: this.#version,
      error: state === 'ready' && this.#circuit === 'closed' ? null : this.#error,
      stalledBy: [...new Set([...this.#silent, ...this.#wedged])],
    };
  }

  #changed(): void {
    const next = this.#snapshot(this.#clock.now());
    if (JSON.stringify(next) === JSON.stringify(this.#told)) return;
    this.#told = next;
    this.#onChange(next);
  }
}

/** Errors after which the next job would meet the same fate. */
export function blamesBackend(error: EaselError): boolean {
  return (
    error.code === 'backend_unreachable' ||
    error.code === 'backend_overloaded' ||
    error.code === 'backend_failed' ||
    error.code === 'backend_protocol' ||
    isForeign(error)
  );
}

function isForeign(error: EaselError): boolean {
  return error.code === 'backend_not_comfyui' || error.code === 'backend_unauthorized';
}
