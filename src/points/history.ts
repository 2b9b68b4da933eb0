import type { DbReader } from '../db/index.js';
import type { TransferKind } from './types.js';

/** One line of an account's ledger. */
export interface HistoryEntry {
  /** Counts from 1 within the account, without gaps. */
  readonly seq: number;
  readonly at: number;
  readonly kind: TransferKind;
  /** What the transfer was about, in micro-points: granted, held, captured, ... */
  readonly amount: number;
  /** What it changed. */
  readonly allowance: number;
  readonly credit: number;
  readonly held: number;
  /** What was there after it. */
  readonly balance: { readonly allowance: number; readonly credit: number; readonly held: number };
  readonly transferId: string;
  readonly holdId: string | null;
  readonly generationId: string | null;
  readonly note: Readonly<Record<string, unknown>> | null;
}

export interface HistoryFilter {
  readonly kind?: TransferKind;
  readonly generationId?: string;
  /** From this time (inclusive), in milliseconds. */
  readonly from?: number;
  /** To this time (exclusive). */
  readonly to?: number;
}

export interface HistoryOptions extends HistoryFilter {
  /** 50 unless told; at most 1,000. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly cursor?: number;
  /** `newest` first unless told. */
  readonly order?: 'newest' | 'oldest';
}

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Cursor of the next page; null at the end. */
  readonly next: number | null;
}

const MAX_PAGE = 1000;

/** A page by index: as quick in an account of a million lines as in one of ten, wherever it lies. */
export async function readHistory(db: DbReader, accountId: string, options: HistoryOptions = {}): Promise<HistoryPage> {
  const limit = Math.min(Math.max(1, options.limit ?? 50), MAX_PAGE);
  const newest = options.order !== 'oldest';
  const range = await seqRange(db, accountId, options);
  let query = db
    .selectFrom('point_postings')
    .innerJoin('point_transfers', 'point_transfers.id', 'point_postings.transfer_id')
    .select([
      'point_postings.seq',
      'point_postings.created_at',
      'point_postings.kind',
      'point_transfers.amount',
      'point_postings.allowance',
      'point_postings.credit',
      'point_postings.held',
      'point_postings.allowance_after',
      'point_postings.credit_after',
      'point_postings.held_after',
      'point_postings.transfer_id',
      'point_transfers.hold_id',
      'point_transfers.generation_id',
      'point_transfers.note',
    ])
    .where('point_postings.account_id', '=', accountId)
    .where('point_postings.seq', '>', newest ? range.after : Math.max(range.after, options.cursor ?? 0))
    .where('point_postings.seq', '<', newest ? Math.min(range.before, options.cursor ?? range.before) : range.before)
    .orderBy('point_postings.seq', newest ? 'desc' : 'asc')
    .limit(limit);
  if (options.kind !== undefined) query = query.where('point_postings.kind', '=', options.kind);
  if (options.generationId !== undefined) {
    // Asked for first, because they are few: a planner may choose to walk the whole account for them instead.
    const ids = await transfersOf(db, options.generationId);
    if (ids.length === 0) return { entries: [], next: null };
    query = query.where('point_postings.transfer_id', 'in', ids);
  }
  const rows = await query.execute();
  const entries = rows.map((row) => ({
    seq: row.seq ?? 0,
    at: row.created_at,
    kind: row.kind as TransferKind,
    amount: row.amount,
    allowance: row.allowance,
    credit: row.credit,
    held: row.held,
    balance: { allowance: row.allowance_after ?? 0, credit: row.credit_after ?? 0, held: row.held_after ?? 0 },
    transferId: row.transfer_id,
    holdId: row.hold_id,
    generationId: row.generation_id,
    note: row.note === null ? null : (JSON.parse(row.note) as Record<string, unknown>),
  }));
  return { entries, next: entries.length < limit ? null : (entries.at(-1)?.seq ?? null) };
}

async function transfersOf(db: DbReader, generationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('point_transfers')
    .select('id')
    .where('generation_id', '=', generationId)
    .limit(MAX_PAGE)
    .execute();
  return rows.map(({ id }) => id);
}

/**
 * The numbers of the lines in a period, exclusive at both ends. Times within an account never go back, so a period is a
 * range of numbers, and its ends are two look-ups in an index.
 */
export async function seqRange(
  db: DbReader,
  accountId: string,
  { from, to }: Pick<HistoryFilter, 'from' | 'to'>,
): Promise<{ readonly after: number; readonly before: number }> {
  const firstFrom = async (time: number) => {
    const row = await db
      .selectFrom('point_postings')
      .select('seq')
      .where('account_id', '=', accountId)
      .where('created_at', '>=', time)
      .orderBy('created_at')
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst();
    return row?.seq ?? Number.MAX_SAFE_INTEGER;
  };
  const after = from === undefined ? 0 : (await firstFrom(from)) - 1;
  const before = to === undefined ? Number.MAX_SAFE_INTEGER : await firstFrom(to);
  return { after, before };
}

/** All lines that fit, oldest first, a page at a time. */
export async function* allHistory(
  db: DbReader,
  accountId: string,
  filter: HistoryFilter = {},
): AsyncGenerator<HistoryEntry, void, undefined> {
  let cursor = 0;
  for (;;) {
    const page = await readHistory(db, accountId, { ...filter, order: 'oldest', limit: MAX_PAGE, cursor });
    yield* page.entries;
    if (page.next === null) return;
    cursor = page.next;
  }
}
