import { type CallOptions, type ComfyUiHttp, interpretHistory, type TempOutputs } from '../comfyui/index.js';
import { type Clock, sleep } from '../core/clock.js';
import type { AttemptBook } from './comfyui-attempts.js';
import type { Sighting } from './spec.js';

/**
 * Where an attempt is: queue first, then history.
 *
 * The order matters. A run moves from the queue into the history; looked at the other way round, one that ends between
 * the two looks is in neither, and a finished run would be taken for a lost one and run again.
 */
export interface LookupContext {
  readonly http: ComfyUiHttp;
  readonly attempts: AttemptBook;
  readonly clock: Clock;
  readonly temp: TempOutputs;
}

/**
 * Pauses before looking again for an attempt that the backend is known to have had: a server may write the history a
 * moment after it took the run off the queue. Others are reported absent at once; the caller looks twice.
 */
const LATE_HISTORY_PAUSES_MS = [20, 40, 80, 160];

export async function lookUp(context: LookupContext, attemptId: string, options: CallOptions): Promise<Sighting> {
  for (const pauseMs of LATE_HISTORY_PAUSES_MS) {
    const sighting = await lookOnce(context, attemptId, options);
    if (sighting.state !== 'absent' || context.attempts.get(attemptId)?.confirmed !== true) return sighting;
    await sleep(context.clock, pauseMs, options.signal);
  }
  return lookOnce(context, attemptId, options);
}

/** One look at queue and history. Throws BackendError. */
export async function lookOnce(context: LookupContext, attemptId: string, options: CallOptions): Promise<Sighting> {
  // Its end was heard, so it is most likely there, and one request tells. Otherwise the whole look follows.
  if (context.attempts.get(attemptId)?.ended === true) {
    const finished = await lookIntoHistory(context, attemptId, options);
    if (finished !== null) return finished;
  }
  const { running, pending } = await context.http.queue(options);
  const isOurs = (item: { readonly promptId: string }) => item.promptId === attemptId;
  if (running.some(isOurs)) {
    confirm(context.attempts, attemptId);
    return { state: 'running' };
  }
  const index = pending.findIndex(isOurs);
  if (index >= 0) {
    confirm(context.attempts, attemptId);
    // The running prompt is part of the queue too: it is at position 0.
    return { state: 'queued', position: running.length + index };
  }
  return (await lookIntoHistory(context, attemptId, options)) ?? { state: 'absent' };
}

async function lookIntoHistory(
  context: LookupContext,
  attemptId: string,
  options: CallOptions,
): Promise<Sighting | null> {
  const entry = await context.http.historyEntry(attemptId, options);
  if (entry === null) return null;
  const attempt = context.attempts.get(attemptId);
  if (attempt !== undefined) attempt.ended = true;
  return { state: 'finished', result: interpretHistory(entry, { temp: context.temp }) };
}

/** Also takes in an attempt that another process sent: from now on a change of the queue is a hint that it ended. */
function confirm(attempts: AttemptBook, attemptId: string): void {
  const attempt = attempts.get(attemptId) ?? attempts.add(attemptId, null);
  attempt.confirmed = true;
}
