import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { Db } from '../db/index.js';
import type { OutboundClient } from '../outbound/index.js';
import type { MediaContext, MediaProbe, MediaSettings } from './context.js';
import { decodeDataUrl } from './data-url.js';
import { Deriver, type DeriveSource } from './deriver.js';
import { receiveFromUrl } from './download.js';
import type { FileMediaStore } from './file-store.js';
import { type FileListOptions, readFile, readFiles } from './files.js';
import { Gate } from './gate.js';
import { type MediaGrant, MediaLinks } from './links.js';
import { factsOf } from './look.js';
import { guardLoaders } from './pictures.js';
import { readProvenance } from './provenance.js';
import { receive, usedBytes } from './receive.js';
import type { RecipeInput } from './recipe.js';
import { removeMedia } from './removal.js';
import { type MediaSweepOptions, sweepMedia, sweepSpool } from './retention.js';
import type { ByteRange, MediaStore, OpenedMedia } from './store.js';
import type { AttachedFile, DerivedFile, MediaFile, MediaInfo, MediaSweepReport, MediaUsage } from './types.js';

export interface MediaOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: MediaStore;
  /** A folder on a local disk, for files that are being looked at; the store itself when that is one. */
  readonly spool: FileMediaStore;
  readonly outbound: OutboundClient;
  readonly settings: MediaSettings;
  /** Tells the staged files of this process from those of others, living and dead. */
  readonly identity: { readonly owner: string; readonly isAlive: (owner: string) => boolean };
  /** Pictures that are decoded at the same time; 2 unless told. */
  readonly parallelDecodes?: number;
  readonly probe?: MediaProbe;
}

export interface PutOptions {
  /** For display. */
  readonly filename?: string;
  /** Hardly believed: what a file is, its bytes say. */
  readonly declaredType?: string;
  /** Unless told, what a picture may have. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Files of accounts: taken in, given out, derived, kept and removed. `types.ts` has the words. */
export class Media {
  /** The bytes, by hash, without accounts. */
  readonly store: MediaStore;
  readonly #context: MediaContext;
  readonly #deriver: Deriver;
  readonly #links: MediaLinks;

  constructor(options: MediaOptions) {
    guardLoaders();
    const { identity, parallelDecodes = 2, probe = async () => {}, ...parts } = options;
    this.store = options.store;
    this.#context = { ...parts, ...identity, gate: new Gate(parallelDecodes), probe };
    this.#deriver = new Deriver(this.#context);
    this.#links = new MediaLinks(options);
  }

  /**
   * Takes a file in. Throws `media_invalid`, `media_too_complex`, `media_quota_exceeded`, `payload_too_large`,
   * `storage_failed`, and what the source throws.
   */
  async put(accountId: string, source: Readable | Uint8Array, options: PutOptions = {}): Promise<MediaFile> {
    const { mediaId } = await this.#receive(accountId, source, 'stored', options);
    return this.get(mediaId, accountId);
  }

  /**
   * Takes in a file that comes with a request. It counts, but is listed only once a generation reads it; if none does within
   * an hour, the sweep removes it. Throws like `put`.
   */
  attach(accountId: string, source: Readable | Uint8Array, options: PutOptions = {}): Promise<AttachedFile> {
    return this.#receive(accountId, source, 'pending', options);
  }

