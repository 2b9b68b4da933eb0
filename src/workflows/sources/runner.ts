import type { Clock, Timer } from '../../core/clock.js';
import { EaselError, type ErrorInfo, toEaselError } from '../../core/errors.js';
import type { Logger } from '../../core/log.js';
import type { SourceSync } from './sync.js';
import type { PassReport, SourceState, Watching, WorkflowSource } from './types.js';

/** Editors write a file in several steps; a pass between two of them would see it half written, or not at all. */
const SETTLE_MS = 300;
/** After a failure; doubled with each further one. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10 * 60_000;
/** A pass that takes longer hangs. */
const PASS_MS = 5 * 60_000;

interface RunnerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly source: WorkflowSource;
  readonly sync: SourceSync;
}

/** Passes of one source: one at a time, again and again, sooner when the source says that it changed. */
export class SourceRunner {
  readonly source: WorkflowSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sync: SourceSync;
  #started = false;
  #stopping = new AbortController();
  #current: Promise<void> = Promise.resolve();
  /** The pass that waits for the present one to end. */
  #next: Promise<void> | null = null;
  #refreshing = false;
  #timer: Timer | null = null;
  #settling: Timer | null = null;
  #watching: Watching | null = null;
  #failures = 0;
  #lastRunAt: number | null = null;
  #nextRunAt: number | null = null;
  #staleSince: number | null = null;
  #error: ErrorInfo | null = null;
  #report: PassReport = { count: 0, changed: 0, gone: 0, back: 0, faults: [] };

  constructor(options: RunnerOptions) {
    this.source = options.source;
    this.#clock = options.clock;
    this.#logger = options.logger.child({ source: options.source.id });
    this.#sync = options.sync;
  }

  state(): SourceState {
    const { id, kind, place } = this.source;
    return {
      ...{ id, kind, place },
      refreshing: this.#refreshing,
      lastRunAt: this.#lastRunAt,
      staleSince: this.#staleSince,
      error: this.#error,
      count: this.#report.count,
      faults: this.#report.faults.map(({ item, code, message }) => ({ item, code, message })),
      nextRunAt: this.#nextRunAt,
    };
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#stopping = new AbortController();
    // Before the first pass, so that no change falls between the two.
    this.#watching = this.source.watch?.(() => this.#onChange()) ?? null;
    void this.refresh();
  }

  async stop(): Promise<void> {
    this.#started = false;
    this.#timer?.cancel();
    this.#settling?.cancel();
    this.#nextRunAt = null;
    this.#stopping.abort(new EaselError('internal', 'Easel stops.'));
    await this.#watching?.close();
    this.#watching = null;
    await (this.#next ?? this.#current);
    await this.source.close?.();
  }

  /** Resolves when a pass that began after this call has ended, well or not. */
  refresh(): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      this.#current = this.#pass();
      return this.#current;
    });
    return this.#next;
  }

  #onChange(): void {
    if (!this.#started) return;
    this.#settling?.cancel();
    this.#settling = this.#clock.setTimer(() => void this.refresh(), SETTLE_MS, { unref: true });
  }

  async #pass(): Promise<void> {
    const stop = this.#stopping.signal;
    if (stop.aborted) return;
    this.#timer?.cancel();
    this.#nextRunAt = null;
    this.#refreshing = true;
    const late = new AbortController();
    const deadline = this.#clock.setTimer(
      () =>
        late.abort(new EaselError('file_unreadable', `The source was not read within ${PASS_MS / 60_000} minutes.`)),
      PASS_MS,
      { unref: true },
    );
    try {
      this.#succeed(await this.#sync.pass(AbortSignal.any([stop, late.signal])));
    } catch (error) {
      if (!stop.aborted) this.#fail(toEaselError(error));
    } finally {
      deadline.cancel();
      this.#refreshing = false;
    }
    if (this.#started) this.#schedule();
  }

  #succeed(report: PassReport): void {
    const { faults, ...counts } = report;
    const before = new Set(this.#report.faults.map(faultText));
    for (const fault of faults) {
      if (!before.has(faultText(fault)))
        this.#logger.warn({ err: fault.error, item: fault.item }, 'a workflow is broken');
    }
    if (counts.changed + counts.gone + counts.back > 0) this.#logger.info(counts, 'workflows brought up to date');
    this.#report = report;
    this.#lastRunAt = this.#clock.now();
    this.#staleSince = null;
    this.#error = null;
    // A backend that is not up yet, say.
    this.#failures = faults.some(({ error }) => error.retryable) ? this.#failures + 1 : 0;
  }

  /** Everything stays as the last good pass left it. */
  #fail(error: EaselError): void {
    if (this.#error?.message !== error.message)
      this.#logger.warn({ err: error }, 'a source of workflows cannot be read');
    this.#lastRunAt = this.#clock.now();
    this.#staleSince ??= this.#lastRunAt;
    this.#error = error.toInfo();
    this.#failures += 1;
  }

  #schedule(): void {
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(20, this.#failures - 1), LONGEST_RETRY_MS);
    const { refreshMs } = this.source;
    // Broken items among good ones are no reason to look at the good ones less often.
    const delayMs = this.#failures === 0 ? refreshMs : this.#error === null ? Math.min(retryMs, refreshMs) : retryMs;
    this.#nextRunAt = this.#clock.now() + delayMs;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(() => void this.refresh(), delayMs, { unref: true });
  }
}

function faultText({ item, code, message }: PassReport['faults'][number]): string {
  return `${item}\n${code}\n${message}`;
}
