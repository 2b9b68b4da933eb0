import type { ExpressionBuilder } from 'kysely';
import type { Database, Db, DbReader } from '../db/index.js';
import type { PointAccountsTable } from '../db/schema.js';
import { parseParts, sumBucket, totalOf } from './parts.js';
import { formatPoints } from './units.js';

/**
 * Proves the books: recomputes everything from the postings and stops at the first thing that does not fit.
 *
 * It runs beside the traffic. Postings are never changed, and an account's row says up to which posting its balances go, so
 * comparing them needs no lock. What lies in other tables (open holds, lots) moves on its own; a difference there is looked
 * at once more under the account's lock before it counts.
 */
export interface Verification {
  readonly ok: boolean;
  /** The first thing found, for people; null when all is well. */
  readonly discrepancy: string | null;
  readonly transfers: number;
  readonly postings: number;
  readonly accounts: number;
}

const TRANSFERS_PER_PAGE = 20_000;
const HOLDS_PER_PAGE = 20_000;
const POSTINGS_PER_PAGE = 10_000;
const ACCOUNTS_PER_PAGE = 500;

export async function verifyLedger(db: Db): Promise<Verification> {
  const counts = { transfers: 0, postings: 0, accounts: 0 };
  const discrepancy =
    (await checkTransfers(db.kysely, counts)) ?? (await checkAccounts(db, counts)) ?? (await checkHolds(db.kysely));
  return { ok: discrepancy === null, discrepancy, ...counts };
}

type Counts = { transfers: number; postings: number; accounts: number };

/** Every transfer has postings, and they sum to zero. */
async function checkTransfers(kysely: DbReader, counts: Counts): Promise<string | null> {
  let cursor = '';
  for (;;) {
    const page = await kysely
      .selectFrom((eb) =>
        eb
          .selectFrom('point_transfers')
          .select('id')
          .where('id', '>', cursor)
          .orderBy('id')
          .limit(TRANSFERS_PER_PAGE)
          .as('page'),
      )
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.max('id').as('last')])
      .executeTakeFirst();
    if (page === undefined || page.count === 0 || page.last === null) return null;
    const posted = await kysely
      .selectFrom((eb) => sumsByTransfer(eb, cursor, page.last ?? '').as('sums'))
      .select(({ fn }) => [
        fn.countAll<number>().as('transfers'),
        fn.sum<number>('postings').as('postings'),
        fn.min('total').as('least'),
        fn.max('total').as('most'),
      ])
      .executeTakeFirstOrThrow();
    if (posted.least !== 0 || posted.most !== 0) {
      const wrong = await kysely
        .selectFrom((eb) => sumsByTransfer(eb, cursor, page.last ?? '').as('sums'))
        .select('transfer_id')
        .where('total', '<>', 0)
        .executeTakeFirst();
      if (wrong !== undefined) return `Transfer ${wrong.transfer_id} does not sum to zero.`;
    }
    if (posted.transfers < page.count) {
      return `${page.count - posted.transfers} transfers between ${cursor || 'the first'} and ${page.last} have no posting.`;
    }
    counts.transfers += posted.transfers;
    counts.postings += posted.postings;
    cursor = page.last;
  }
}

function sumsByTransfer(eb: ExpressionBuilder<Database, never>, after: string, last: string) {
  return eb
    .selectFrom('point_postings')
    .select((inner) => [
      'transfer_id',
      inner.fn.countAll<number>().as('postings'),
      inner(
        inner(inner.fn.sum<number>('allowance'), '+', inner.fn.sum<number>('credit')),
        '+',
        inner.fn.sum<number>('held'),
      ).as('total'),
    ])
    .where('transfer_id', '>', after)
    .where('transfer_id', '<=', last)
    .groupBy('transfer_id');
}

async function checkAccounts(db: Db, counts: Counts): Promise<string | null> {
  let cursor = '';
  for (;;) {
    const accounts = await db.kysely
      .selectFrom('point_accounts')
      .selectAll()
      .where('id', '>', cursor)
      .orderBy('id')
      .limit(ACCOUNTS_PER_PAGE)
      .execute();
    const last = accounts.at(-1);
    if (last === undefined) return null;
    for (const group of groupBySize(accounts)) {
      const fault = await checkPostings(db.kysely, group);
      if (fault !== null) return fault;
    }
    for (const account of await suspects(db.kysely, accounts)) {
      const fault = await checkUnderLock(db, account);
      if (fault !== null) return fault;
    }
    counts.accounts += accounts.length;
    cursor = last.id;
  }
}

