import { parseConfig } from '../src/config/index.js';
import { systemClock } from '../src/core/clock.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { type Db, migrate, openDatabase } from '../src/db/index.js';
import { MICRO_PER_POINT, Points } from '../src/points/index.js';
import { onEachDatabase } from './lib/databases.js';
import { formatMs, print, quantile, seconds, table } from './lib/report.js';

/**
 * The ledger on both databases, every commit on the disk: hold and capture pairs per second, the time to verify a million
 * postings, and pages of the history of an account that has a million.
 */
const ACCOUNT = 'big';
const PAGES = 50;

export async function run(args: readonly string[]): Promise<object> {
  const quick = args.includes('--quick');
  return onEachDatabase(({ name, use }) => use((url) => onDatabase(name, url, quick)));
}

async function onDatabase(name: string, url: string, quick: boolean): Promise<object> {
  const db = await openDatabase({ url, logger: silentLogger, poolSize: 16 });
  try {
    await migrate(db);
    const points = new Points({ db, clock: systemClock, settings: parseConfig({}).points });
    const pairs = await measurePairs(name, points, quick ? 300 : 3_000);
    const count = quick ? 50_000 : 1_000_000;
    const seedSeconds = await seed(db, count);
    print(`${name}: an account of ${count} postings (written in ${seedSeconds.toFixed(0)} s)`);
    const verify = await measureVerify(points);
    const history = await measureHistory(points, count);
    return { pairs, verify, history };
  } finally {
    await db.close();
  }
}

