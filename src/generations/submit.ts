import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { EaselError, GenerationError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import { stringifyLossless } from '../core/json.js';
import { laneNumber } from '../core/lanes.js';
import { definedOnly } from '../core/objects.js';
import { type Database, type Db, isUniqueViolation } from '../db/index.js';
import { fingerprint, type Graph, validateGraph } from '../graph/index.js';
import { checkDeployment, deploymentText } from './deployments/request.js';
import { needsOf } from './dispatch/needs.js';
import type { Entry, QueueBooks } from './dispatch/queue-books.js';
import type { Billing } from './seams.js';
import { insertEvent, type Writer } from './store.js';
import type { DurableEvent, GenerationLimits, GenerationRequest } from './types.js';
import type { Admission } from './waiting/admission.js';
import { explainFull } from './waiting/full.js';

/**
 * Accepting a generation: ONE transaction inserts it, places the hold, enqueues it (the row is the queue entry) and writes
 * its first event. What was acknowledged is durable; what was refused left no trace.
 */
export interface SubmitContext {
  readonly db: Db;
  readonly clock: Clock;
  readonly billing: Billing;
  readonly admission: Admission;
  readonly limits: GenerationLimits;
  readonly books: QueueBooks;
}

export interface Submitted {
  readonly id: string;
  /** Null when the idempotency key was used before with the same request: nothing new was accepted. */
  readonly event: DurableEvent | null;
}

type PayloadText = Omit<Database['generation_payloads'], 'generation_id'>;

const MAX_METADATA_BYTES = 16 * 1024;
const MAX_KEY_CHARS = 255;

export async function submitGeneration(context: SubmitContext, request: GenerationRequest): Promise<Submitted> {
  const graph = graphToRun(request);
  checkRequest(request, graph);
  const text: PayloadText = {
    graph: stringifyLossless(graph),
    deployment: deploymentText(request.deployment),
    workflow: request.workflow === undefined ? null : stringifyLossless(request.workflow),
    metadata: request.metadata === undefined ? null : stringifyLossless(request.metadata),
    inputs: request.bound === undefined ? null : stringifyLossless(request.bound.inputs),
    changes: request.bound === undefined ? null : stringifyLossless(request.bound.changes),
  };
  if (text.metadata !== null && Buffer.byteLength(text.metadata) > MAX_METADATA_BYTES) {
    throw new EaselError('payload_too_large', `metadata is larger than ${MAX_METADATA_BYTES} bytes.`, {
      details: { field: 'metadata' },
    });
  }
  const requestHash = request.idempotencyDigest ?? hashRequest(request, text);
  const earlier = await findSubmitted(context.db, request, requestHash);
  if (earlier !== null) return { id: earlier, event: null };
  try {
    const loads = fingerprint(graph);
    const entry = await context.books.prepare({
      accountId: request.accountId,
      lane: laneNumber(request.lane),
      modelKey: loads.modelKey,
      needs: needsOf({
        graph,
        loads,
        backendId: request.backendId ?? null,
        isDeployment: request.deployment !== undefined,
        ...request.needs,
      }),
    });
    const { accountId, sessionId = null } = request;
    const enter = await context.admission.prepare({ accountId, sessionId });
    const work = async (tx: Writer) => {
      await enter?.(tx);
      return insertGeneration(tx, context, request, text, requestHash, { ...loads, entry });
    };
    // When it was done before after all, the key says so below.
    const submitted = await context.db.transaction(work, { repeatable: request.idempotencyKey !== undefined });
    entry.committed();
    return submitted;
  } catch (error) {
    // Two submits with one key at the same moment: the loser answers what the winner stored, who may have taken the last
    // place in the waiting room.
    const isFull = error instanceof EaselError && error.code === 'waiting_room_full';
    const winner =
      isFull || isUniqueViolation(error, 'generations_idempotency_key')
        ? await findSubmitted(context.db, request, requestHash)
        : null;
    if (winner !== null) return { id: winner, event: null };
    throw await explainFull(context.db, error, request.accountId, context.clock.now());
  }
}

async function insertGeneration(
  tx: Writer,
  context: SubmitContext,
  request: GenerationRequest,
  text: PayloadText,
  requestHash: string,
  loads: { readonly modelKey: string; readonly loraKey: string; readonly entry: Entry },
): Promise<Submitted> {
  const nowMs = context.clock.now();
  const id = newId();
  const limits = { ...context.limits, ...definedOnly(request.limits ?? {}) };
  await tx
    .insertInto('generations')
    .values({
      id,
      account_id: request.accountId,
      status: 'queued',
      lane: laneNumber(request.lane),
      idempotency_key: request.idempotencyKey ?? null,
      request_hash: requestHash,
      workflow_name: request.workflowName ?? null,
      workflow_version: request.workflowVersion ?? null,
      model_key: loads.modelKey,
      lora_key: loads.loraKey,
      ...(await loads.entry.enter(tx)),
      deployment_id: request.deployment?.id ?? null,
      session_id: request.sessionId ?? null,
      backend_pin: request.backendId ?? null,
      attempt_count: 0,
      max_attempts: limits.maxAttempts,
      unaccepted_count: 0,
      available_at: nowMs,
      created_at: nowMs,
      updated_at: nowMs,
      queue_deadline_at: nowMs + limits.queueMs,
      run_limit_ms: limits.runMs,
      started_at: null,
      finished_at: null,
      current_attempt_id: null,
      cancel_requested_at: null,
      error: null,
      event_seq: 1,
    })
    .execute();
  await tx
    .insertInto('generation_payloads')
    .values({ generation_id: id, ...text })
    .execute();
  await attachInputs(tx, id, request);
  const workflow = { workflowName: request.workflowName ?? null, workflowVersion: request.workflowVersion ?? null };
  await context.billing.hold(tx, {
    id,
    accountId: request.accountId,
    ...workflow,
    lane: request.lane ?? 'interactive',
    graph: request.graph ?? {},
    billing: request.billing ?? {},
  });
  const event = await insertEvent(tx, {
    generationId: id,
    seq: 1,
    at: nowMs,
    type: 'queued',
    data: {
      lane: request.lane ?? 'interactive',
      ...workflow,
      ...definedOnly({
        traceparent: request.traceParent,
        requestId: request.requestId,
        selection: request.selection,
      }),
    },
  });
  return { id, event };
}

async function attachInputs(tx: Writer, generationId: string, request: GenerationRequest): Promise<void> {
  for (const attachment of request.attachments ?? []) {
    // From here on the generation keeps it: a sweep of unused uploads finds it stored.
    const media = await tx
      .updateTable('media')
      .set({ state: 'stored' })
      .where('id', '=', attachment.mediaId)
      .where('account_id', '=', request.accountId)
      .where('state', '!=', 'removed')
      .returning(['id', 'hash', 'content_type'])
      .executeTakeFirst();
    if (media === undefined) {
      throw new EaselError('not_found', `There is no uploaded file ${attachment.mediaId} of this account.`, {
        hint: 'Attach the file again: an upload that no generation uses is removed after a while.',
        details: { field: 'attachments', mediaId: attachment.mediaId },
      });
    }
    await tx
      .insertInto('generation_inputs')
      .values({
        generation_id: generationId,
        node_id: attachment.nodeId,
        input_name: attachment.inputName,
        media_id: media.id,
        upload_name: `${media.hash}${extensionOf(media.content_type)}`,
      })
      .execute();
  }
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': '.png',
  'image/apng': '.png',
  'image/jpeg': '.jpg',
  'image/webp': '.webp',
  'image/gif': '.gif',
  'image/avif': '.avif',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
  'video/quicktime': '.mov',
  'audio/mpeg': '.mp3',
  'audio/wav': '.wav',
  'audio/x-flac': '.flac',
  'audio/flac': '.flac',
  'audio/ogg': '.ogg',
};

/** Loaders decide by the extension, so it must say what the bytes are, not what the caller's file was called. */
function extensionOf(contentType: string): string {
  return EXTENSIONS[contentType] ?? '.bin';
}

/** Empty for a deployment. */
function graphToRun(request: GenerationRequest): Graph {
  const { graph, deployment } = request;
  if ((graph === undefined) === (deployment === undefined))
    throw invalid('graph', 'A generation runs a graph or a deployment: give one of them.');
  if (graph !== undefined) return validateGraph(graph);
  if (deployment !== undefined) checkDeployment(deployment);
  return {};
}

function checkRequest(request: GenerationRequest, graph: Graph): void {
  if (request.accountId === '') throw invalid('accountId', 'accountId must not be empty.');
  const key = request.idempotencyKey;
  if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_CHARS)) {
    throw invalid('idempotencyKey', `idempotencyKey must have 1 to ${MAX_KEY_CHARS} characters.`);
  }
  const digest = request.idempotencyDigest;
  if (digest !== undefined && (digest.length === 0 || digest.length > MAX_KEY_CHARS)) {
    throw invalid('idempotencyDigest', `idempotencyDigest must have 1 to ${MAX_KEY_CHARS} characters.`);
  }
  for (const [name, value] of Object.entries(request.limits ?? {})) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
      throw invalid(`limits.${name}`, `limits.${name} must be a whole number above 0.`);
    }
  }
  for (const { nodeId, inputName } of request.attachments ?? []) {
    if (request.deployment !== undefined && nodeId === '') continue;
    const node = graph[nodeId];
    if (node === undefined || !Object.hasOwn(node.inputs, inputName)) {
      throw new GenerationError(
        'graph_input_unknown',
        `The graph has no input ${nodeId}.${inputName} for an attached file.`,
        {
          details: { field: 'attachments', nodeId, inputName },
        },
      );
    }
  }
}

