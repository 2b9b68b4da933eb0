/**
 * The life of a generation and of its attempts, in one file.
 *
 *   generation:  queued -> running -> collecting -> succeeded | failed | cancelled | expired
 *
 * - queued      accepted and durable, waiting for a backend (also between two attempts)
 * - running     an attempt is under way on a backend (sending counts: from the claim on)
 * - collecting  the backend has finished; outputs are being copied into the media store
 * - succeeded   every output is stored
 * - failed      an error that no further attempt is allowed to cure
 * - cancelled   the owner cancelled before success
 * - expired     no backend took it before the queue deadline
 *
 * running and collecting may go back to queued when an attempt ends in a fault that another attempt can cure.
 *
 *   attempt:     claimed -> sent -> running -> collecting -> succeeded | failed | cancelled | lost
 *
 * - claimed     stored with its id (the ComfyUI prompt_id) before anything is sent
 * - sent        the POST was begun: from here on the backend may know the id, whatever the answer was
 * - running     the backend confirmed that it has the prompt (queued there or executing)
 * - lost        the backend does not know the prompt any more, or never accepted it
 */
export const GENERATION_STATUSES = [
  'queued',
  'running',
  'collecting',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
] as const;
export type GenerationStatus = (typeof GENERATION_STATUSES)[number];

export const ATTEMPT_STATUSES = [
  'claimed',
  'sent',
  'running',
  'collecting',
  'succeeded',
  'failed',
  'cancelled',
  'lost',
] as const;
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

const GENERATION_MOVES: Readonly<Record<GenerationStatus, readonly GenerationStatus[]>> = {
  queued: ['running', 'cancelled', 'expired', 'failed'],
  running: ['collecting', 'queued', 'failed', 'cancelled', 'succeeded'],
  collecting: ['succeeded', 'queued', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
  expired: [],
};

const ATTEMPT_MOVES: Readonly<Record<AttemptStatus, readonly AttemptStatus[]>> = {
  claimed: ['sent', 'failed', 'cancelled', 'lost'],
  sent: ['running', 'collecting', 'failed', 'cancelled', 'lost'],
  running: ['collecting', 'succeeded', 'failed', 'cancelled', 'lost'],
  collecting: ['succeeded', 'failed', 'cancelled', 'lost'],
  succeeded: [],
  failed: [],
  cancelled: [],
  lost: [],
};

export function isGenerationTerminal(status: GenerationStatus): boolean {
  return GENERATION_MOVES[status].length === 0;
}

function isAttemptTerminal(status: AttemptStatus): boolean {
  return ATTEMPT_MOVES[status].length === 0;
}

export function canMoveGeneration(from: GenerationStatus, to: GenerationStatus): boolean {
  return GENERATION_MOVES[from].includes(to);
}

export function canMoveAttempt(from: AttemptStatus, to: AttemptStatus): boolean {
  return ATTEMPT_MOVES[from].includes(to);
}

/** For database queries. */
export const OPEN_GENERATION_STATUSES = GENERATION_STATUSES.filter((status) => !isGenerationTerminal(status));
export const OPEN_ATTEMPT_STATUSES = ATTEMPT_STATUSES.filter((status) => !isAttemptTerminal(status));
