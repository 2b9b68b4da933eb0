import type { AttemptResult, SubmitOutcome } from '../backends/spec.js';
import type { Clock } from '../core/clock.js';
import { type EaselError, GenerationError, toEaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { MediaStore } from '../media/index.js';
import { lostRun, notTaken, resultError } from './attempt-errors.js';
import { type CollectContext, discardOutputs, stageOutputs, storeOutputs } from './collect.js';
import { deploymentBackend } from './deployments/deployment-backend.js';
import type { EventHub } from './event-hub.js';
import { forwardEvents } from './forward-events.js';
import { keepResult } from './keep-result.js';
import type { OwnedBackend } from './owned-backend.js';
import { graphForTry } from './past-cache.js';
import { loadPayload, type Payload, uploadAttachments } from './payload.js';
import { persist } from './persist.js';
import type { Probe } from './seams.js';
import {
  type AttemptIdentity,
  type SettleContext,
  type Settled,
  type StoredOutput,
  settleCancelled,
  settleFailed,
  settleSucceeded,
} from './settle.js';
import { markAttempt } from './store.js';
import { AttemptTracker, type TrackEnd } from './track.js';
import type { GenerationLimits } from './types.js';

/**
 * One attempt from its claim to its settlement:
 *
 *   claimed --(upload inputs)--> marked sent --(POST)--> running --(track)--> collecting --(copy outputs)--> settled
 *
 * The durable mark `sent` is written before the POST. So after a crash `claimed` means "certainly not sent" (the try is
 * given back), and everything later means "look it up first": an accepted graph is never sent a second time while the
 * backend still knows it.
 *
 * `abandon` ends the work without writing anything: the lease is lost, or the process stops and leaves the run to be
 * adopted. Everything else ends in exactly one settle call.
 */
export interface AttemptEnvironment {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly media: MediaStore;
  readonly hub: EventHub;
  readonly probe: Probe;
  readonly limits: GenerationLimits;
  readonly settle: SettleContext;
  /** Owner tag of this process. */
  readonly owner: string;
}

/** Of a POST. Giving up early means not to know, giving up late keeps a deadline waiting. */
const SHORTEST_SUBMIT_MS = 1_000;
const LONGEST_SUBMIT_MS = 30_000;

export type AttemptStart =
  /** Just claimed by us. */
  | { readonly kind: 'fresh'; readonly isMarkedSent: boolean; readonly number: number }
  /** Left open by a former owner. */
  | {
      readonly kind: 'adopted';
      readonly sent: boolean;
      readonly confirmed: boolean;
      readonly result: AttemptResult | null;
    };

/** What the owner of the backend wants to know while the attempt is under way. */
export interface AttemptHooks {
  /** The backend's part is over; called once. */
  readonly onBackendFree: () => void;
  readonly onAccepted: () => void;
  /** The run says nothing for longer than `stalledMs`, or was heard again. */
  readonly onSilent: (isSilent: boolean) => void;
  /** It was told to stop, and could not be seen to. */
  readonly onWedged: () => void;
  /** Silence after which `onSilent` is called. */
  readonly stalledMs: () => number;
}

export class AttemptRun {
  readonly attempt: AttemptIdentity;
  readonly #env: AttemptEnvironment;
  #backend: OwnedBackend;
  readonly #logger: Logger;
  /** Of this attempt alone: no try shares a signal with another one. */
  readonly #abandon = new AbortController();
  readonly #hooks: AttemptHooks;
  /** While outputs are copied: ends that, and the attempt as cancelled. */
  #stopCollecting: AbortController | null = null;
  #eviction: EaselError | null = null;
  #tracker: AttemptTracker | null = null;
  #cancelRequested = false;
  #backendFree = false;
  #confirming: Promise<void> = Promise.resolve();
  /** Why the answer to the POST was lost; its `Retry-After` counts too. */
  #submitError: EaselError | null = null;

  constructor(env: AttemptEnvironment, backend: OwnedBackend, attempt: AttemptIdentity, hooks: AttemptHooks) {
    this.#env = env;
    this.#backend = backend;
    this.attempt = attempt;
    this.#logger = env.logger.child({
      generation: attempt.generationId,
      attempt: attempt.attemptId,
      backend: backend.id,
    });
    this.#hooks = hooks;
  }

  abandon(reason: EaselError): void {
    this.#abandon.abort(reason);
  }

  requestCancel(): void {
    this.#cancelRequested = true;
    this.#tracker?.requestCancel();
    this.#stopCollecting?.abort(new GenerationError('cancelled', 'Cancelled while its outputs were copied.'));
  }

  /** Stops the run on the backend and gives the generation back to the queue; a run that finished first keeps its result. */
  evict(reason: EaselError): void {
    this.#eviction = reason;
    this.#tracker?.requestCancel();
  }

  /** Never rejects. Resolves with the error that made the backend unusable, when that is what happened. */
  async run(start: AttemptStart): Promise<EaselError | null> {
    const signal = this.#abandon.signal;
    try {
      return await this.#steps(start, signal);
    } catch (thrown) {
      if (signal.aborted) return null;
      const error = toEaselError(thrown);
      if (error.code === 'internal') this.#logger.error({ err: thrown }, 'an attempt ended in an unexpected fault');
      return this.#fail(error, 'accepted', signal).catch(() => null);
    } finally {
      this.#tracker?.close();
      this.#freeBackend();
      await this.#confirming.catch(() => {});
    }
  }

  async #steps(start: AttemptStart, signal: AbortSignal): Promise<EaselError | null> {
    const payload = await this.#persist(() => loadPayload(this.#env.db, this.attempt.generationId), signal);
    this.#backend = await deploymentBackend(this.#env, this.#backend, this.attempt, payload.deployment);
    this.#cancelRequested ||= payload.cancelRequested;
    if (start.kind === 'adopted') {
      if (start.result !== null) return this.#end(payload, start.result, true, signal);
      if (!start.sent) {
        await this.#fail(
          new GenerationError('lease_lost', 'The former owner stopped before it sent the prompt.'),
          'never-accepted',
          signal,
        );
        return null;
      }
    }

    this.#tracker = this.#newTracker(payload);
    const stopForwarding = forwardEvents(this.#env, this.#backend, this.attempt, payload.graph);
    try {
      let confirmed = start.kind === 'adopted' && start.confirmed;
      let lookFirst = true;
      if (start.kind === 'fresh') {
        const sent = await this.#send(payload, start, signal);
        if (sent === null) return null;
        if (sent.kind === 'accepted') this.#hooks.onAccepted();
        if (sent.kind === 'refused') return this.#fail(sent.error, 'never-accepted', signal);
        confirmed = sent.kind === 'accepted';
        lookFirst = !confirmed;
      }
      if (this.#cancelRequested || this.#eviction !== null) this.#tracker.requestCancel();
      const end = await this.#tracker.follow(lookFirst, signal);
      return await this.#onTracked(payload, end, confirmed, signal);
    } finally {
      stopForwarding();
    }
  }

  /** Uploads, marks `sent`, then posts. Null when there is nothing left to do: not ours any more, or cancelled. */
  async #send(
    payload: Payload,
    start: Extract<AttemptStart, { kind: 'fresh' }>,
    signal: AbortSignal,
  ): Promise<SubmitOutcome | null> {
    let graph = payload.graph;
    try {
      graph = await uploadAttachments(this.#env.media, this.#backend, payload, signal);
      if (start.number > 1) graph = await graphForTry(this.#env.db, this.attempt, graph);
    } catch (thrown) {
      signal.throwIfAborted();
      return { kind: 'refused', error: toEaselError(thrown) };
    }
    if (this.#cancelRequested) {
      await this.#settled(() => settleCancelled(this.#env.settle, this.attempt, { verified: true }), signal);
      return null;
    }
    if (this.#eviction !== null) return { kind: 'refused', error: this.#eviction };
    if (!start.isMarkedSent && !(await this.#markSent(signal))) return null;
    await this.#env.probe('marked-sent', this.attempt);
    const leftMs = payload.queueDeadlineAt - this.#env.clock.now();
    const outcome = await this.#backend.submit({
      attemptId: this.attempt.attemptId,
      graph,
      timeoutMs: Math.max(SHORTEST_SUBMIT_MS, Math.min(LONGEST_SUBMIT_MS, leftMs)),
      ...(payload.workflow === null ? {} : { workflow: payload.workflow }),
      ...(payload.requestId === null ? {} : { requestId: payload.requestId }),
    });
    signal.throwIfAborted();
    this.#logger.info({ answer: outcome.kind }, 'prompt sent');
    if (outcome.kind === 'accepted') {
      await this.#env.probe('accepted', this.attempt);
      // Not waited for: nothing depends on it but what a successor makes of a lost run, and the backend is at work.
      this.#confirming = this.#confirm(signal);
      this.#confirming.catch(() => {});
    } else if (outcome.kind === 'unknown') {
      this.#submitError = outcome.error;
      this.#logger.warn({ err: outcome.error }, 'the answer to a submit was lost; looking the prompt up');
    }
    return outcome;
  }

  async #markSent(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.#env.clock.now();
    return this.#persist(
      () => this.#env.db.transaction((tx) => markAttempt(tx, this.attempt, ['claimed'], 'sent', { sent_at: nowMs })),
      signal,
    );
  }

  async #confirm(signal: AbortSignal): Promise<void> {
    const nowMs = this.#env.clock.now();
    await this.#persist(
      () =>
        this.#env.db.transaction((tx) => markAttempt(tx, this.attempt, ['sent'], 'running', { confirmed_at: nowMs })),
      signal,
    );
    await this.#env.probe('running', this.attempt);
  }

  async #onTracked(
    payload: Payload,
    end: TrackEnd,
    confirmed: boolean,
    signal: AbortSignal,
  ): Promise<EaselError | null> {
    switch (end.kind) {
      case 'finished':
        return this.#end(payload, end.result, false, signal);
      case 'cancelled':
        if (!end.verified) this.#hooks.onWedged();
        if (this.#eviction !== null && !this.#cancelRequested)
          return this.#fail(this.#eviction, 'never-accepted', signal);
        await this.#settled(() => settleCancelled(this.#env.settle, this.attempt, { verified: end.verified }), signal);
        return null;
      case 'timeout':
      case 'lost': {
        // A POST whose answer was lost may still be on its way into the queue: withdraw it before trying anew.
        const late = await this.#stopOverdue(signal);
        if (late !== null) return this.#end(payload, late, false, signal);
        if (end.kind === 'timeout') return this.#fail(end.error, 'accepted', signal);
        const error = confirmed ? lostRun() : (this.#submitError ?? notTaken());
        return this.#fail(error, confirmed ? 'accepted' : 'never-accepted', signal);
      }
    }
  }

  /** Best effort to stop a run that we give up. Returns its result when it finished after all. */
  async #stopOverdue(signal: AbortSignal): Promise<AttemptResult | null> {
    try {
      const outcome = await this.#backend.cancel(this.attempt.attemptId, {
        signal,
        timeoutMs: this.#env.limits.cancelMs,
      });
      if (outcome.state === 'stopping') this.#hooks.onWedged();
      return outcome.state === 'finished' && outcome.result.outcome === 'succeeded' ? outcome.result : null;
    } catch {
      signal.throwIfAborted();
      return null;
    }
  }

  /** The backend's run is over; what is left is ours. */
  async #end(
    payload: Payload,
    result: AttemptResult,
    stored: boolean,
    signal: AbortSignal,
  ): Promise<EaselError | null> {
    this.#freeBackend();
    await this.#env.probe('finished', this.attempt);
    if (result.outcome !== 'succeeded') return this.#fail(resultError(result), 'accepted', signal);
    const stop = new AbortController();
    this.#stopCollecting = stop;
    // Found in the database: whoever collected before us may have been told to cancel, and died.
    if (stored && this.#cancelRequested) this.requestCancel();
    let outputs: StoredOutput[] | null;
    try {
      outputs = await this.#collect(payload, result, stored, AbortSignal.any([signal, stop.signal]));
    } catch (thrown) {
      if (!stop.signal.aborted || signal.aborted) throw thrown;
      await this.#settled(
        () => settleCancelled(this.#env.settle, this.attempt, { verified: true, phase: 'collecting' }),
        signal,
      );
      return null;
    } finally {
      this.#stopCollecting = null;
    }
    if (outputs === null) return null;
    const all = outputs;
    await this.#env.probe('collected', this.attempt);
    await this.#settled(() => settleSucceeded(this.#env.settle, this.attempt, all, result.runMs ?? null), signal);
    return null;
  }

  /** Null when the attempt is not ours any more. */
  async #collect(
    payload: Payload,
    result: AttemptResult,
    stored: boolean,
    signal: AbortSignal,
  ): Promise<StoredOutput[] | null> {
    const context = this.#collectContext();
    // The copying begins while the result is being written; files get their names only after both.
    const staging = stageOutputs(context, this.#backend, this.attempt, result, signal);
    staging.catch(() => {});
    let isOurs = stored;
    try {
      if (!isOurs) {
        const kept = await this.#persist(() => keepResult(this.#env, this.attempt, result), signal);
        isOurs = kept !== 'not-ours';
        if (typeof kept === 'object') this.#env.hub.publish(kept);
      }
    } finally {
      if (!isOurs)
        await staging.then(
          (staged) => discardOutputs(context, staged),
          () => {},
        );
    }
    return isOurs ? storeOutputs(context, this.attempt, payload.accountId, result, await staging) : null;
  }

  async #fail(error: EaselError, acceptance: 'accepted' | 'never-accepted', signal: AbortSignal): Promise<EaselError> {
    const settled = await this.#settled(() => settleFailed(this.#env.settle, this.attempt, error, acceptance), signal);
    this.#logger.warn(
      { code: error.code, detail: error.message, outcome: settled?.kind ?? 'already settled' },
      'an attempt failed',
    );
    return error;
  }

  async #settled(settle: () => Promise<Settled | null>, signal: AbortSignal): Promise<Settled | null> {
    const settled = await this.#persist(settle, signal);
    if (settled !== null) {
      this.#logger.info({ outcome: settled.kind }, 'attempt settled');
      this.#env.hub.publish(settled.event);
      if (settled.kind === 'requeued') this.#env.db.changes.publish('queue');
    }
    await this.#env.probe('settled', this.attempt);
    return settled;
  }

  #persist<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return persist({ clock: this.#env.clock, logger: this.#logger }, write, signal);
  }

  #newTracker(payload: Payload): AttemptTracker {
    const { clock, limits } = this.#env;
    return new AttemptTracker(this.#backend, this.attempt.attemptId, {
      clock,
      logger: this.#logger,
      runMs: payload.runLimitMs,
      silenceMs: limits.silenceMs,
      goneMs: limits.goneMs,
      cancelMs: limits.cancelMs,
      queueDeadlineAt: payload.queueDeadlineAt,
      stalledMs: this.#hooks.stalledMs,
      onSilent: this.#hooks.onSilent,
    });
  }

  #collectContext(): CollectContext {
    const { collectMs, maxOutputBytes } = this.#env.limits;
    // Rows of files that are here already are not cut short by a cancel: it comes too late.
    const persist = <T>(write: () => Promise<T>) => this.#persist(write, this.#abandon.signal);
    return { ...this.#env, collectMs, maxOutputBytes, persist };
  }

  #freeBackend(): void {
    if (this.#backendFree) return;
    this.#backendFree = true;
    this.#hooks.onBackendFree();
  }
}
