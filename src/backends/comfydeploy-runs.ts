import type { Timer } from '../core/clock.js';
import type { AttemptResult, RunReference } from './spec.js';

/** What the adapter remembers of an attempt. Memory only: the truth is in ComfyDeploy, the run id in our database. */
export interface KnownRun {
  readonly attemptId: string;
  runId: string | null;
  deploymentId: string | null;
  /** When the submit began; null when nobody told. */
  sentAt: number | null;
  /** Named by a report and not read yet. */
  readonly reportedRunIds: Set<string>;
  /** Runs of the deployment that were read and are not ours. */
  readonly foreignRunIds: Set<string>;
  /** Set once it ended: an ended run does not change any more. */
  result: AttemptResult | null;
  /** A webhook came: they reach us, so polling is only the safety net. */
  isReported: boolean;
  watch: Watch | null;
}

/** Of a run that is read from time to time. */
export interface Watch {
  readonly since: number;
  timer: Timer | null;
  isReading: boolean;
  /** Asked for while a read was under way, which may have come too early to see it. */
  isDue: boolean;
}

/** Above this the oldest is forgotten: what nobody asks about any more must not stay for ever. */
const MAX_RUNS = 10_000;

export class RunBook {
  readonly #runs = new Map<string, KnownRun>();
  readonly #onForget: (run: KnownRun) => void;

  constructor(onForget: (run: KnownRun) => void) {
    this.#onForget = onForget;
  }

  get(attemptId: string): KnownRun | undefined {
    return this.#runs.get(attemptId);
  }

  /** The entry of an attempt, with what the caller has stored of it filled in. */
  open(attemptId: string, reference?: RunReference): KnownRun {
    const run = this.#runs.get(attemptId) ?? this.#add(attemptId);
    if (reference === undefined) return run;
    run.deploymentId ??= reference.deploymentId;
    run.sentAt ??= reference.sentAt;
    run.runId ??= reference.backendRunId;
    if (reference.reportedRunId != null) run.reportedRunIds.add(reference.reportedRunId);
    return run;
  }

  forget(attemptId: string): void {
    const run = this.#runs.get(attemptId);
    if (run === undefined) return;
    this.#runs.delete(attemptId);
    this.#onForget(run);
  }

  all(): KnownRun[] {
    return [...this.#runs.values()];
  }

  #add(attemptId: string): KnownRun {
    const run: KnownRun = {
      attemptId,
      runId: null,
      deploymentId: null,
      sentAt: null,
      reportedRunIds: new Set(),
      foreignRunIds: new Set(),
      result: null,
      isReported: false,
      watch: null,
    };
    this.#runs.set(attemptId, run);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= MAX_RUNS) break;
      this.forget(oldest);
    }
    return run;
  }
}
