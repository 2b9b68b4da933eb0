import type { ErrorInfo } from '../core/errors.js';
import { isJsonObject, parseLossless } from '../core/json.js';
import type { AttemptStatus } from '../core/statuses.js';
import type { Db } from '../db/index.js';
import type { Needs } from './dispatch/needs.js';
import { acceptedWork, boundRecordOf } from './payload.js';
import type { Reader } from './store.js';
import type { Generation, GenerationRequest } from './types.js';

/**
 * The request that a generation was accepted with, as far as it is kept. It belongs to its session as long as that lives,
 * so that nobody gets around the places of a session by repeating; after it, the places of the account are what counts.
 */
export async function rerunRequest({ kysely }: Db, generation: Generation, nowMs: number): Promise<GenerationRequest> {
  const payload = await kysely
    .selectFrom('generation_payloads')
    .selectAll()
    .where('generation_id', '=', generation.id)
    .executeTakeFirstOrThrow();
  const { graph, deployment } = acceptedWork(payload);
  const bound = boundRecordOf(payload);
  const inputs = await kysely
    .selectFrom('generation_inputs')
    .selectAll()
    .where('generation_id', '=', generation.id)
    .execute();
  const place = await kysely
    .selectFrom('generations')
    .leftJoin('dispatch_needs', 'dispatch_needs.needs_key', 'generations.needs_key')
    .select(['generations.backend_pin as backendId', 'dispatch_needs.needs as needs'])
    .select(['run_limit_ms', 'max_attempts', 'queue_deadline_at', 'current_attempt_id', 'generations.created_at'])
    .where('generations.id', '=', generation.id)
    .executeTakeFirstOrThrow();
  const needs = place.needs === null ? null : (JSON.parse(place.needs) as Needs);
  const workflow = payload.workflow === null ? null : parseLossless(payload.workflow);
  const { accountId, sessionId, lane, workflowName, workflowVersion, metadata } = generation;
  const attempts = await kysely
    .selectFrom('attempts')
    .select(['id', 'status', 'claimed_at', 'finished_at', 'error'])
    .where('generation_id', '=', generation.id)
    .execute();
  const isLive = sessionId !== null && (await livesFor(kysely, sessionId, accountId, nowMs));
  // Each try that was followed by another one moved the deadline by the time that it spent on a backend.
  const movedMs = attempts
    .filter((attempt) => attempt.id !== place.current_attempt_id && isSpent(attempt))
    .reduce((sum, attempt) => sum + ((attempt.finished_at ?? attempt.claimed_at) - attempt.claimed_at), 0);
  const queueMs = Math.max(1, place.queue_deadline_at - place.created_at - movedMs);
  return {
    accountId,
    ...(isLive ? { sessionId } : {}),
    lane,
    limits: { queueMs, runMs: place.run_limit_ms, maxAttempts: place.max_attempts },
    ...(deployment === null ? { graph } : { deployment }),
    attachments: inputs.map((row) => ({ nodeId: row.node_id, inputName: row.input_name, mediaId: row.media_id })),
    ...(isJsonObject(workflow) ? { workflow } : {}),
    ...(bound === null ? {} : { bound }),
    ...(place.backendId === null ? {} : { backendId: place.backendId }),
    ...(needs === null ? {} : { needs: { tags: needs.tags, vramBytes: needs.vramBytes } }),
    ...(workflowName === null ? {} : { workflowName }),
    ...(workflowVersion === null ? {} : { workflowVersion }),
    ...(metadata === null ? {} : { metadata }),
  };
}

/** Not given back: the backend had it (`settle.ts`). */
function isSpent({ status, error }: { readonly status: AttemptStatus; readonly error: string | null }): boolean {
  if (status !== 'lost') return status === 'failed';
  return error !== null && (JSON.parse(error) as ErrorInfo).code === 'backend_lost_run';
}

async function livesFor(db: Reader, sessionId: string, accountId: string, nowMs: number): Promise<boolean> {
  const session = await db
    .selectFrom('sessions')
    .innerJoin('session_identities', 'session_identities.id', 'sessions.identity_id')
    .select('sessions.id')
    .where('sessions.id', '=', sessionId)
    .where('session_identities.account_id', '=', accountId)
    .where('sessions.expires_at', '>', nowMs)
    .executeTakeFirst();
  return session !== undefined;
}
