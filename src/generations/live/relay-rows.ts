import type { Db } from '../../db/index.js';
import type { Reader } from '../store.js';
import type { LiveEvent } from '../types.js';

/** What the relay keeps in the database: wishes of followers, and the newest state of what they follow. */
const MOST_WISHES = 5_000;
const ROWS_PER_STATEMENT = 200;

export async function wish(db: Db, generationIds: readonly string[], untilMs: number): Promise<void> {
  // In one order everywhere: two nodes that write the same wishes must not wait for each other.
  const rows = [...generationIds].sort().map((id) => ({ generation_id: id, wanted_until: untilMs }));
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
    await db.transaction((tx) =>
      tx
        .insertInto('live_wishes')
        .values(rows.slice(from, from + ROWS_PER_STATEMENT))
        .onConflict((conflict) => conflict.column('generation_id').doUpdateSet({ wanted_until: untilMs }))
        .execute(),
    );
  }
}

/** Until when each generation is wanted. */
export async function readWishes(db: Reader, nowMs: number): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('live_wishes')
    .selectAll()
    .where('wanted_until', '>', nowMs)
    .limit(MOST_WISHES)
    .execute();
  return new Map(rows.map((row) => [row.generation_id, row.wanted_until]));
}

export async function writeStates(db: Db, events: readonly LiveEvent[], revision: number): Promise<void> {
  if (events.length === 0) return;
  await db.transaction(async (tx) => {
    for (const event of events) {
      const state = { revision, at: event.at, data: JSON.stringify(toStored(event)) };
      await tx
        .insertInto('live_states')
        .values({ generation_id: event.generationId, kind: event.type, ...state })
        .onConflict((conflict) => conflict.columns(['generation_id', 'kind']).doUpdateSet(state))
        .execute();
    }
  });
}

/** States whose revision is another than the known one; known by `generation kind`. */
export async function changedStates(
  db: Reader,
  generationIds: readonly string[],
  known: ReadonlyMap<string, number>,
): Promise<{ readonly event: LiveEvent; readonly revision: number }[]> {
  const changed: { readonly event: LiveEvent; readonly revision: number }[] = [];
  for (let from = 0; from < generationIds.length; from += ROWS_PER_STATEMENT) {
    const heads = await db
      .selectFrom('live_states')
      .select(['generation_id', 'kind', 'revision'])
      .where('generation_id', 'in', generationIds.slice(from, from + ROWS_PER_STATEMENT))
      .execute();
    // Previews are large: only those that are new are fetched.
    for (const head of heads) {
      if (known.get(`${head.generation_id} ${head.kind}`) === head.revision) continue;
      const row = await db
        .selectFrom('live_states')
        .selectAll()
        .where('generation_id', '=', head.generation_id)
        .where('kind', '=', head.kind)
        .executeTakeFirst();
      if (row === undefined) continue;
      const data = fromStored(JSON.parse(row.data) as StoredData);
      const event = { generationId: row.generation_id, type: row.kind, at: row.at, data } as LiveEvent;
      changed.push({ event, revision: row.revision });
    }
  }
  return changed;
}

interface StoredData {
  readonly base64?: string;
}

function toStored(event: LiveEvent): object {
  if (event.type !== 'preview') return event.data;
  const { bytes, ...data } = event.data;
  return { ...data, base64: bytes.toString('base64') };
}

function fromStored({ base64, ...data }: StoredData): object {
  return base64 === undefined ? data : { ...data, bytes: Buffer.from(base64, 'base64') };
}

export async function dropStates(db: Db, generationIds: readonly string[]): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.deleteFrom('live_states').where('generation_id', 'in', generationIds).execute();
    await tx.deleteFrom('live_wishes').where('generation_id', 'in', generationIds).execute();
  });
}

/** What a dead node left. */
export async function expireStates(db: Db, beforeMs: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.deleteFrom('live_states').where('at', '<', beforeMs).execute();
    await tx.deleteFrom('live_wishes').where('wanted_until', '<', beforeMs).execute();
  });
}
