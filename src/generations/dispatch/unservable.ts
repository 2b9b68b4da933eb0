import type { DbReader } from '../../db/index.js';
import { describeRefusal, type Refusal } from './needs.js';

/** Jobs that every backend of the fleet has refused. A backend that is down refuses nothing: it may come back. */
export interface Unservable {
  readonly needsKey: string;
  /** The first of them. */
  readonly generationIds: readonly string[];
  readonly refusals: readonly { readonly backendId: string; readonly refusal: Refusal }[];
}

const MAX_NAMED = 50;

export async function unservableNeeds(db: DbReader, needsKeys: readonly string[]): Promise<Unservable[]> {
  const refusals = await db
    .selectFrom('dispatch_refusals')
    .innerJoin('backends', 'backends.id', 'dispatch_refusals.backend_id')
    .select(['needs_key', 'backend_id', 'reason'])
    .where('needs_key', 'in', [...needsKeys])
    .where('backends.desired', '!=', 'gone')
    .execute();
  if (refusals.length === 0) return [];
  const backends = await db.selectFrom('backends').select('id').where('desired', '!=', 'gone').execute();
  const found: Unservable[] = [];
  for (const needsKey of new Set(refusals.map((row) => row.needs_key))) {
    const own = refusals.filter((row) => row.needs_key === needsKey);
    if (own.length < backends.length) continue;
    const waiting = await db
      .selectFrom('generations')
      .select('id')
      .where('status', '=', 'queued')
      .where('lane', 'in', [0, 1])
      .where('created_at', '>=', 0)
      .where('needs_key', '=', needsKey)
      .limit(MAX_NAMED)
      .execute();
    found.push({
      needsKey,
      generationIds: waiting.map((row) => row.id),
      refusals: own.map((row) => ({ backendId: row.backend_id, refusal: JSON.parse(row.reason) as Refusal })),
    });
  }
  return found;
}

export function describeUnservable(refusals: Unservable['refusals']): string {
  const reasons = refusals.map(({ backendId, refusal }) => `${backendId}: ${describeRefusal(refusal)}`);
  return `No backend can run this: ${reasons.join('; ')}.`;
}
