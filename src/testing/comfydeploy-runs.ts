import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { stringifyLossless } from '../core/json.js';
import type { FaultBook } from './comfydeploy-faults.js';

/** The runs of a fake ComfyDeploy: their statuses, their machine, their webhooks (comfydeploy.md 3.2, 4). */
export interface FakeJob {
  readonly runId: string;
  readonly deploymentId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
  /** 0 to 1, and what is shown as `live_status`. */
  report(progress: number, liveStatus: string): void;
}

/** By node: what it made. Strings become text, the rest files. */
export interface FakeJobOutput {
  readonly nodeId: string;
  readonly outputId?: string;
  readonly items: readonly (string | FakeFile)[];
}

export interface FakeFile {
  readonly filename: string;
  readonly subfolder?: string;
  readonly bytes: Buffer;
  readonly contentType?: string;
}

/** Throwing fails the run, whose reason the API keeps to itself. `timeout` is the machine's limit. */
export type FakeMachine = (job: FakeJob) => Promise<readonly FakeJobOutput[] | 'timeout'>;

export interface FakeRun {
  readonly id: string;
  readonly deploymentId: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly webhook: string | null;
  readonly createdAt: number;
  status: string;
  queuedAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  progress: number;
  liveStatus: string | null;
  outputs: readonly FakeJobOutput[];
  readonly abort: AbortController;
}

export interface FakeRunsOptions {
  readonly machine: FakeMachine;
  readonly concurrency: number;
  readonly faults: FaultBook;
  /** As the API shows a run's outputs. */
  readonly describeOutputs: (run: FakeRun) => readonly object[];
}

const TERMINAL = ['success', 'failed', 'timeout', 'cancelled'];
/** As long as the real one waits before its second and third try, divided by ten. */
const WEBHOOK_PAUSES_MS = [50, 100];

export class FakeRuns {
  readonly #options: FakeRunsOptions;
  readonly #runs = new Map<string, FakeRun>();
  readonly #waiting: FakeRun[] = [];
  readonly #heldWebhooks = new Map<string, object[]>();
  readonly #sending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #executing = new Set<Promise<void>>();

  constructor(options: FakeRunsOptions) {
    this.#options = options;
  }

  /** In the order in which they were made. */
  all(): FakeRun[] {
    return [...this.#runs.values()];
  }

  get(id: string): FakeRun | undefined {
    return this.#runs.get(id);
  }

  /** As if somebody had deleted it. */
  remove(id: string): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    this.#unqueue(run);
    run.abort.abort();
    this.#runs.delete(id);
  }

  create(deploymentId: string, inputs: Readonly<Record<string, unknown>>, webhook: string | null): FakeRun {
    const run: FakeRun = {
      id: randomUUID(),
      deploymentId,
      inputs,
      webhook,
      createdAt: Date.now(),
      status: 'not-started',
      queuedAt: null,
      startedAt: null,
      endedAt: null,
      progress: 0,
      liveStatus: null,
      outputs: [],
      abort: new AbortController(),
    };
    this.#runs.set(run.id, run);
    return run;
  }

  enqueue(run: FakeRun): void {
    this.#waiting.push(run);
    this.#next();
  }

  /** Null unless it waits; 0 is next. */
  position(run: FakeRun): number | null {
    const index = this.#waiting.indexOf(run);
    return index < 0 ? null : index;
  }

  move(run: FakeRun, status: string): void {
    // A terminal status is never overwritten.
    if (TERMINAL.includes(run.status)) return;
    run.status = status;
    const now = Date.now();
    if (status === 'queued') run.queuedAt = now;
    if (status === 'started') run.startedAt = now;
    if (TERMINAL.includes(status)) run.endedAt = now;
    this.#tell(run);
  }

  cancel(run: FakeRun): void {
    if (TERMINAL.includes(run.status)) return;
    this.#unqueue(run);
    this.move(run, 'cancelled');
    run.abort.abort();
  }

  /** Sends one report now and waits for it. */
  async report(run: FakeRun, status = run.status): Promise<void> {
    if (run.webhook !== null) await this.#post(run.webhook, this.#payload(run, status));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const run of this.#runs.values()) run.abort.abort();
    const machines = Promise.allSettled(this.#executing);
    const patience = new AbortController();
    // A machine that does not listen to its signal must not hold up the end of a test.
    await Promise.race([machines, wait(1_000, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    await Promise.allSettled(this.#sending);
  }

  #unqueue(run: FakeRun): void {
    const index = this.#waiting.indexOf(run);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  #next(): void {
    while (this.#executing.size < this.#options.concurrency) {
      const run = this.#waiting.shift();
      if (run === undefined) return;
      const executing = this.#execute(run).finally(() => {
        this.#executing.delete(executing);
        if (!this.#closing.signal.aborted) this.#next();
      });
      this.#executing.add(executing);
    }
  }

  async #execute(run: FakeRun): Promise<void> {
    this.move(run, 'queued');
    this.move(run, 'started');
    this.move(run, 'running');
    const { id, deploymentId, inputs, abort } = run;
    try {
      const outputs = await this.#options.machine({
        runId: id,
        deploymentId,
        inputs,
        signal: abort.signal,
        report: (progress, liveStatus) => {
          run.progress = Math.round(progress * 100) / 100;
          run.liveStatus = liveStatus;
        },
      });
      if (outputs !== 'timeout') run.outputs = outputs;
      this.move(run, outputs === 'timeout' ? 'timeout' : 'success');
    } catch {
      this.move(run, 'failed');
    }
  }

  #payload(run: FakeRun, status: string): object {
    return {
      event_type: 'run.updated',
      run_id: run.id,
      status,
      live_status: run.liveStatus,
      progress: run.progress,
      outputs: this.#options.describeOutputs(run),
    };
  }

  #tell(run: FakeRun): void {
    const { webhook } = run;
    const mode = this.#options.faults.plan.webhooks ?? 'normal';
    if (webhook === null || mode === 'never') return;
    const payload = this.#payload(run, run.status);
    if (mode === 'reversed') {
      const held = this.#heldWebhooks.get(run.id) ?? [];
      held.unshift(payload);
      this.#heldWebhooks.set(run.id, held);
      if (TERMINAL.includes(run.status)) for (const one of held) this.#send(webhook, one);
      return;
    }
    this.#send(webhook, payload);
    if (mode === 'double') this.#send(webhook, payload);
  }

  #send(url: string, payload: object): void {
    const sending = this.#post(url, payload).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Up to three tries, then dropped. */
  async #post(url: string, payload: object): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 0; tries <= WEBHOOK_PAUSES_MS.length && !signal.aborted; tries += 1) {
      try {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(url, { method: 'POST', headers, body: stringifyLossless(payload), signal });
        await answer.body?.cancel();
        if (answer.ok) return;
      } catch {
        // Unreachable counts like a refusal.
      }
      const pauseMs = WEBHOOK_PAUSES_MS[tries];
      if (pauseMs !== undefined) await wait(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}
