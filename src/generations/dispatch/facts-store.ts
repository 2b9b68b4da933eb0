import type { Clock } from '../../core/clock.js';
import type { Db, DbReader, DbTransaction } from '../../db/index.js';
import { type FactSample, type LearnedFacts, learn, NO_MODEL_FACTS, UNKNOWN_FACTS } from './facts.js';

const KEPT_MS = 10_000;
const MAX_KEPT = 5_000;
const MIN_CHANGE = 0.05;

/** What models cost, shared by all nodes through the database; each keeps a copy that may be seconds old. */
export class FactsStore {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly facts: LearnedFacts; readonly readAt: number }>();

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** What is known here; `load` first. */
  of(modelKey: string): LearnedFacts {
    return this.#kept.get(modelKey)?.facts ?? (modelKey === '' ? NO_MODEL_FACTS : UNKNOWN_FACTS);
  }

  /** True when something was read. */
  async load(modelKeys: Iterable<string>): Promise<boolean> {
    const dueAt = this.#clock.now() - KEPT_MS;
    const due = [...new Set(modelKeys)].filter((key) => (this.#kept.get(key)?.readAt ?? 0) < dueAt);
    if (due.length === 0) return false;
    for (const [key, facts] of await readFacts(this.#db.kysely, due)) this.#keep(key, facts);
    return true;
  }

  /** Adds a sample in the caller's transaction. Writes only what changes an estimate. */
  async learn(tx: DbTransaction, modelKey: string, sample: FactSample): Promise<void> {
    const before = (await readFacts(tx, [modelKey])).get(modelKey) ?? this.of(modelKey);
    const after = learn(before, sample);
    this.#keep(modelKey, after);
    if (!differs(before, after)) return;
    const values = { facts: JSON.stringify(after), updated_at: this.#clock.now() };
    await tx
      .insertInto('dispatch_models')
      .values({ model_key: modelKey, ...values })
      .onConflict((conflict) => conflict.column('model_key').doUpdateSet(values))
      .execute();
  }

  #keep(key: string, facts: LearnedFacts): void {
    this.#kept.delete(key);
    this.#kept.set(key, { facts, readAt: this.#clock.now() });
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

/** Also of models that are not known yet. */
export async function readFacts(
  db: DbReader | DbTransaction,
  modelKeys: readonly string[],
): Promise<Map<string, LearnedFacts>> {
  const rows = await db
    .selectFrom('dispatch_models')
    .select(['model_key', 'facts'])
    .where('model_key', 'in', [...modelKeys])
    .execute();
  const stored = new Map(rows.map((row) => [row.model_key, JSON.parse(row.facts) as Partial<LearnedFacts>]));
  return new Map(
    modelKeys.map((key) => [key, { ...(key === '' ? NO_MODEL_FACTS : UNKNOWN_FACTS), ...stored.get(key) }]),
  );
}

function differs(before: LearnedFacts, after: LearnedFacts): boolean {
  return (Object.keys(after) as (keyof LearnedFacts)[]).some(
    (key) => Math.abs(after[key] - before[key]) > MIN_CHANGE * Math.max(1, before[key]),
  );
}