/** Neighbours whose postings fit into one page together; a large account is alone. */
function* groupBySize(accounts: readonly PointAccountsTable[]): Generator<PointAccountsTable[]> {
  let group: PointAccountsTable[] = [];
  let size = 0;
  for (const account of accounts) {
    if (group.length > 0 && size + account.posting_seq > POSTINGS_PER_PAGE) {
      yield group;
      [group, size] = [[], 0];
    }
    group.push(account);
    size += account.posting_seq;
  }
  if (group.length > 0) yield group;
}

interface Running {
  readonly seq: number;
  readonly allowance: number;
  readonly credit: number;
  readonly held: number;
}

/** Every posting continues the one before it, and the last one that an account's row knows has its balances. */
async function checkPostings(kysely: DbReader, accounts: readonly PointAccountsTable[]): Promise<string | null> {
  const running = new Map<string, Running>(
    accounts.map(({ id }) => [id, { seq: 0, allowance: 0, credit: 0, held: 0 }]),
  );
  const seqOf = new Map(accounts.map(({ id, posting_seq: seq }) => [id, seq]));
  const [only] = accounts;
  let after = 0;
  for (;;) {
    let query = kysely
      .selectFrom('point_postings')
      .select(['account_id', 'seq', 'allowance', 'credit', 'held', 'allowance_after', 'credit_after', 'held_after'])
      .where('seq', '>', after)
      .orderBy('account_id')
      .orderBy('seq')
      .limit(accounts.length === 1 ? POSTINGS_PER_PAGE : 4 * POSTINGS_PER_PAGE);
    query =
      accounts.length === 1
        ? query.where('account_id', '=', only?.id ?? '').where('seq', '<=', only?.posting_seq ?? 0)
        : query.where('account_id', 'in', [...running.keys()]);
    const rows = await query.execute();
    for (const row of rows) {
      const before = running.get(row.account_id);
      const seq = row.seq ?? 0;
      // Newer than the row that is compared.
      if (before === undefined || seq > (seqOf.get(row.account_id) ?? 0)) continue;
      const next = {
        seq,
        allowance: before.allowance + row.allowance,
        credit: before.credit + row.credit,
        held: before.held + row.held,
      };
      const continues =
        seq === before.seq + 1 &&
        next.allowance === row.allowance_after &&
        next.credit === row.credit_after &&
        next.held === row.held_after;
      if (!continues) return `Posting ${seq} of account ${row.account_id} does not continue posting ${before.seq}.`;
      running.set(row.account_id, next);
    }
    if (accounts.length > 1 || rows.length < POSTINGS_PER_PAGE) break;
    after = rows.at(-1)?.seq ?? 0;
  }
  for (const account of accounts) {
    const sum = running.get(account.id);
    if (sum === undefined) continue;
    if (sum.seq !== account.posting_seq) {
      return `Account ${account.id} has ${account.posting_seq} postings by its row, and ${sum.seq} in the journal.`;
    }
    for (const bucket of ['allowance', 'credit', 'held'] as const) {
      if (account[bucket] === sum[bucket]) continue;
      return `Account ${account.id}: ${bucket} is ${formatPoints(account[bucket])}, its postings sum to ${formatPoints(sum[bucket])}.`;
    }
  }
  return null;
}

/** Accounts whose holds, lots, experience or floors look wrong at a glance, without a lock. */
async function suspects(kysely: DbReader, accounts: readonly PointAccountsTable[]): Promise<PointAccountsTable[]> {
  const ids = accounts.map(({ id }) => id);
  const holds = await kysely
    .selectFrom('point_holds')
    .select(({ fn }) => ['account_id', fn.sum<number>('amount').as('sum')])
    .where('account_id', 'in', ids)
    .where('status', '=', 'open')
    .groupBy('account_id')
    .execute();
  const lots = await kysely
    .selectFrom('point_lots')
    .select(({ fn }) => ['account_id', fn.sum<number>('remaining').as('sum')])
    .where('account_id', 'in', ids)
    .groupBy('account_id')
    .execute();
  const spent = await kysely
    .selectFrom('point_transfers')
    .select(({ fn }) => ['account_id', fn.sum<number>('experience').as('sum')])
    .where('account_id', 'in', ids)
    .groupBy('account_id')
    .execute();
  const byId = (rows: readonly { account_id: string; sum: number }[]) =>
    new Map(rows.map((row) => [row.account_id, row.sum]));
  const [held, expiring, experience] = [byId(holds), byId(lots), byId(spent)];
  return accounts.filter(
    (account) =>
      account.held !== (held.get(account.id) ?? 0) ||
      account.expiring !== (expiring.get(account.id) ?? 0) ||
      account.experience !== (experience.get(account.id) ?? 0) ||
      account.allowance_held > 0 ||
      account.allowance < 0 ||
      account.expiring > Math.max(0, account.credit) ||
      account.credit < account.floor,
  );
}

