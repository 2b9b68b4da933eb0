import type { Kysely, SqlBool, Transaction, Updateable } from 'kysely';
import { GenerationError } from '../core/errors.js';
import { definedOnly } from '../core/objects.js';
import {
  type AttemptStatus,
  canMoveAttempt,
  canMoveGeneration,
  type GenerationStatus,
  OPEN_ATTEMPT_STATUSES,
} from '../core/statuses.js';
import { type Prepared, prepared } from '../db/index.js';
import type { AttemptsTable, Database, GenerationsTable } from '../db/schema.js';
import { enqueueWebhooks, isFollowed } from '../webhooks/index.js';
import type { DurableEvent, DurableEventType } from './types.js';

/**
 * Guarded writes. Every change of a status goes through `moveGeneration` or `moveAttempt`: both say from which statuses
 * they may start, change nothing when somebody else was faster, and tell the caller which of the two happened.
 */
export type Reader = Kysely<Database>;
export type Writer = Transaction<Database>;

/** What an owner must hold to write to an attempt: a node that lost its lease holds an old epoch. */
export interface Fence {
  readonly attemptId: string;
  readonly epoch: number;
}

export interface GenerationMove {
  readonly from: readonly GenerationStatus[];
  readonly to: GenerationStatus;
  readonly event: DurableEventType;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly set?: Omit<Updateable<GenerationsTable>, 'id' | 'status' | 'event_seq'>;
  /** Only when this attempt is the generation's current one. */
  readonly attemptId?: string;
  /** Only when nobody asked to cancel it: a cancel must not be overtaken by a return to the queue. */
  readonly unlessCancelRequested?: boolean;
}

/** Moves a generation and writes the event in the same transaction. Null when it was not in one of `from`. */
export async function moveGeneration(
  tx: Writer,
  id: string,
  move: GenerationMove,
  nowMs: number,
): Promise<DurableEvent | null> {
  const set = definedOnly(move.set ?? {});
  const row = await preparedMove(move, Object.keys(set)).first(tx, {
    ...set,
    ...{ generationId: id, attemptId: move.attemptId ?? '', nowMs },
  });
  if (row === undefined) return null;
  const event = { generationId: id, seq: row.event_seq, at: nowMs, type: move.event, data: move.data ?? {} };
  await insertEvent(tx, event, row.isFollowed);
  return event;
}

interface MoveValues {
  readonly generationId: string;
  readonly attemptId: string;
  readonly nowMs: number;
}

/** By what its text depends on; there are as many as the code has different moves. */
const moves = new Map<string, Prepared<MoveValues, { readonly event_seq: number; readonly isFollowed: SqlBool }>>();

function preparedMove(move: GenerationMove, columns: readonly string[]) {
  const { from, to, event, attemptId, unlessCancelRequested = false } = move;
  const key = JSON.stringify([from, to, event, attemptId !== undefined, unlessCancelRequested, columns]);
  let query = moves.get(key);
  if (query === undefined) {
    query = prepared((db, values) => {
      const ofAttempt = attemptId === undefined ? {} : { attemptId: values.attemptId };
      const set = columnsOf(values, columns);
      return updateStatus(
        db,
        values.generationId,
        { from, to, event, unlessCancelRequested, set, ...ofAttempt },
        values.nowMs,
      );
    });
    moves.set(key, query);
  }
  return query;
}

function columnsOf(values: object, columns: readonly string[]): Readonly<Record<string, never>> {
  return Object.fromEntries(columns.map((column) => [column, (values as Record<string, never>)[column]!]));
}

/** The move alone, for callers that write the event themselves, in the same transaction. No row: it was in none of `from`. */
export function updateStatus(db: Reader, id: string, move: Omit<GenerationMove, 'data'>, nowMs: number) {
  for (const from of move.from) {
    if (!canMoveGeneration(from, move.to)) {
      throw new GenerationError('transition_illegal', `A generation cannot go from ${from} to ${move.to}.`);
    }
  }
  return db
    .updateTable('generations')
    .set({ ...move.set, status: move.to, updated_at: nowMs })
    .set((eb) => ({ event_seq: eb('event_seq', '+', 1) }))
    .where('id', '=', id)
    .where('status', 'in', move.from)
    .$if(move.attemptId !== undefined, (update) => update.where('current_attempt_id', '=', move.attemptId ?? ''))
    .$if(move.unlessCancelRequested === true, (update) => update.where('cancel_requested_at', 'is', null))
    .returning((eb) => ['event_seq', isFollowed(eb, move.event).as('isFollowed')]);
}

