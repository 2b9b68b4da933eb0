import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { EaselError, StorageError } from '../core/errors.js';
import { newId } from '../core/ids.js';
import type { DbReader, DbTransaction } from '../db/index.js';
import type { MediaContext } from './context.js';
import { addFacts } from './facts.js';
import { displayName } from './filename.js';
import { inspectUpload, type MediaFacts } from './inspect.js';
import { takeLocks, withObjects } from './references.js';
import type { AttachedFile } from './types.js';

export interface ReceiveOptions {
  readonly accountId: string;
  readonly filename?: string | undefined;
  readonly declaredType?: string | undefined;
  readonly source: 'upload' | 'url';
  readonly maxBytes: number;
  /** What it becomes: the account's, or what the sweep removes unless a generation takes it within an hour. */
  readonly state: 'stored' | 'pending';
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a file in: to a local disk, where it is looked at; then a row says whose it will be; then the object gets its name;
 * then the row is complete. Killed anywhere, there is either a whole file or something that the sweep removes.
 *
 * Throws `media_invalid`, `media_too_complex`, `media_quota_exceeded`, `payload_too_large`,
 * `storage_failed`, and what the source throws.
 */
export async function receive(
  context: MediaContext,
  source: Readable | Uint8Array,
  options: ReceiveOptions,
): Promise<AttachedFile> {
  const { store, spool, owner, settings, probe } = context;
  const { declaredType, maxBytes, signal } = options;
  const spooled = await spool.stage(source, {
    owner,
    maxBytes,
    ...(declaredType === undefined ? {} : { declaredType }),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    await probe('spooled');
    const facts = await context.gate.run(() => inspectUpload(spooled.tmpPath, spooled, settings));
    const staged = store === spool ? spooled : await store.stage(createReadStream(spooled.tmpPath), { owner });
    try {
      await probe('staged');
      const { hash, bytes } = staged;
      const { contentType } = spooled;
      const mediaId = await addFile(context, { hash, bytes, contentType }, options);
      await probe('referred');
      await store.commit(staged);
      await probe('committed');
      await complete(context, { id: mediaId, hash, state: options.state }, facts);
      await probe('stored');
      return { mediaId, hash, bytes, contentType };
    } catch (error) {
      await store.discard(staged).catch(() => {});
      throw error;
    }
  } finally {
    // Does nothing when the store has taken it over.
    await spool.discard(spooled).catch(() => {});
  }
}

async function complete(
  { db, clock }: MediaContext,
  { id, hash, state }: Pick<ReceiveOptions, 'state'> & { readonly id: string; readonly hash: string },
  facts: MediaFacts,
): Promise<void> {
  const isKept = await db.transaction(async (tx) => {
    await addFacts(tx, hash, facts, clock.now());
    const { numUpdatedRows } = await tx
      .updateTable('media')
      .set({ state })
      .where('id', '=', id)
      .where('state', '!=', 'removed')
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  });
  if (!isKept) throw new StorageError('storage_failed', 'The upload took so long that it was given up.');
}

async function addFile(
  context: MediaContext,
  file: Omit<AttachedFile, 'mediaId'>,
  options: ReceiveOptions,
): Promise<string> {
  const { clock, settings } = context;
  const id = newId();
  await withObjects(context, [file.hash], async (tx) => {
    await checkQuota(tx, options.accountId, file.bytes, settings.quotaBytes, clock.now());
    const filename = displayName(options.filename ?? '');
    await tx
      .insertInto('media')
      .values({
        id,
        account_id: options.accountId,
        hash: file.hash,
        bytes: file.bytes,
        content_type: file.contentType,
        state: 'pending',
        attempt_id: null,
        created_at: clock.now(),
        filename: filename === '' ? null : filename,
        source: options.source,
        pinned_at: null,
      })
      .execute();
  });
  return id;
}

/** Outputs count, but only uploads are refused: what a generation made was paid for. */
async function checkQuota(
  tx: DbTransaction,
  accountId: string,
  bytes: number,
  quotaBytes: number,
  nowMs: number,
): Promise<void> {
  if (quotaBytes === 0) return;
  // Two uploads at once must not both find the last free place.
  const bucket = createHash('sha256').update(accountId).digest('hex').slice(0, 2);
  await takeLocks(tx, [`media-quota:${bucket}`], nowMs);
  const used = await usedBytes(tx, accountId);
  if (used.bytes + bytes <= quotaBytes) return;
  throw new EaselError(
    'media_quota_exceeded',
    `The file has ${bytes} bytes; ${used.bytes} of ${quotaBytes} are in use.`,
    {
      details: { bytes, usedBytes: used.bytes, quotaBytes },
    },
  );
}

export async function usedBytes(
  reader: DbReader,
  accountId: string,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const row = await reader
    .selectFrom('media')
    .select((eb) => [eb.fn.countAll().as('files'), eb.fn.coalesce(eb.fn.sum('bytes'), eb.lit(0)).as('bytes')])
    .where('account_id', '=', accountId)
    .where('state', '!=', 'removed')
    .executeTakeFirstOrThrow();
  return { files: Number(row.files), bytes: Number(row.bytes) };
}