  #receive(
    accountId: string,
    source: Readable | Uint8Array,
    state: 'stored' | 'pending',
    { maxBytes = this.#context.settings.maxImageBytes, ...more }: PutOptions,
  ): Promise<AttachedFile> {
    return receive(this.#context, source, { ...more, accountId, maxBytes, state, source: 'upload' });
  }

  /** Takes in what `data:image/png;base64,…` holds. Throws like `put`. */
  async putDataUrl(accountId: string, url: string, options: PutOptions = {}): Promise<MediaFile> {
    const { maxBytes = this.#context.settings.maxImageBytes } = options;
    const { bytes, declaredType } = decodeDataUrl(url, maxBytes);
    return this.put(accountId, bytes, { ...options, declaredType });
  }

  /** Fetches a file through the guard for outbound requests. Throws like `put` and `OutboundClient`. */
  async fetchUrl(
    accountId: string,
    url: string,
    options: Pick<PutOptions, 'maxBytes' | 'signal'> = {},
  ): Promise<MediaFile> {
    const { maxBytes = this.#context.settings.maxImageBytes } = options;
    const { mediaId } = await receiveFromUrl(this.#context, url, { ...options, accountId, maxBytes });
    return this.get(mediaId, accountId);
  }

  /** Throws `not_found`. */
  async get(id: string, accountId: string): Promise<MediaFile> {
    const file = await readFile(this.#context.db, id, accountId);
    if (file === null) throw new EaselError('not_found', `There is no file ${id}.`);
    return file;
  }

  /** With what is known of its content and where it comes from. Throws `not_found`. */
  async info(id: string, accountId: string): Promise<MediaInfo> {
    const file = await this.get(id, accountId);
    const provenance = await readProvenance(this.#context.db.kysely, id);
    return { ...file, facts: await factsOf(this.#context, file), provenance };
  }

  /** Throws `not_found`, `request_invalid` (range). The caller reads the stream to its end or destroys it. */
  async open(
    id: string,
    accountId: string,
    options: { readonly range?: ByteRange } = {},
  ): Promise<OpenedMedia & { readonly file: MediaFile }> {
    const file = await this.get(id, accountId);
    return { ...(await this.store.open(file.hash, options)), file };
  }

  /** Newest first. */
  list(options: FileListOptions): Promise<MediaFile[]> {
    return readFiles(this.#context.db, options);
  }

  async usage(accountId: string): Promise<MediaUsage> {
    const { db, settings } = this.#context;
    return { ...(await usedBytes(db.kysely, accountId)), quotaBytes: settings.quotaBytes };
  }

  /** Makes another file from a stored one, or finds the one that was made before. Throws like `Deriver.derive`. */
  async derive(id: string, accountId: string, recipe: RecipeInput): Promise<DerivedFile> {
    return this.#deriver.derive(await this.get(id, accountId), recipe);
  }

  /** `derive` for whoever has checked already that the account may read it. */
  deriveFrom(source: DeriveSource, recipe: RecipeInput): Promise<DerivedFile> {
    return this.#deriver.derive(source, recipe);
  }

  /** Throws `not_found`, `media_in_use`. */
  async remove(id: string, accountId: string): Promise<void> {
    const outcome = await removeMedia(this.#context, id, { accountId });
    if (outcome === 'absent') throw new EaselError('not_found', `There is no file ${id}.`);
    if (outcome === 'in-use')
      throw new EaselError('media_in_use', `A generation that has not ended needs the file ${id}.`);
  }

  /** Keeps a file whatever the retention says, or no longer. Throws `not_found`. */
  async pin(id: string, accountId: string, pinned: boolean): Promise<MediaFile> {
    const { db, clock } = this.#context;
    await db.transaction((tx) =>
      tx
        .updateTable('media')
        .set({ pinned_at: pinned ? clock.now() : null })
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .where('state', '=', 'stored')
        .execute(),
    );
    return this.get(id, accountId);
  }

  /** The query of an address that lets anybody read the file for a while. Throws `not_found`, `request_invalid`. */
  async link(id: string, accountId: string, validMs?: number): Promise<{ query: string; expiresAt: number }> {
    await this.get(id, accountId);
    return this.#links.sign(id, accountId, validMs ?? this.#context.settings.urlMs);
  }

  /** Whose file an address lets its bearer read. Throws `media_link_invalid`. */
  openLink(
    id: string,
    query: { readonly account: string; readonly expires: string; readonly signature: string },
  ): Promise<MediaGrant> {
    return this.#links.verify(id, query);
  }

  /**
   * Removes what dead processes of this machine left half-written on its disk: the space may be needed. For the start; the
   * store, where looking takes long, is looked through by `sweep`.
   */
  async start(): Promise<void> {
    await sweepSpool(this.#context);
  }

  /** Removes what nobody needs any more. */
  sweep(options: MediaSweepOptions = {}): Promise<MediaSweepReport> {
    return sweepMedia(this.#context, options);
  }

  /**
   * Removes every file of an account, everywhere. Its generations must be gone before: they name their files. Returns how
   * many. Throws `media_in_use`.
   */
  async removeAccount(accountId: string): Promise<number> {
    const { db } = this.#context;
    let removed = 0;
    for (;;) {
      const rows = await db.kysely
        .selectFrom('media')
        .select('id')
        .where('account_id', '=', accountId)
        .where('state', '!=', 'removed')
        .limit(200)
        .execute();
      if (rows.length === 0) break;
      for (const { id } of rows) {
        if ((await removeMedia(this.#context, id, { accountId })) === 'in-use')
          throw new EaselError('media_in_use', `A generation that has not ended needs the file ${id}.`);
        removed += 1;
      }
    }
    await db.transaction((tx) =>
      tx.deleteFrom('media').where('account_id', '=', accountId).where('state', '=', 'removed').execute(),
    );
    return removed;
  }

  async close(): Promise<void> {
    await this.store.close?.();
  }
}
