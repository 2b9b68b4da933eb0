import type { CallOptions } from '../comfyui/index.js';
import { honoursTargetedInterrupt } from '../comfyui/index.js';
import { sleep } from '../core/clock.js';
import { type LookupContext, lookOnce, lookUp } from './comfyui-lookup.js';
import type { CancelOutcome, Sighting } from './spec.js';

/**
 * Stops an attempt wherever it is and verifies it (comfyui.md 1.4): remove it from the queue, interrupt it by id if it
 * runs, look again. Nothing else may be hit: a server that is too old to interrupt by id is interrupted only when the
 * attempt runs and nothing waits behind it, since whatever runs a moment later would be stopped in its place.
 */
export interface CancelContext extends LookupContext {
  /** `comfyui_version`, or null when the server does not tell. */
  readonly version: (options: CallOptions) => Promise<string | null>;
  /** How long to wait for a node that does not listen before reporting `stopping`. */
  readonly limitMs: number;
}

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;
const SHORTEST_CALL_MS = 1_000;

export async function cancelAttempt(
  context: CancelContext,
  attemptId: string,
  options: CallOptions,
): Promise<CancelOutcome> {
  const { clock } = context;
  const deadlineAt = clock.now() + (options.timeoutMs ?? context.limitMs);
  // Each request may use what is left of the time; one that takes longer ends in an error, not in a wrong answer.
  const call = (): CallOptions => ({
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    timeoutMs: Math.max(SHORTEST_CALL_MS, deadlineAt - clock.now()),
  });
  let asked = false;
  let sighting = await lookUp(context, attemptId, call());
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    if (sighting.state === 'finished' || sighting.state === 'absent') return outcomeOf(sighting, asked);
    await stop(context, attemptId, sighting, call());
    // What ran leaves a history entry, perhaps a moment late; what was only queued leaves nothing.
    const look = sighting.state === 'running' ? lookUp : lookOnce;
    asked = true;
    sighting = await look(context, attemptId, call());
    if (sighting.state === 'finished' || sighting.state === 'absent') continue;
    if (clock.now() + pauseMs > deadlineAt) return { state: 'stopping' };
    await sleep(clock, pauseMs, options.signal);
    sighting = await look(context, attemptId, call());
  }
}

function outcomeOf(sighting: Extract<Sighting, { state: 'finished' | 'absent' }>, asked: boolean): CancelOutcome {
  // A prompt that is removed from the queue leaves no trace, so "gone after we asked" is all the proof there can be.
  if (sighting.state === 'absent') return { state: asked ? 'cancelled' : 'absent' };
  const stoppedByUs = asked && sighting.result.outcome === 'interrupted';
  return stoppedByUs ? { state: 'cancelled' } : { state: 'finished', result: sighting.result };
}

async function stop(
  context: CancelContext,
  attemptId: string,
  sighting: Extract<Sighting, { state: 'queued' | 'running' }>,
  call: CallOptions,
): Promise<void> {
  const { http } = context;
  if (sighting.state === 'queued') {
    await http.deleteFromQueue([attemptId], call);
    return;
  }
  // Repeated on every round: a server clears the flag when a prompt starts, so one sent too early is lost.
  if (honoursTargetedInterrupt(await context.version(call))) await http.interrupt(attemptId, call);
  else if (await isAloneAndRunning(context, attemptId, call)) await http.interruptCurrent(call);
}

async function isAloneAndRunning(context: CancelContext, attemptId: string, call: CallOptions): Promise<boolean> {
  const { running, pending } = await context.http.queue(call);
  return pending.length === 0 && running.length === 1 && running[0]?.promptId === attemptId;
}
