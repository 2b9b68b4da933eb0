import type { ExpressionBuilder } from 'kysely';
import { type DbReader, prepared, preparedFor } from '../../db/index.js';
import type { Database, GenerationsTable } from '../../db/schema.js';
import type { WaitingNeeds } from './candidates.js';
import { type LaneNumber, MAX_WAITING_COUNTED, type WaitingJob } from './policy.js';
import type { RoundSource } from './round.js';

/**
 * The candidates of policy B in portable SQL. Each query reads the first rows of one partial index over waiting jobs, or
 * one row for each distinct set of needs; none depends on how many wait.
 */
export class SqlSource implements RoundSource {
  readonly #db: DbReader;
  readonly #nowMs: number;

  constructor(db: DbReader, nowMs: number) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  async due(lane: LaneNumber, limit: number): Promise<readonly WaitingJob[]> {
    const rows = await dueQuery.rows(this.#db, { lane, limit, nowMs: this.#nowMs });
    return rows.map((row) => toJob(row));
  }

  async heads(lane: LaneNumber, modelKeys: readonly string[], limit: number): Promise<readonly WaitingJob[]> {
    if (modelKeys.length === 0) return [];
    const values = { lane, limit, nowMs: this.#nowMs, ...modelKeys };
    const rows = await headsQuery(modelKeys.length).rows(this.#db, values);
    // A union promises no order.
    return rows.map((row) => toJob(row)).sort(byVstart);
  }

  async headsWithLora(lane: LaneNumber, modelKey: string, loraKey: string, lookahead: number) {
    const values = { lane, modelKey, loraKey, limit: lookahead, nowMs: this.#nowMs };
    const rows = await headWithLoraQuery.rows(this.#db, values);
    return rows.map((row) => toJob(row));
  }

  /** Walks the index from one distinct value to the next, instead of reading all that waits. */
  async waitingNeeds(lane: LaneNumber): Promise<readonly WaitingNeeds[]> {
    const keys = await this.#distinct(lane, 'needs_key', MAX_NEEDS);
    const waiting: WaitingNeeds[] = [];
    for (let at = 0; at < keys.length; at += PAGE) {
      const rows = await this.#db
        .selectFrom('dispatch_needs')
        .select(['needs_key', 'model_key'])
        .select((eb) => headOfNeeds(eb, { lane, nowMs: this.#nowMs }).select('vstart').as('vstart'))
        .where('needs_key', 'in', keys.slice(at, at + PAGE))
        .execute();
      waiting.push(
        ...rows.map((row) => ({ needsKey: row.needs_key, modelKey: row.model_key, vstart: row.vstart ?? 0 })),
      );
    }
    return waiting;
  }

  async headsOfNeeds(lane: LaneNumber, needsKeys: readonly string[]): Promise<readonly WaitingJob[]> {
    if (needsKeys.length === 0) return [];
    const values = { lane, nowMs: this.#nowMs, ...needsKeys };
    const rows = await headsOfNeedsQuery(needsKeys.length).rows(this.#db, values);
    return rows.map((row) => toJob(row)).sort(byVstart);
  }

  async countWaiting(lane: LaneNumber, modelKeys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (let at = 0; at < modelKeys.length; at += UNION_SIZE) {
      const keys = modelKeys.slice(at, at + UNION_SIZE);
      const [first, ...others] = keys.map((key, index) =>
        this.#db
          .selectFrom(
            this.#db
              .selectFrom('generations')
              .select('id')
              .where('status', '=', 'queued')
              .where('lane', '=', lane)
              .where('model_key', '>=', '')
              .where('model_key', '=', key)
              .limit(MAX_WAITING_COUNTED)
              .as('some'),
          )
          .select((eb) => [eb.lit(index).as('place'), eb.fn.countAll<number>().as('count')]),
      );
      if (first === undefined) break;
      for (const row of await others.reduce((all, next) => all.unionAll(next), first).execute())
        counts.set(keys[Number(row.place)]!, row.count);
    }
    return counts;
  }

  /** Accounts that have work waiting, at most `limit`. */
  activeAccounts(lane: LaneNumber, limit: number): Promise<string[]> {
    return this.#distinct(lane, 'account_id', limit);
  }

  async #distinct(lane: LaneNumber, column: 'needs_key' | 'account_id', limit: number): Promise<string[]> {
    const values: string[] = [];
    for (;;) {
      const page = await this.#walk(lane, column, values.at(-1) ?? '', Math.min(WALK_STEPS, limit - values.length));
      values.push(...page);
      if (page.length < WALK_STEPS || values.length >= limit) return values;
    }
  }

  /** Distinct values of a column among what waits, in order, by jumping through its index. */
  async #walk(lane: LaneNumber, column: 'needs_key' | 'account_id', after: string, steps: number): Promise<string[]> {
    // Both columns are text; the type of one of them spares Kysely the union.
    const value = column as 'account_id';
    const next = this.#db
      .selectFrom('generations')
      .select(value)
      .where('status', '=', 'queued')
      .where('lane', '=', lane)
      .where(column === 'needs_key' ? 'created_at' : 'updated_at', '>=', 0)
      .orderBy(value)
      .limit(1);
    const rows = await this.#db
      .withRecursive('walk(value, step)', (db) =>
        db
          .selectNoFrom((eb) => [next.where(value, '>', after).as('value'), eb.lit(1).$castTo<number>().as('step')])
          .unionAll((part) =>
            part
              .selectFrom('walk' as never)
              .select((eb) => [
                next.whereRef(value, '>', 'walk.value' as never).as('value'),
                eb('walk.step' as never, '+', 1 as never)
                  .$castTo<number>()
                  .as('step'),
              ])
              .where('walk.value' as never, 'is not', null as never)
              .where('walk.step' as never, '<', steps as never),
          ),
      )
      .selectFrom('walk')
      .select('value')
      .where('value', 'is not', null)
      .orderBy('step')
      .execute();
    return rows.flatMap((row) => row.value ?? []);
  }
}

const COLUMNS = [
  'id',
  'lane',
  'account_id',
  'model_key',
  'lora_key',
  'needs_key',
  'vstart',
  'estimate_ms',
  'created_at',
] as const;

type Row = Pick<GenerationsTable, (typeof COLUMNS)[number]>;

interface Due {
  readonly lane: LaneNumber;
  readonly limit: number;
  readonly nowMs: number;
}

function waiting(db: DbReader, { lane, nowMs }: Omit<Due, 'limit'>) {
  return db
    .selectFrom('generations')
    .select(COLUMNS)
    .where('status', '=', 'queued')
    .where('lane', '=', lane)
    .where('available_at', '<=', nowMs);
}

/** The first `limit` of one model. */
function waitingFor(db: DbReader, modelKey: string, values: Due) {
  return waiting(db, values)
    .where('model_key', '>=', '')
    .where('model_key', '=', modelKey)
    .orderBy('vstart')
    .orderBy('id')
    .limit(values.limit);
}

const dueQuery = prepared((db, values: Due) =>
  waiting(db, values).where('vstart', 'is not', null).orderBy('vstart').orderBy('id').limit(values.limit),
);

const headWithLoraQuery = prepared((db, values: Due & { readonly modelKey: string; readonly loraKey: string }) =>
  db
    .selectFrom(waitingFor(db, values.modelKey, values).as('ahead'))
    .selectAll()
    .where('lora_key', '=', values.loraKey)
    .orderBy('vstart')
    .orderBy('id')
    .limit(1),
);

/** For each row of `dispatch_needs`. */
function headOfNeeds(eb: ExpressionBuilder<Database, 'dispatch_needs'>, { lane, nowMs }: Omit<Due, 'limit'>) {
  return eb
    .selectFrom('generations')
    .where('generations.status', '=', 'queued')
    .where('generations.lane', '=', lane)
    .where('generations.available_at', '<=', nowMs)
    .where('generations.created_at', '>=', 0)
    .whereRef('generations.needs_key', '=', 'dispatch_needs.needs_key')
    .orderBy('generations.vstart')
    .orderBy('generations.id')
    .limit(1);
}

/** A list of keys is the values 0, 1, …; there is one query for each length. */
type Keys = Readonly<Record<number, string>>;

const headsQuery = preparedFor((db, values: Due & Keys, length: number) => {
  const headsOf = (index: number) => db.selectFrom(waitingFor(db, values[index]!, values).as('heads')).selectAll();
  let heads = headsOf(0);
  for (let index = 1; index < length; index += 1) heads = heads.unionAll(headsOf(index));
  return heads;
});

const headsOfNeedsQuery = preparedFor((db, values: Omit<Due, 'limit'> & Keys, length: number) => {
  const needsKeys = Array.from({ length }, (_, index) => values[index]!);
  return db
    .selectFrom('generations')
    .select(COLUMNS)
    .where('id', 'in', (heads) =>
      heads
        .selectFrom('dispatch_needs')
        .select((eb) => headOfNeeds(eb, values).select('id').as('id'))
        .where('dispatch_needs.needs_key', 'in', needsKeys),
    );
});

/** Queries with more parts than this cost more to plan than they save in round trips. */
const UNION_SIZE = 16;
const WALK_STEPS = 256;
const MAX_NEEDS = 4096;
const PAGE = 200;

export function toJob(row: Row): WaitingJob {
  return {
    id: row.id,
    lane: row.lane === 1 ? 1 : 0,
    accountId: row.account_id,
    modelKey: row.model_key,
    loraKey: row.lora_key,
    needsKey: row.needs_key ?? '',
    vstart: row.vstart ?? 0,
    estimateMs: row.estimate_ms ?? 0,
    createdAt: row.created_at,
  };
}

function byVstart(left: WaitingJob, right: WaitingJob): number {
  return left.vstart - right.vstart || (left.id < right.id ? -1 : 1);
}
