import type { Clock } from '../../core/clock.js';
import { GenerationError } from '../../core/errors.js';
import type { DurableEvent, Generation, GenerationEvent, Generations } from '../../generations/index.js';
import { printable } from '../terminal/style.js';
import { formatDuration } from '../terminal/words.js';
import type { ProgressView } from './progress.js';

export interface FollowRunOptions {
  readonly generations: Pick<Generations, 'events' | 'get' | 'cancel'>;
  readonly id: string;
  readonly accountId: string;
  readonly backendLabel: string;
  readonly view: ProgressView;
  readonly clock: Clock;
  /** The user's wish to stop. */
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly onWarning: (message: string) => void;
}

/**
 * Shows a generation until its end and returns it. A wish to stop, or the time limit, cancels it on the backend and waits
 * until that is verified; a run that succeeds first stays a success.
 */
export async function followRun(options: FollowRunOptions): Promise<Generation> {
  const { generations, id, accountId, view, clock, signal, timeoutMs } = options;
  let timedOut = false;
  let cancelling: Promise<unknown> | null = null;
  const cancel = (reason: string) => {
    if (cancelling !== null) return;
    view.note(reason);
    view.phase('Stopping');
    cancelling = generations.cancel(id, accountId);
    // The follow below sees how it ends; a fault here is told by it too, or by the await at the end.
    cancelling.catch(() => {});
  };
  const onAbort = () => cancel('Stopping the run. Press Ctrl-C again to leave at once.');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === undefined
      ? null
      : clock.setTimer(() => {
          timedOut = true;
          cancel(`The run took longer than ${formatDuration(timeoutMs)} and is being stopped.`);
        }, timeoutMs);
  try {
    for await (const event of generations.events(id, accountId)) {
      if (cancelling === null || event.type === 'warning') show(event, options);
    }
    await cancelling;
  } finally {
    timer?.cancel();
    signal.removeEventListener('abort', onAbort);
  }
  const ended = await generations.get(id, accountId);
  if (ended.status === 'cancelled' && timedOut && timeoutMs !== undefined) {
    throw new GenerationError(
      'run_timeout',
      `The run did not end within ${formatDuration(timeoutMs)} and was stopped.`,
      {
        hint: 'Raise --timeout, or look at what the backend is doing.',
        details: { timeoutMs },
      },
    );
  }
  return ended;
}

function show(event: GenerationEvent, { view, backendLabel, onWarning }: FollowRunOptions): void {
  switch (event.type) {
    case 'progress':
      view.progress(event.data);
      break;
    case 'preview':
      view.preview(event.data.bytes, event.data.contentType);
      break;
    case 'warning':
      onWarning(event.data.message);
      break;
    case 'queued':
      view.phase('Queued');
      break;
    case 'started':
      view.phase(`Running on ${backendLabel}`, true);
      break;
    case 'retrying':
      view.note(`${reasonOf(event)} Trying again.`);
      view.phase('Trying again');
      break;
    case 'collecting':
      view.phase('Fetching the outputs');
      break;
    default:
      // The end, or our own wish to cancel: what is said about those is said elsewhere.
      break;
  }
}

function reasonOf(event: DurableEvent): string {
  const error = event.data['error'];
  const message = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : undefined;
  return typeof message === 'string' ? printable(message) : 'The attempt failed.';
}

/** Did the backend confirm that a cancelled run stopped? Unknown counts as no. */
export function cancelWasVerified({ error }: Generation): boolean {
  const details = error?.details;
  // A generation that was cancelled while it waited never reached a backend.
  return details === undefined || details['verified'] === true;
}
