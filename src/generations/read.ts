import { type ErrorInfo, toEaselError } from '../core/errors.js';
import { type JsonObject, parseLossless } from '../core/json.js';
import { laneName } from '../core/lanes.js';
import { type Db, type GenerationsTable, prepared } from '../db/index.js';
import type { Reader } from './store.js';
import type { DurableEvent, DurableEventType, Generation, GenerationOutput } from './types.js';

/** Reads for callers. All of them are scoped to an account: another account's generation does not exist for them. */
export interface ListOptions {
  readonly accountId: string;
  readonly statuses?: readonly Generation['status'][];
  /** Newest first, starting after this id (a cursor from the page before). */
  readonly before?: string;
  readonly workflow?: string;
  /** Created at this time or later, and before that one, in milliseconds. */
  readonly createdFrom?: number;
  readonly createdBefore?: number;
  /** 1 to 200; 50 unless told. */
  readonly limit?: number;
}

export async function readGeneration(db: Db, id: string, accountId: string): Promise<Generation | null> {
  const row = await generationQuery.first(db.kysely, { id, accountId });
  if (row === undefined) return null;
  return toGeneration(
    row,
    row.backend_id,
    row.metadata,
    row.status === 'succeeded' ? toOutputs(await outputsQuery.rows(db.kysely, { id })) : [],
  );
}

function selectGenerations(db: Reader, accountId: string) {
  return db
    .selectFrom('generations')
    .leftJoin('generation_payloads', 'generation_payloads.generation_id', 'generations.id')
    .leftJoin('attempts', 'attempts.id', 'generations.current_attempt_id')
    .selectAll('generations')
    .select(['generation_payloads.metadata as metadata', 'attempts.backend_id as backend_id'])
    .where('generations.account_id', '=', accountId);
}

const generationQuery = prepared((db, values: { readonly id: string; readonly accountId: string }) =>
  selectGenerations(db, values.accountId).where('generations.id', '=', values.id),
);

export async function listGenerations(db: Db, options: ListOptions): Promise<Generation[]> {
  let query = selectGenerations(db.kysely, options.accountId)
    // UUIDv7 ids sort by creation time, so that the id alone is a cursor without ties.
    .orderBy('generations.id', 'desc')
    .limit(Math.min(200, Math.max(1, options.limit ?? 50)));
  if (options.before !== undefined) query = query.where('generations.id', '<', options.before);
  if (options.statuses !== undefined && options.statuses.length > 0)
    query = query.where('generations.status', 'in', options.statuses);
  if (options.workflow !== undefined) query = query.where('generations.workflow_name', '=', options.workflow);
  if (options.createdFrom !== undefined) query = query.where('generations.created_at', '>=', options.createdFrom);
  if (options.createdBefore !== undefined) query = query.where('generations.created_at', '<', options.createdBefore);
  const rows = await query.execute();
  const done = rows.filter((row) => row.status === 'succeeded').map((row) => row.id);
  const outputs = done.length === 0 ? [] : toOutputs(await selectOutputs(db.kysely, done).execute());
  return rows.map((row) =>
    toGeneration(
      row,
      row.backend_id,
      row.metadata,
      outputs.filter((output) => output.generationId === row.id),
    ),
  );
}

export async function readEvents(
  db: Reader,
  generationId: string,
  afterSeq: number,
  limit = 500,
): Promise<DurableEvent[]> {
  const rows = await eventsQuery.rows(db, { generationId, afterSeq, limit });
  return rows.map((row) => ({
    generationId: row.generation_id,
    seq: row.seq,
    at: row.created_at,
    type: row.type as DurableEventType,
    data: JSON.parse(row.data) as Record<string, unknown>,
  }));
}

const eventsQuery = prepared(
  (db, values: { readonly generationId: string; readonly afterSeq: number; readonly limit: number }) =>
    db
      .selectFrom('events')
      .selectAll()
      .where('generation_id', '=', values.generationId)
      .where('seq', '>', values.afterSeq)
      .orderBy('seq')
      .limit(values.limit),
);

/** A follower that waited for an hour should not be cut off by a minute's outage; but by any other fault. */
export async function nullWhileAway<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (thrown) {
    const error = toEaselError(thrown);
    if (error.code !== 'database_unavailable' && error.code !== 'database_conflict') throw error;
    return null;
  }
}

type OwnedOutput = GenerationOutput & { readonly generationId: string };

function selectOutputs(db: Reader, generationIds: readonly string[]) {
  return db
    .selectFrom('outputs')
    .leftJoin('media', (join) => join.onRef('media.id', '=', 'outputs.media_id').on('media.state', '=', 'stored'))
    .selectAll('outputs')
    .select('media.hash as hash')
    .where('outputs.generation_id', 'in', generationIds)
    .orderBy('outputs.generation_id')
    .orderBy('outputs.ordinal');
}

const outputsQuery = prepared((db, values: { readonly id: string }) => selectOutputs(db, [values.id]));

function toOutputs(rows: Awaited<ReturnType<typeof outputsQuery.rows>>): OwnedOutput[] {
  return rows.map((row) => ({
    generationId: row.generation_id,
    id: row.id,
    ordinal: row.ordinal,
    nodeId: row.node_id,
    key: row.output_key,
    kind: row.kind,
    filename: row.filename,
    contentType: row.content_type,
    bytes: row.bytes,
    hash: row.hash,
    text: row.text,
  }));
}

function toGeneration(
  row: GenerationsTable,
  backendId: string | null,
  metadata: string | null,
  outputs: readonly OwnedOutput[],
): Generation {
  return {
    id: row.id,
    accountId: row.account_id,
    sessionId: row.session_id,
    status: row.status,
    lane: laneName(row.lane),
    workflowName: row.workflow_name,
    workflowVersion: row.workflow_version,
    backendId,
    attemptCount: row.attempt_count,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    cancelRequested: row.cancel_requested_at !== null,
    // While it waits for another try, this is the error of the last one.
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorInfo),
    outputs: outputs.map(({ generationId: _, ...output }) => output),
    metadata: metadata === null ? null : (parseLossless(metadata) as JsonObject),
  };
}
