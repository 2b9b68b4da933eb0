import type { Backend } from '../../backends/spec.js';
import type { Clock } from '../../core/clock.js';
import { BackendBook, type BookedJob } from './backend-book.js';
import type { FactSample } from './facts.js';
import type { FactsStore } from './facts-store.js';
import type { PublishedBackend } from './fleet-view.js';
import { RunClock } from './run-clock.js';

/** Of a backend, from the configuration. */
export interface DispatchTraits {
  readonly concurrency: number;
  /** Sampling speed, relative to a common backend. */
  readonly speed: number;
  /** Speed of loading models, likewise. */
  readonly io: number;
  /** Above 1 it is preferred among idle backends, below 1 it is a last resort. */
  readonly weight: number;
}

interface Own {
  readonly traits: DispatchTraits;
  readonly book: BackendBook;
  readonly clock: RunClock;
  readonly jobs: Map<string, { readonly job: BookedJob; sample: FactSample }>;
  readonly unsubscribe: () => void;
}

/** What a run came to, for the books. */
export interface Measured {
  /** On a backend of speed 1, switches included; null when nobody measured it. */
  readonly workMs: number | null;
  readonly sample: FactSample;
}

const MAX_JOBS = 256;

/** The books of the backends of this node, kept by what the backends tell. */
export class FleetBooks {
  readonly #clock: Clock;
  readonly #facts: FactsStore;
  readonly #onModelLoad: (backendId: string) => void;
  readonly #own = new Map<string, Own>();

  constructor(clock: Clock, facts: FactsStore, onModelLoad: (backendId: string) => void = () => {}) {
    this.#clock = clock;
    this.#facts = facts;
    this.#onModelLoad = onModelLoad;
  }

  attach(backend: Backend, traits: DispatchTraits, onConnected: () => void): void {
    const { id } = backend;
    const own: Own = {
      traits,
      book: new BackendBook({ id, ...traits }),
      clock: new RunClock(),
      jobs: new Map(),
      unsubscribe: backend.onEvent((event) => {
        const { sampledAt: earlier } = ('attemptId' in event && own.clock.times(event.attemptId)) || NO_TIMES;
        own.clock.hear(event, this.#clock.now());
        if (event.type === 'progress' && earlier === null) this.#observe(id, own, event.attemptId);
        if (event.type === 'ended') own.book.end(event.attemptId);
        if (event.type !== 'connected') return;
        // It may have been restarted, and then its memory is empty. If it was not, the next loads will show.
        if (!event.first) own.book.forget();
        onConnected();
      }),
    };
    this.#own.set(id, own);
  }

  detach(backendId: string): void {
    this.#own.get(backendId)?.unsubscribe();
    this.#own.delete(backendId);
  }

  get ids(): string[] {
    return [...this.#own.keys()];
  }

  book(backendId: string): BackendBook | undefined {
    return this.#own.get(backendId)?.book;
  }

  weight(backendId: string): number {
    return this.#own.get(backendId)?.traits.weight ?? 1;
  }

  begin(backendId: string, attemptId: string, job: BookedJob): void {
    const own = this.#own.get(backendId);
    if (own === undefined) return;
    own.book.begin(attemptId, job, this.#facts.of(job.modelKey), this.#clock.now());
    if (own.jobs.size >= MAX_JOBS) own.jobs.delete(own.jobs.keys().next().value!);
    own.jobs.set(attemptId, { job, sample: {} });
  }

  /** What other nodes should know once `job` has begun there; as it is now without one. */
  published(backendId: string, job: BookedJob | null): PublishedBackend | null {
    const own = this.#own.get(backendId);
    if (own === undefined) return null;
    const book = job === null ? own.book : own.book.with(job, this.#facts.of(job.modelKey), this.#clock.now());
    const { speed, io, busyUntil, runsInteractive } = book.state();
    return { ...book.residency, speed, io, busyUntil, runsInteractive };
  }

  /** `runMs` as the backend tells it, for a run whose events were not heard. May be asked again. */
  measure(backendId: string, attemptId: string, runMs: number | null): Measured {
    const own = this.#own.get(backendId);
    if (own === undefined) return { workMs: null, sample: {} };
    const { speed } = own.traits;
    const times = own.clock.times(attemptId);
    if (times === null) return { workMs: runMs === null ? null : Math.round(runMs * speed), sample: {} };
    const endedAt = times.endedAt ?? this.#clock.now();
    const known = own.jobs.get(attemptId);
    const genFrom = times.sampledAt ?? (known?.job.modelKey === '' ? times.startedAt : null);
    return {
      workMs: Math.round((endedAt - times.startedAt) * speed),
      sample: { ...known?.sample, ...(genFrom === null ? {} : { genMs: (endedAt - genFrom) * speed }) },
    };
  }

  #observe(backendId: string, own: Own, attemptId: string): void {
    const known = own.jobs.get(attemptId);
    const times = own.clock.times(attemptId);
    if (known === undefined || times?.sampledAt == null) return;
    const facts = this.#facts.of(known.job.modelKey);
    known.sample = own.book.observe(attemptId, times.sampledAt - times.startedAt, facts);
    if (known.sample.loadMs !== undefined) this.#onModelLoad(backendId);
  }
}

const NO_TIMES = { sampledAt: null };
