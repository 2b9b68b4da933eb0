import { newId } from '../core/ids.js';
import { type ReferenceContext, withObjects } from './references.js';
import type { StagedMedia } from './store.js';

export interface PendingFiles {
  readonly accountId: string;
  /** Whose outputs they are; null for what was sent to us. */
  readonly attemptId: string | null;
  readonly files: readonly StagedMedia[];
}

/**
 * Adds a `pending` row per distinct file, or finds the one of an earlier try of the same attempt. The object may be
 * committed afterwards: should we die in between, the sweep finds the row. Returns media id by hash.
 */
export async function addPending(context: ReferenceContext, pending: PendingFiles): Promise<Map<string, string>> {
  const { accountId, attemptId } = pending;
  const byHash = new Map(pending.files.map((file) => [file.hash, file]));
  if (byHash.size === 0) return new Map();
  return withObjects(context, [...byHash.keys()], async (tx) => {
    const ids = new Map<string, string>();
    if (attemptId !== null) {
      const earlier = await tx
        .selectFrom('media')
        .select(['id', 'hash'])
        .where('attempt_id', '=', attemptId)
        .where('state', '=', 'pending')
        .execute();
      for (const row of earlier) if (byHash.has(row.hash)) ids.set(row.hash, row.id);
    }
    const rows = [...byHash.values()]
      .filter((file) => !ids.has(file.hash))
      .map((file) => ({
        id: newId(),
        account_id: accountId,
        hash: file.hash,
        bytes: file.bytes,
        content_type: file.contentType,
        state: 'pending' as const,
        attempt_id: attemptId,
        created_at: context.clock.now(),
        filename: null,
        source: attemptId === null ? ('upload' as const) : null,
      }));
    if (rows.length > 0) await tx.insertInto('media').values(rows).execute();
    for (const row of rows) ids.set(row.hash, row.id);
    return ids;
  });
}
