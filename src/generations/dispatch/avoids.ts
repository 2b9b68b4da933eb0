import type { DbReader } from '../../db/index.js';

/** By generation, the backends that it stays away from because they failed it. */
export type AvoidNotes = ReadonlyMap<string, ReadonlySet<string>>;

/** Rows exist only for generations that failed somewhere and are not done: few, even in an outage. */
const MAX_NOTES = 2_000;

export async function readAvoids(db: DbReader): Promise<AvoidNotes> {
  const rows = await db
    .selectFrom('generation_avoids')
    .select(['generation_id', 'backend_id'])
    .limit(MAX_NOTES)
    .execute();
  const notes = new Map<string, Set<string>>();
  for (const row of rows) {
    const backends = notes.get(row.generation_id) ?? new Set();
    notes.set(row.generation_id, backends.add(row.backend_id));
  }
  return notes;
}
