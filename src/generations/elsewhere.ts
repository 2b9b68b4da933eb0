import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { Database } from '../db/schema.js';
import type { Reader, Writer } from './store.js';

/**
 * "Elsewhere": a generation stays away from the backends that failed it, as long as another one that can run it is
 * healthy. Rows of `generation_avoids` say so; they exist only while a generation that was tried waits or runs.
 *
 * When nothing else is left (all others are down, or have failed it too), the rows are lifted, here at once or by the
 * sweep later, and the same backend may take it after the backoff. Staying away for good would make of one fault an outage.
 */
export interface ElsewhereContext {
  readonly avoidMs: number;
  /** Which of these backends can run the generation; all that are not excluded by its pin unless a policy knows better. */
  readonly capable?: CapableBackends;
}

export type CapableBackends = (
  db: Reader,
  generationId: string,
  backendIds: readonly string[],
) => Promise<readonly string[]>;

export interface FailedTry {
  readonly generationId: string;
  readonly backendId: string;
  readonly pin: string | null;
  /** Only a backend with more memory helps. */
  readonly onLarger: boolean;
}

/** Notes the failed backend, or lifts the notes when nothing else is left. True: another backend should take it. */
export async function avoidFailed(
  tx: Writer,
  context: ElsewhereContext,
  failed: FailedTry,
  nowMs: number,
): Promise<boolean> {
  const { generationId, backendId } = failed;
  if (failed.pin !== null) return false;
  const others = (await healthyBackends(tx, nowMs)).filter((backend) => backend.id !== backendId);
  const avoided = new Set(await avoidedBackends(tx, generationId));
  const open = others.filter((backend) => !avoided.has(backend.id));
  const usable = await capableOf(tx, context, generationId, open);
  if (usable.length === 0) {
    if (avoided.size > 0) await liftAvoids(tx, generationId);
    return false;
  }
  const own = await tx.selectFrom('backends').select('vram_bytes').where('id', '=', backendId).executeTakeFirst();
  const vramBytes = own?.vram_bytes ?? 0;
  const isLarger = (backend: HealthyBackend) => backend.vramBytes > vramBytes;
  // The smaller ones are left out only where memory is known and a larger one is there.
  const smaller =
    failed.onLarger && vramBytes > 0 && usable.some(isLarger) ? usable.filter((backend) => !isLarger(backend)) : [];
  await tx
    .insertInto('generation_avoids')
    .values(
      [backendId, ...smaller.map((backend) => backend.id)].map((id) => ({
        generation_id: generationId,
        backend_id: id,
        created_at: nowMs,
      })),
    )
    .onConflict((conflict) => conflict.columns(['generation_id', 'backend_id']).doNothing())
    .execute();
  return true;
}

/** For claims: true where the generation does not stay away from this backend. */
export function notAvoiding(backendId: string) {
  return (eb: ExpressionBuilder<Database, 'generations'>): ExpressionWrapper<Database, 'generations', SqlBool> =>
    eb.not(
      eb.exists(
        eb
          .selectFrom('generation_avoids')
          .select('generation_avoids.backend_id')
          .whereRef('generation_avoids.generation_id', '=', 'generations.id')
          .where('generation_avoids.backend_id', '=', backendId),
      ),
    );
}

export async function liftAvoids(tx: Writer, generationId: string): Promise<void> {
  await tx.deleteFrom('generation_avoids').where('generation_id', '=', generationId).execute();
}

/** Waiting generations that stay away from every backend that could take them now, or have done so for long enough. */
export async function strandedGenerations(
  db: Reader,
  context: ElsewhereContext,
  nowMs: number,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('generation_avoids')
    .innerJoin('generations', 'generations.id', 'generation_avoids.generation_id')
    .select(['generations.id as id', 'generation_avoids.backend_id as backendId', 'generation_avoids.created_at as at'])
    .where('generations.status', '=', 'queued')
    .orderBy('generation_avoids.created_at')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  const healthy = await healthyBackends(db, nowMs);
  const stranded: string[] = [];
  for (const id of new Set(rows.map((row) => row.id))) {
    const own = rows.filter((row) => row.id === id);
    const avoided = new Set(own.map((row) => row.backendId));
    const open = healthy.filter((backend) => !avoided.has(backend.id));
    const isOld = own.some((row) => row.at + context.avoidMs <= nowMs);
    if (isOld || (await capableOf(db, context, id, open)).length === 0) stranded.push(id);
  }
  return stranded;
}

interface HealthyBackend {
  readonly id: string;
  readonly vramBytes: number;
}

/** Those that take work now: wanted, ready, and owned by a node that is alive. */
async function healthyBackends(db: Reader, nowMs: number): Promise<HealthyBackend[]> {
  return db
    .selectFrom('backends')
    .select(['id', 'vram_bytes as vramBytes'])
    .where('desired', '=', 'active')
    .where('state', '=', 'ready')
    .where('lease_until', '>', nowMs)
    .execute();
}

async function avoidedBackends(db: Reader, generationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('generation_avoids')
    .select('backend_id')
    .where('generation_id', '=', generationId)
    .execute();
  return rows.map((row) => row.backend_id);
}

async function capableOf(
  db: Reader,
  context: ElsewhereContext,
  generationId: string,
  backends: readonly HealthyBackend[],
): Promise<readonly HealthyBackend[]> {
  if (context.capable === undefined || backends.length === 0) return backends;
  const ids = await context.capable(
    db,
    generationId,
    backends.map((backend) => backend.id),
  );
  return backends.filter((backend) => ids.includes(backend.id));
}
