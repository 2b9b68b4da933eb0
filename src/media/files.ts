import type { Db, DbReader } from '../db/index.js';
import type { MediaFile } from './types.js';

export interface FileListOptions {
  readonly accountId: string;
  /** Newest first, starting after this id (a cursor from the page before). */
  readonly before?: string;
  /** 1 to 200; 50 unless told. */
  readonly limit?: number;
  readonly pinned?: boolean;
  /** Only what came in this way. */
  readonly source?: MediaFile['source'];
}

export async function readFile(db: Db, id: string, accountId: string): Promise<MediaFile | null> {
  const row = await files(db.kysely, accountId).where('media.id', '=', id).executeTakeFirst();
  return row === undefined ? null : toFile(row);
}

export async function readFiles(db: Db, options: FileListOptions): Promise<MediaFile[]> {
  const { accountId, before, pinned, source } = options;
  let query = files(db.kysely, accountId)
    .orderBy('media.id', 'desc')
    .limit(Math.min(200, Math.max(1, options.limit ?? 50)));
  if (before !== undefined) query = query.where('media.id', '<', before);
  if (pinned !== undefined) query = query.where('media.pinned_at', pinned ? 'is not' : 'is', null);
  if (source === 'generation') query = query.where('media.source', 'is', null);
  else if (source !== undefined) query = query.where('media.source', '=', source);
  return (await query.execute()).map(toFile);
}

/** An output has the name that its node gave it, which is kept with the output. */
function files(reader: DbReader, accountId: string) {
  return reader
    .selectFrom('media')
    .selectAll('media')
    .select((eb) =>
      eb
        .selectFrom('outputs')
        .select('outputs.filename')
        .whereRef('outputs.media_id', '=', 'media.id')
        .orderBy('outputs.id')
        .limit(1)
        .as('output_name'),
    )
    .where('media.account_id', '=', accountId)
    .where('media.state', '=', 'stored');
}

type Row = Awaited<ReturnType<ReturnType<typeof files>['execute']>>[number];

function toFile(row: Row): MediaFile {
  return {
    id: row.id,
    accountId: row.account_id,
    hash: row.hash,
    bytes: row.bytes,
    contentType: row.content_type,
    filename: row.filename ?? row.output_name,
    source: row.source ?? 'generation',
    createdAt: row.created_at,
    pinned: row.pinned_at !== null,
  };
}