async function measurePairs(name: string, points: Points, count: number): Promise<object[]> {
  print(`${name}: durable hold and capture pairs`);
  const shapes = [
    { clients: 1, accounts: 1 },
    { clients: 16, accounts: 16 },
    { clients: 16, accounts: 1 },
  ];
  const rows: Record<string, string | number>[] = [];
  for (const { clients, accounts } of shapes) {
    for (let index = 0; index < accounts; index += 1) {
      await points.grant({ accountId: `account-${index}`, amount: 1e6 * MICRO_PER_POINT, idempotencyKey: newId() });
    }
    const startedAt = performance.now();
    const perClient = Math.ceil(count / clients);
    const client = async (number: number) => {
      const accountId = `account-${number % accounts}`;
      for (let index = 0; index < perClient; index += 1) {
        const hold = await points.hold({ accountId, amount: 3 * MICRO_PER_POINT, idempotencyKey: newId() });
        await points.capture({ holdId: hold.holdId, amount: 2 * MICRO_PER_POINT, idempotencyKey: newId() });
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    rows.push({ clients, accounts, pairsPerSecond: Math.round((perClient * clients) / seconds(startedAt)) });
  }
  table(rows);
  return rows;
}

/** What `count / 2` holds and captures of one account leave behind. Written in bulk; the ledger would take an hour. */
async function seed(db: Db, count: number): Promise<number> {
  const startedAt = performance.now();
  const pairs = count / 2;
  const perBatch = 250;
  const granted = pairs;
  const base = Date.now() - pairs;
  for (let start = 0; start < pairs; start += perBatch) {
    const batch = Array.from({ length: Math.min(perBatch, pairs - start) }, (_, offset) =>
      pairRows(start + offset, base),
    );
    await db.transaction(async (tx) => {
      if (start === 0)
        await tx
          .insertInto('point_accounts')
          .values(accountRow(base, count, granted))
          .execute();
      await tx
        .insertInto('point_transfers')
        .values(batch.flatMap(({ transfers }) => transfers))
        .execute();
      await tx
        .insertInto('point_postings')
        .values(batch.flatMap(({ postings }) => postings))
        .execute();
      await tx
        .insertInto('point_holds')
        .values(batch.map(({ hold }) => hold))
        .execute();
    });
  }
  return seconds(startedAt);
}

/** One micro-point held and captured, on a credit line: the credit goes down by one each time. */
function pairRows(index: number, base: number) {
  const at = base + index;
  const [holdId, first, second] = [newId(), newId(), newId()];
  const transfer = {
    account_id: ACCOUNT,
    amount: 1,
    request_hash: null,
    hold_id: holdId,
    generation_id: null,
    note: null,
    created_at: at,
  };
  const posting = { account_id: ACCOUNT, allowance: 0, allowance_after: 0, created_at: at };
  return {
    transfers: [
      { ...transfer, id: first, kind: 'hold', experience: 0, idempotency_key: null, terminal: null },
      { ...transfer, id: second, kind: 'capture', experience: 1, idempotency_key: null, terminal: 'ended' },
    ],
    postings: [
      {
        ...posting,
        transfer_id: first,
        seq: 2 * index + 1,
        kind: 'hold',
        credit: -1,
        held: 1,
        credit_after: -index - 1,
        held_after: 1,
      },
      {
        ...posting,
        transfer_id: second,
        seq: 2 * index + 2,
        kind: 'capture',
        credit: 0,
        held: -1,
        credit_after: -index - 1,
        held_after: 0,
      },
      {
        transfer_id: second,
        account_id: 'house:revenue',
        seq: null,
        kind: 'capture',
        allowance: 0,
        credit: 1,
        held: 0,
        allowance_after: null,
        credit_after: null,
        held_after: null,
        created_at: at,
      },
    ],
    hold: {
      id: holdId,
      account_id: ACCOUNT,
      spender_id: ACCOUNT,
      status: 'captured' as const,
      amount: 1,
      captured: 1,
      refunded: 0,
      charge: 1,
      parts: '[["c",1]]',
      captured_parts: '[["c",1]]',
      generation_id: null,
      context: 'api',
      budget_key: null,
      run_id: null,
      workflow_name: null,
      backend_class: null,
      run_ms: null,
      quote: null,
      expires_at: null,
      created_at: at,
      ended_at: at,
    },
  };
}

function accountRow(base: number, count: number, spent: number) {
  return {
    id: ACCOUNT,
    plan: 'free',
    allowance: 0,
    credit: -spent,
    held: 0,
    allowance_held: 0,
    expiring: 0,
    floor: -spent,
    experience: spent,
    accrued_at: base,
    accrual_rest: 0,
    payer: null,
    budgeted: 0,
    posting_seq: count,
    posted_at: base + count,
    created_at: base,
  };
}

async function measureVerify(points: Points): Promise<object> {
  const startedAt = performance.now();
  const report = await points.verify();
  const took = seconds(startedAt);
  if (!report.ok) throw new Error(`The seeded books are wrong: ${report.discrepancy}`);
  const row = {
    postings: report.postings,
    transfers: report.transfers,
    seconds: took.toFixed(2),
    secondsPerMillionPostings: ((took * 1e6) / report.postings).toFixed(2),
  };
  print('verify');
  table([row]);
  return row;
}

async function measureHistory(points: Points, count: number): Promise<object[]> {
  const middle = Math.floor(count / 2);
  const { entries } = await points.history(ACCOUNT, { cursor: middle, limit: 1 });
  const at = entries[0]?.at ?? 0;
  const pages = {
    newest: () => points.history(ACCOUNT),
    'in the middle': () => points.history(ACCOUNT, { cursor: middle }),
    'oldest first': () => points.history(ACCOUNT, { order: 'oldest' }),
    'of one kind': () => points.history(ACCOUNT, { kind: 'capture', cursor: middle }),
    'of one kind that is rare': () => points.history(ACCOUNT, { kind: 'grant' }),
    'of a period': () => points.history(ACCOUNT, { from: at - 1_000, to: at }),
  };
  const rows = [];
  for (const [page, read] of Object.entries(pages)) {
    const times: number[] = [];
    for (let index = 0; index < PAGES; index += 1) {
      const startedAt = performance.now();
      await read();
      times.push(performance.now() - startedAt);
    }
    rows.push({ page, p50: formatMs(quantile(times, 0.5)), p95: formatMs(quantile(times, 0.95)) });
  }
  print('A page of 50 lines');
  table(rows);
  return rows;
}