/** Writes an event that changes no status. */
export async function appendEvent(
  tx: Writer,
  id: string,
  type: DurableEventType,
  data: Readonly<Record<string, unknown>>,
  nowMs: number,
): Promise<DurableEvent | null> {
  const row = await tx
    .updateTable('generations')
    .set((eb) => ({ event_seq: eb('event_seq', '+', 1), updated_at: nowMs }))
    .where('id', '=', id)
    .returning('event_seq')
    .executeTakeFirst();
  if (row === undefined) return null;
  return insertEvent(tx, { generationId: id, seq: row.event_seq, at: nowMs, type, data });
}

/**
 * Writes an event, and into the outbox of every webhook that asked for it: what is told is what is committed. `isFollowed`
 * is false when a statement of the transaction has seen already that nobody asked.
 */
export async function insertEvent(tx: Writer, event: DurableEvent, isFollowed: SqlBool = true): Promise<DurableEvent> {
  const inserted = insertEventRow.affected(tx, { ...event, data: JSON.stringify(event.data) });
  await Promise.all([inserted, isFollowed ? enqueueWebhooks(tx, event) : null]);
  return event;
}

const insertEventRow = prepared((db, event: Omit<DurableEvent, 'data'> & { readonly data: string }) =>
  db.insertInto('events').values({
    generation_id: event.generationId,
    seq: event.seq,
    type: event.type,
    data: event.data,
    created_at: event.at,
  }),
);

/** Moves an attempt under its fence. False when it is closed already, or this node does not own it any more. */
export async function moveAttempt(
  tx: Writer,
  fence: Fence,
  from: readonly AttemptStatus[],
  to: AttemptStatus,
  set: Omit<Updateable<AttemptsTable>, 'id' | 'status' | 'epoch'> = {},
): Promise<boolean> {
  const legal = from.filter((status) => canMoveAttempt(status, to));
  if (legal.length === 0)
    throw new GenerationError('transition_illegal', `An attempt cannot move to ${to} from ${from.join(', ')}.`);
  const given = definedOnly(set);
  const values = { ...given, attemptId: fence.attemptId, epoch: fence.epoch };
  return (await preparedAttemptMove(legal, to, Object.keys(given)).affected(tx, values)) > 0;
}

/** By what its text depends on. */
const attemptMoves = new Map<string, Prepared<Fence, unknown>>();

function preparedAttemptMove(from: readonly AttemptStatus[], to: AttemptStatus, columns: readonly string[]) {
  const key = JSON.stringify([from, to, columns]);
  let query = attemptMoves.get(key);
  if (query === undefined) {
    query = prepared((db, values) =>
      db
        .updateTable('attempts')
        .set({ ...columnsOf(values, columns), status: to })
        .where('id', '=', values.attemptId)
        .where('epoch', '=', values.epoch)
        .where('status', 'in', from),
    );
    attemptMoves.set(key, query);
  }
  return query;
}

/**
 * `moveAttempt` for a mark on the way, which only the owner sets. True also when the mark is there already: the answer to
 * an earlier COMMIT may have been lost, and then the write is repeated.
 */
export async function markAttempt(...args: Parameters<typeof moveAttempt>): Promise<boolean> {
  if (await moveAttempt(...args)) return true;
  const [tx, fence, , to] = args;
  const row = await tx
    .selectFrom('attempts')
    .select('id')
    .where('id', '=', fence.attemptId)
    .where('epoch', '=', fence.epoch)
    .where('status', '=', to)
    .executeTakeFirst();
  return row !== undefined;
}

export interface OpenAttempt {
  readonly id: string;
  readonly generationId: string;
  readonly number: number;
  readonly backendId: string;
  readonly epoch: number;
  readonly status: AttemptStatus;
  readonly confirmedAt: number | null;
  readonly result: string | null;
}

/** The open attempts of a backend, oldest first. */
export async function openAttempts(db: Reader, backendId: string): Promise<OpenAttempt[]> {
  const rows = await db
    .selectFrom('attempts')
    .selectAll()
    .where('backend_id', '=', backendId)
    .where('status', 'in', OPEN_ATTEMPT_STATUSES)
    .orderBy('claimed_at')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    generationId: row.generation_id,
    number: row.number,
    backendId: row.backend_id,
    epoch: row.epoch,
    status: row.status,
    confirmedAt: row.confirmed_at,
    result: row.result,
  }));
}
