import type { Readable } from 'node:stream';

/**
 * Where the bytes of media live. A store holds content-addressed **objects** (named by the SHA-256 of their bytes, so
 * equal content is one object) and **staged** files on their way in. Who may read an object, how long it is kept and
 * which objects are still wanted is the database's business (`media` table): a store knows no accounts.
 *
 *   stage -> commit     the bytes become an object, all at once or not at all
 *         -> discard    they are gone
 *         -> (killed)   they stay as a staged file until `sweepStaged` finds that its owner is dead
 *
 * Errors: `storage_failed` for faults of the disk or service, `payload_too_large`, `not_found`, `request_invalid`.
 */
export interface MediaStore {
  /**
   * Takes in a whole stream or buffer, with bounded memory. On any failure nothing is left behind and the source is
   * destroyed; an error of the source itself is thrown on unchanged, since it is not the store that failed, and so is
   * the signal's reason.
   */
  stage(source: Readable | Uint8Array, options: StageOptions): Promise<StagedMedia>;
  /** Makes a staged file an object and durable. May be repeated; equal content from elsewhere is no conflict. */
  commit(staged: StagedMedia): Promise<void>;
  /** Removes a staged file. Does nothing when it was committed, discarded or swept. */
  discard(staged: StagedMedia): Promise<void>;
  /** Opens an object for reading. The caller must read the stream to its end or destroy it. Throws `not_found`. */
  open(hash: string, options?: { readonly range?: ByteRange }): Promise<OpenedMedia>;
  /** Null when there is no such object. */
  stat(hash: string): Promise<ObjectInfo | null>;
  /** Removes an object; false when it did not exist. That nobody commits it meanwhile, the caller sees to (`references.ts`). */
  remove(hash: string): Promise<boolean>;
  /** Every object, in no particular order. Objects that come or go meanwhile may or may not be seen. */
  list(): AsyncIterable<ObjectInfo>;
  /** Removes the staged files that the filter picks and returns how many. */
  sweepStaged(filter: StagedFilter): Promise<number>;
  /** Lets go of connections. The store must not be used afterwards. */
  close?(): Promise<void>;
  /** An address at which anybody may read the object for a while, without going through Easel. Not every store can. */
  presign?(hash: string, options: PresignOptions): Promise<string>;
}

export interface PresignOptions {
  readonly expiresInMs: number;
  /** The headers that it is to be delivered with. */
  readonly contentType: string;
  readonly contentDisposition: string;
}

export interface StageOptions {
  /**
   * Who is writing: a node id, an attempt id. After a crash this is how the remains are told from what a live node is
   * writing at the moment. At most 60 bytes.
   */
  readonly owner: string;
  /** Stops reading at the first byte beyond, with `payload_too_large`. */
  readonly maxBytes?: number;
  /** What the sender says that it is. Believed only where the bytes cannot tell; see `content-type.ts`. */
  readonly declaredType?: string;
  readonly signal?: AbortSignal;
}

export interface StagedMedia {
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly hash: string;
  readonly bytes: number;
  /** Safe to serve: what the bytes are, never a type that a browser would run. */
  readonly contentType: string;
  readonly owner: string;
  /** Where the bytes are until `commit` or `discard`. */
  readonly tmpPath: string;
}

/** First and last byte, both included, as HTTP counts them. `end` may be left out or lie beyond the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface OpenedMedia {
  readonly stream: Readable;
  /** Bytes that the stream will deliver. */
  readonly bytes: number;
  /** Bytes of the whole object. */
  readonly totalBytes: number;
}

export interface ObjectInfo {
  readonly hash: string;
  readonly bytes: number;
  /** When it was last committed. */
  readonly committedAt: number;
}

/** Which staged files to remove. All given conditions must hold; give at least one. */
export interface StagedFilter {
  readonly owner?: string;
  /** Not written to for this long. */
  readonly idleForMs?: number;
  /** Asked last, once per file that meets the other conditions. */
  readonly isAbandoned?: (file: StagedFile) => boolean | Promise<boolean>;
}

export interface StagedFile {
  readonly owner: string;
  readonly bytes: number;
  readonly idleMs: number;
}