function invalid(field: string, message: string): EaselError {
  return new EaselError('request_invalid', message, { details: { field } });
}

/** The id of what was submitted under this key before, or null. Throws `idempotency_conflict`. */
export async function findSubmitted(
  db: Db,
  request: Pick<GenerationRequest, 'accountId' | 'idempotencyKey'>,
  requestHash: string,
): Promise<string | null> {
  if (request.idempotencyKey === undefined) return null;
  const row = await db.kysely
    .selectFrom('generations')
    .select(['id', 'request_hash'])
    .where('account_id', '=', request.accountId)
    .where('idempotency_key', '=', request.idempotencyKey)
    .executeTakeFirst();
  if (row === undefined) return null;
  if (row.request_hash !== requestHash) {
    throw new EaselError(
      'idempotency_conflict',
      `The idempotency key was already used for generation ${row.id} with another request.`,
      {
        details: { generationId: row.id },
      },
    );
  }
  return row.id;
}

function hashRequest(request: GenerationRequest, text: PayloadText): string {
  const rest = [
    request.workflowName ?? null,
    request.workflowVersion ?? null,
    request.lane ?? 'interactive',
    request.backendId ?? null,
    request.attachments ?? [],
    request.limits ?? {},
    ...(request.billing === undefined ? [] : [request.billing]),
    ...(request.needs === undefined ? [] : [request.needs]),
  ];
  const hash = createHash('sha256');
  for (const part of [
    text.graph,
    text.workflow ?? '',
    text.metadata ?? '',
    text.deployment ?? '',
    JSON.stringify(rest),
  ]) {
    hash.update(`${part.length}:`).update(part);
  }
  return hash.digest('hex');
}
