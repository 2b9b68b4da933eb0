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
import { prepared, preparedFor } from '../db/index.js';
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
  const { from, to, attemptId, unlessCancelRequested = false } = move;
  const kind = { from, to, event: move.event, unlessCancelRequested, columns: Object.keys(set) };
  const row = await moves({ ...kind, isOfAttempt: attemptId !== undefined }).first(tx, {
    ...set,
    ...{ generationId: id, attemptId: attemptId ?? '', nowMs },
  });
  if (row === undefined) return null;
  const event = { generationId: id, seq: row.event_seq, at: nowMs, type: move.event, data: move.data ?? {} };
  return insertEvent(tx, event, row.isFollowed);
}

interface MoveValues {
  readonly generationId: string;
  readonly attemptId: string;
  readonly nowMs: number;
}

const moves = preparedFor(
  (
    db,
    values: MoveValues,
    {
      columns,
      isOfAttempt,
      ...move
    }: Pick<GenerationMove, 'from' | 'to' | 'event' | 'unlessCancelRequested'> & {
      readonly columns: readonly string[];
      readonly isOfAttempt: boolean;
    },
  ) =>
    updateStatus(
      db,
      values.generationId,
      { ...move, set: columnsOf(values, columns), ...(isOfAttempt ? { attemptId: values.attemptId } : {}) },
      values.nowMs,
    ),
);

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
  const [, isAwaited] = await Promise.all([inserted, isFollowed ? enqueueWebhooks(tx, event) : false]);
  return isAwaited ? { ...event, isAwaited } : event;
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
  const move = attemptMoves({ from: legal, to, columns: Object.keys(given) });
  return (await move.affected(tx, { ...given, attemptId: fence.attemptId, epoch: fence.epoch })) > 0;
}

const attemptMoves = preparedFor(
  (
    db,
    values: Fence,
    move: { readonly from: readonly AttemptStatus[]; readonly to: AttemptStatus; readonly columns: readonly string[] },
  ) =>
    db
      .updateTable('attempts')
      .set({ ...columnsOf(values, move.columns), status: move.to })
      .where('id', '=', values.attemptId)
      .where('epoch', '=', values.epoch)
      .where('status', 'in', move.from),
);

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
