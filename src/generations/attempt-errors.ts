import type { AttemptResult } from '../backends/spec.js';
import { BackendError, EaselError, GenerationError } from '../core/errors.js';

/** The error of a run that the backend reports as not succeeded. */
export function resultError(result: AttemptResult): EaselError {
  if (result.outcome === 'interrupted') {
    return new BackendError(
      'backend_interrupted',
      result.error?.message ?? 'Somebody interrupted the run on the backend.',
    );
  }
  if (result.error === undefined)
    return new BackendError('node_failed', 'The run failed, and the backend does not say why.');
  const { code, message, hint, details } = result.error;
  return new BackendError(code, message, { hint, ...(details === undefined ? {} : { details }) });
}

export function lostRun(): BackendError {
  return new BackendError(
    'backend_lost_run',
    'The backend no longer knows the run: it restarted, or somebody deleted it.',
  );
}

/** A former owner's submit that nobody saw the answer of. */
export function notTaken(): BackendError {
  return new BackendError('backend_unreachable', 'The backend did not take the prompt.');
}

/** The reasons for `abandon`. */
export function leaseLost(backendId: string): GenerationError {
  return new GenerationError('lease_lost', `This node no longer owns backend ${backendId}.`);
}

export function shuttingDown(): EaselError {
  return new EaselError('shutting_down', 'This node is stopping; the run goes on and will be adopted.');
}

/** Somebody removes the backend and does not wait for what runs on it. */
export function evicted(backendId: string): BackendError {
  return new BackendError('backend_interrupted', `Backend ${backendId} is being removed; the run was stopped there.`);
}
