import type { Backend, DeploymentRequest, DeploymentValue } from '../backends/spec.js';
import { GenerationError } from '../core/errors.js';
import { isJsonObject, type JsonObject, parseLossless } from '../core/json.js';
import type { Db } from '../db/index.js';
import { type Graph, type UiWorkflow, validateGraph } from '../graph/index.js';
import type { MediaStore } from '../media/index.js';
import type { BindChange } from '../workflows/types.js';
import { readDeployment } from './deployments/request.js';
import type { BoundRecord } from './types.js';

/** What an attempt needs to run, read from the database at its start. */
export interface Payload {
  readonly accountId: string;
  /** Empty for a deployment. */
  readonly graph: Graph;
  /** Its inputs get the addresses of uploaded files, as nodes of a graph do. */
  readonly deployment: { readonly id: string; readonly inputs: Record<string, DeploymentValue> } | null;
  readonly workflow: UiWorkflow | null;
  readonly attachments: readonly StoredAttachment[];
  readonly runLimitMs: number;
  readonly queueDeadlineAt: number;
  readonly cancelRequested: boolean;
  /** Of the HTTP request that asked for it. */
  readonly requestId: string | null;
}

export interface StoredAttachment {
  readonly nodeId: string;
  readonly inputName: string;
  readonly uploadName: string;
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
}

export async function loadPayload(db: Db, generationId: string): Promise<Payload> {
  const row = await db.kysely
    .selectFrom('generations')
    .innerJoin('generation_payloads', 'generation_payloads.generation_id', 'generations.id')
    .leftJoin('events', (join) => join.onRef('events.generation_id', '=', 'generations.id').on('events.seq', '=', 1))
    .select([
      'generations.account_id as accountId',
      'generations.run_limit_ms as runLimitMs',
      'generations.queue_deadline_at as queueDeadlineAt',
      'generations.cancel_requested_at as cancelRequestedAt',
      'generation_payloads.graph as graph',
      'generation_payloads.workflow as workflow',
      'generation_payloads.deployment as deployment',
      'events.data as queued',
    ])
    .where('generations.id', '=', generationId)
    .executeTakeFirst();
  if (row === undefined) throw new GenerationError('not_found', `Generation ${generationId} has no stored graph.`);
  const attachments = await db.kysely
    .selectFrom('generation_inputs')
    .innerJoin('media', 'media.id', 'generation_inputs.media_id')
    .select([
      'generation_inputs.node_id as nodeId',
      'generation_inputs.input_name as inputName',
      'generation_inputs.upload_name as uploadName',
      'media.hash as hash',
      'media.bytes as bytes',
      'media.content_type as contentType',
    ])
    .where('generation_inputs.generation_id', '=', generationId)
    .execute();
  const workflow = row.workflow === null ? null : parseLossless(row.workflow);
  return {
    accountId: row.accountId,
    ...acceptedWork(row),
    workflow: isJsonObject(workflow) ? workflow : null,
    attachments,
    runLimitMs: row.runLimitMs,
    queueDeadlineAt: row.queueDeadlineAt,
    cancelRequested: row.cancelRequestedAt !== null,
    requestId: requestIdIn(row.queued),
  };
}

/** From what was stored with the event `queued`. */
function requestIdIn(queued: string | null): string | null {
  const id = queued === null ? null : (JSON.parse(queued) as { readonly requestId?: unknown }).requestId;
  return typeof id === 'string' ? id : null;
}

/** What a stored generation runs: a graph, or a deployment and then an empty graph. */
export function acceptedWork(row: { readonly graph: string; readonly deployment: string | null }): {
  readonly graph: Graph;
  readonly deployment: { readonly id: string; readonly inputs: Record<string, DeploymentValue> } | null;
} {
  const deployment: DeploymentRequest | null = readDeployment(row.deployment);
  if (deployment === null) return { graph: validateGraph(parseLossless(row.graph)), deployment };
  return { graph: {}, deployment: { id: deployment.id, inputs: { ...deployment.inputs } } };
}

/** The graph of a generation as it was accepted, and how it came to be where it was bound from a workflow. */
export interface AcceptedGraph {
  readonly graph: Graph;
  readonly bound: BoundRecord | null;
}

/** Null when there is none. */
export async function readAcceptedGraph(db: Db, generationId: string): Promise<AcceptedGraph | null> {
  const row = await db.kysely
    .selectFrom('generation_payloads')
    .select(['graph', 'deployment', 'inputs', 'changes'])
    .where('generation_id', '=', generationId)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { graph: acceptedWork(row).graph, bound: boundRecordOf(row) };
}

export function boundRecordOf(row: {
  readonly inputs: string | null;
  readonly changes: string | null;
}): BoundRecord | null {
  if (row.inputs === null || row.changes === null) return null;
  return {
    inputs: parseLossless(row.inputs) as JsonObject,
    changes: parseLossless(row.changes) as unknown as BindChange[],
  };
}

/**
 * Uploads each attachment and returns a graph whose loader inputs hold the names that the backend answered. Those of a
 * deployment go into its inputs.
 */
export async function uploadAttachments(
  media: MediaStore,
  backend: Pick<Backend, 'upload'>,
  payload: Payload,
  signal: AbortSignal,
): Promise<Graph> {
  if (payload.attachments.length === 0) return payload.graph;
  const graph = structuredClone(payload.graph);
  for (const attachment of payload.attachments) {
    const inputs = payload.deployment?.inputs ?? graph[attachment.nodeId]?.inputs;
    if (inputs === undefined)
      throw new GenerationError('graph_input_unknown', `The graph has no node ${attachment.nodeId}.`);
    const uploaded = await backend.upload(
      {
        filename: attachment.uploadName,
        contentType: attachment.contentType,
        bytes: attachment.bytes,
        open: async () => (await media.open(attachment.hash)).stream,
      },
      { signal },
    );
    inputs[attachment.inputName] = uploaded.inputValue;
  }
  return graph;
}