async function checkUnderLock(db: Db, { id }: PointAccountsTable): Promise<string | null> {
  return db.transaction(async (tx) => {
    const account = await tx
      .selectFrom('point_accounts')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirstOrThrow();
    const holds = await tx
      .selectFrom('point_holds')
      .select(['amount', 'parts'])
      .where('account_id', '=', id)
      .where('status', '=', 'open')
      .execute();
    const parts = holds.map((hold) => parseParts(hold.parts));
    const lots = await tx
      .selectFrom('point_lots')
      .select(({ fn }) => fn.sum<number | null>('remaining').as('sum'))
      .where('account_id', '=', id)
      .executeTakeFirst();
    const spent = await tx
      .selectFrom('point_transfers')
      .select(({ fn }) => fn.sum<number | null>('experience').as('sum'))
      .where('account_id', '=', id)
      .executeTakeFirst();
    const expected: readonly [string, number, number][] = [
      ['held', account.held, holds.reduce((sum, hold) => sum + hold.amount, 0)],
      ['held', account.held, parts.reduce((sum, part) => sum + totalOf(part), 0)],
      ['allowance_held', account.allowance_held, parts.reduce((sum, part) => sum + sumBucket(part, 'allowance'), 0)],
      ['expiring', account.expiring, lots?.sum ?? 0],
      ['experience', account.experience, spent?.sum ?? 0],
    ];
    const wrong = expected.find(([, kept, computed]) => kept !== computed);
    if (wrong !== undefined) {
      const [name, kept, computed] = wrong;
      return `Account ${id}: ${name} is ${formatPoints(kept)}, and recomputed ${formatPoints(computed)}.`;
    }
    if (account.credit < account.floor) return `Account ${id}: the credit is below its floor.`;
    if (account.allowance < 0) return `Account ${id}: the allowance is below zero.`;
    if (account.expiring > Math.max(0, account.credit)) return `Account ${id}: more credit expires than there is.`;
    return null;
  });
}

/** Every ended hold has the ending that the journal tells, and what was refunded is what the journal tells. */
async function checkHolds(kysely: DbReader): Promise<string | null> {
  let cursor = '';
  for (;;) {
    const page = await kysely
      .selectFrom((eb) =>
        eb
          .selectFrom('point_holds')
          .select('id')
          .where('id', '>', cursor)
          .orderBy('id')
          .limit(HOLDS_PER_PAGE)
          .as('page'),
      )
      .select(({ fn }) => fn.max('id').as('last'))
      .executeTakeFirst();
    const last = page?.last ?? null;
    if (last === null) return null;
    const holds = kysely
      .selectFrom('point_holds')
      .where('point_holds.id', '>', cursor)
      .where('point_holds.id', '<=', last);
    const badEnd = await holds
      .leftJoin('point_transfers as ending', (join) =>
        join.onRef('ending.hold_id', '=', 'point_holds.id').on('ending.terminal', '=', 'ended'),
      )
      .select(['point_holds.id', 'point_holds.status', 'ending.kind'])
      .where((eb) =>
        eb.or([
          eb.and([eb('point_holds.status', '=', 'open'), eb('ending.id', 'is not', null)]),
          eb.and([eb('point_holds.status', '<>', 'open'), eb('ending.id', 'is', null)]),
          eb.and([
            eb('point_holds.status', '=', 'captured'),
            eb.or([eb('ending.kind', '<>', 'capture'), eb('ending.amount', '<>', eb.ref('point_holds.captured'))]),
          ]),
          eb.and([eb('point_holds.status', '=', 'released'), eb('ending.kind', '<>', 'release')]),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    if (badEnd !== undefined) {
      return `Hold ${badEnd.id}: it is ${badEnd.status}, which is not what the journal says (${badEnd.kind ?? 'no end'}).`;
    }
    const badRefund = await holds
      .leftJoin('point_transfers as refund', (join) =>
        join.onRef('refund.hold_id', '=', 'point_holds.id').on('refund.kind', '=', 'refund'),
      )
      .select('point_holds.id')
      .groupBy(['point_holds.id', 'point_holds.refunded', 'point_holds.captured'])
      .having((eb) =>
        eb.or([
          eb(eb.fn.coalesce(eb.fn.sum<number>('refund.amount'), eb.val(0)), '<>', eb.ref('point_holds.refunded')),
          eb('point_holds.refunded', '>', eb.ref('point_holds.captured')),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    if (badRefund !== undefined) return `Hold ${badRefund.id}: its refunds are not what the journal says.`;
    cursor = last;
  }
}
