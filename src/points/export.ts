import { EaselError } from '../core/errors.js';
import type { DbReader } from '../db/index.js';
import { allHistory, type HistoryEntry, type HistoryFilter, seqRange } from './history.js';
import { TRANSFER_KINDS, type TransferKind } from './types.js';
import { formatPoints } from './units.js';

const COLUMNS = [
  'seq',
  'time',
  'kind',
  'amount',
  'allowance',
  'credit',
  'held',
  'allowance_after',
  'credit_after',
  'held_after',
  'generation_id',
  'hold_id',
  'transfer_id',
] as const;

/** The history as text, in pieces, oldest line first: CSV (RFC 4180, amounts in points) or a JSON array (micro-points). */
export async function* exportHistory(
  db: DbReader,
  accountId: string,
  format: 'csv' | 'json',
  filter: HistoryFilter = {},
): AsyncGenerator<string, void, undefined> {
  yield format === 'csv' ? `${COLUMNS.join(',')}\r\n` : '[';
  let isFirst = true;
  for await (const entry of allHistory(db, accountId, filter)) {
    if (format === 'csv') yield `${csvCells(entry).map(csvCell).join(',')}\r\n`;
    else yield `${isFirst ? '' : ','}\n${JSON.stringify(entry)}`;
    isFirst = false;
  }
  if (format === 'json') yield isFirst ? ']\n' : '\n]\n';
}

function csvCells(entry: HistoryEntry): string[] {
  const { balance } = entry;
  const amounts = [
    entry.amount,
    entry.allowance,
    entry.credit,
    entry.held,
    balance.allowance,
    balance.credit,
    balance.held,
  ];
  return [
    String(entry.seq),
    new Date(entry.at).toISOString(),
    entry.kind,
    ...amounts.map(formatPoints),
    entry.generationId ?? '',
    entry.holdId ?? '',
    entry.transferId,
  ];
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

interface Buckets {
  readonly allowance: number;
  readonly credit: number;
  readonly held: number;
}

/** A month of one account, by UTC. Opening balance plus all totals is the closing balance. */
export interface Statement {
  readonly accountId: string;
  /** `2026-11` */
  readonly month: string;
  readonly opening: Buckets;
  readonly closing: Buckets;
  /** What each kind changed in sum, and how often. */
  readonly totals: Readonly<Partial<Record<TransferKind, Buckets & { readonly count: number }>>>;
}

const ZERO: Buckets = { allowance: 0, credit: 0, held: 0 };
/** Lines summed per statement: a sum over a million would hold up everybody else on SQLite. */
const CHUNK = 20_000;

/** Throws `request_invalid`. */
export async function readStatement(db: DbReader, accountId: string, month: string): Promise<Statement> {
  const [from, to] = monthRange(month);
  const { after, before } = await seqRange(db, accountId, { from, to });
  const opening = await balanceAt(db, accountId, after);
  const newest = await balanceAt(db, accountId, before - 1);
  const totals = new Map<string, Buckets & { readonly count: number }>();
  const last = newest.seq;
  for (let start = after; start < last; start += CHUNK) {
    const rows = await db
      .selectFrom('point_postings')
      .select(({ fn }) => [
        'kind',
        fn.countAll<number>().as('count'),
        fn.sum<number>('allowance').as('allowance'),
        fn.sum<number>('credit').as('credit'),
        fn.sum<number>('held').as('held'),
      ])
      .where('account_id', '=', accountId)
      .where('seq', '>', start)
      .where('seq', '<=', Math.min(start + CHUNK, last))
      .groupBy('kind')
      .execute();
    for (const row of rows) {
      const sum = totals.get(row.kind) ?? { ...ZERO, count: 0 };
      totals.set(row.kind, {
        count: sum.count + row.count,
        allowance: sum.allowance + row.allowance,
        credit: sum.credit + row.credit,
        held: sum.held + row.held,
      });
    }
  }
  const inOrder = TRANSFER_KINDS.flatMap((kind) => {
    const sum = totals.get(kind);
    return sum === undefined ? [] : [[kind, sum] as const];
  });
  return { accountId, month, opening: opening.balance, closing: newest.balance, totals: Object.fromEntries(inOrder) };
}

async function balanceAt(db: DbReader, accountId: string, seq: number) {
  const row = await db
    .selectFrom('point_postings')
    .select(['seq', 'allowance_after', 'credit_after', 'held_after'])
    .where('account_id', '=', accountId)
    .where('seq', '<=', seq)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return { seq: 0, balance: ZERO };
  const { allowance_after: allowance, credit_after: credit, held_after: held } = row;
  return { seq: row.seq ?? 0, balance: { allowance: allowance ?? 0, credit: credit ?? 0, held: held ?? 0 } };
}

/** `2026-11` to its first and its first following millisecond (UTC). */
function monthRange(month: string): [number, number] {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
  if (match === null) {
    throw new EaselError('request_invalid', `"${month}" is not a month.`, {
      hint: 'Write it as 2026-11.',
      details: { field: 'month' },
    });
  }
  const [year, index] = [Number(match[1]), Number(match[2]) - 1];
  return [Date.UTC(year, index), Date.UTC(year, index + 1)];
}
