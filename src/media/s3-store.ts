import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../core/clock.js';
import { StorageError } from '../core/errors.js';
import { decideContentType } from './content-type.js';
import { notFound } from './faults.js';
import { destroy, Intake, slices } from './intake.js';
import { ownerOf, stagedName } from './owner-names.js';
import { createClient, loadSdk, type S3Sdk, type S3Settings } from './s3-client.js';
import { isMissing, nameOf, s3Failed } from './s3-faults.js';
import type {
  ByteRange,
  MediaStore,
  ObjectInfo,
  OpenedMedia,
  PresignOptions,
  StagedFile,
  StagedFilter,
  StagedMedia,
  StageOptions,
} from './store.js';
import { checkFilter, clampRange, HASH, isPicked } from './store-rules.js';

export interface S3MediaStoreOptions extends S3Settings {
  readonly clock: Clock;
}

const PART_BYTES = 8 * 1024 * 1024;
const PARALLEL_PARTS = 3;
/** A larger object cannot be copied in one piece, and the name is given by a copy. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
/** For one question or order, in milliseconds. Far below the minute that a removal may take (`references.ts`). */
const ORDER_MS = 20_000;
const CLEAN_UP_MS = 5_000;

/**
 * Objects in a bucket: `objects/ab/<hash>`, staged files: `tmp/<owner>@<id>`.
 *
 * The hash is known only when the last byte has been sent, so a file is written under a name of its own and gets its
 * final one by a copy inside the service, which is whole or does not happen. What a dead process leaves is a staged
 * object or an unfinished multipart upload, which costs money and is seen by no reader; `sweepStaged` removes both.
 */
export class S3MediaStore implements MediaStore {
  readonly #settings: S3Settings;
  readonly #clock: Clock;
  readonly #prefix: string;
  #connection: Promise<{ readonly sdk: S3Sdk; readonly client: S3Client }> | null = null;

  constructor({ clock, ...settings }: S3MediaStoreOptions) {
    this.#settings = settings;
    this.#clock = clock;
    this.#prefix = settings.prefix ?? '';
  }

  async stage(source: Readable | Uint8Array, options: StageOptions): Promise<StagedMedia> {
    const { owner, signal } = options;
    if (!(source instanceof Uint8Array)) source.on('error', () => {});
    const onAbort = () => destroy(source, signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const tmpPath = `${this.#prefix}tmp/${stagedName(owner)}`;
      signal?.throwIfAborted();
      const { sdk, client } = await this.#connect();
      const intake = new Intake(Math.min(options.maxBytes ?? MAX_OBJECT_BYTES, MAX_OBJECT_BYTES));
      const upload = new sdk.Upload({
        client,
        queueSize: PARALLEL_PARTS,
        partSize: PART_BYTES,
        params: { Bucket: this.#settings.bucket, Key: tmpPath, Body: recorded(source, intake, signal) },
      });
      await this.#orAborted(upload.done(), signal);
      const contentType = await decideContentType(intake.head(), options.declaredType);
      const staged = { hash: intake.hash(), bytes: intake.bytes, contentType, owner, tmpPath };
      // It may have come too late to stop the upload.
      if (signal?.aborted) {
        await this.discard(staged);
        throw signal.reason;
      }
      return staged;
    } catch (error) {
      destroy(source);
      if (signal?.aborted) throw signal.reason;
      throw error instanceof SourceFault ? error.cause : s3Failed('write', error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async commit(staged: StagedMedia): Promise<void> {
    const key = this.#objectKey(staged.hash);
    if (key === null) throw notFound(staged.hash);
    const from = `${this.#settings.bucket}/${staged.tmpPath}`.split('/').map(encodeURIComponent).join('/');
    try {
      // Also over an equal object: it renews the time of its commit.
      await this.#order(({ CopyObjectCommand }, { client, signal, Bucket }) =>
        client.send(new CopyObjectCommand({ Bucket, Key: key, CopySource: from }), { abortSignal: signal }),
      );
    } catch (error) {
      // Already committed by an earlier call, which removed the staged object.
      const there = isMissing(error) ? await this.stat(staged.hash) : null;
      if (there?.bytes !== staged.bytes) throw s3Failed('store', error);
      return;
    }
    await this.discard(staged);
  }

  async discard(staged: StagedMedia): Promise<void> {
    await this.#delete(staged.tmpPath);
  }

  async open(hash: string, options: { readonly range?: ByteRange } = {}): Promise<OpenedMedia> {
    const key = this.#objectKey(hash);
    if (key === null) throw notFound(hash);
    const { start, end } = options.range ?? { start: 0 };
    const isWhole = start === 0 && end === undefined;
    // What makes no sense as a range is told by the rule that all stores share, against a size that allows everything.
    if (!isWhole) clampRange({ start, ...(end === undefined ? {} : { end }) }, Number.MAX_SAFE_INTEGER);
    const { sdk, client } = await this.#connect();
    try {
      const answer = await client.send(
        new sdk.GetObjectCommand({
          Bucket: this.#settings.bucket,
          Key: key,
          ...(isWhole ? {} : { Range: `bytes=${start}-${end ?? ''}` }),
        }),
      );
      const bytes = answer.ContentLength ?? 0;
      const totalBytes = isWhole ? bytes : Number(answer.ContentRange?.split('/')[1]);
      return { stream: answer.Body as Readable, bytes, totalBytes };
    } catch (error) {
      if (nameOf(error) === 'InvalidRange') clampRange({ start, end: start }, (await this.stat(hash))?.bytes ?? 0);
      throw s3Failed('open', error, hash);
    }
  }

  async stat(hash: string): Promise<ObjectInfo | null> {
    const key = this.#objectKey(hash);
    if (key === null) return null;
    try {
      const head = await this.#order(({ HeadObjectCommand }, { client, signal, Bucket }) =>
        client.send(new HeadObjectCommand({ Bucket, Key: key }), { abortSignal: signal }),
      );
      return { hash, bytes: head.ContentLength ?? 0, committedAt: head.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isMissing(error)) return null;
      throw s3Failed('look at', error);
    }
  }

  async remove(hash: string): Promise<boolean> {
    const key = this.#objectKey(hash);
    if (key === null || (await this.stat(hash)) === null) return false;
    await this.#delete(key);
    return true;
  }

  async *list(): AsyncIterable<ObjectInfo> {
    for await (const { key, bytes, at } of this.#keys('objects/')) {
      const hash = key.slice(key.lastIndexOf('/') + 1);
      if (HASH.test(hash)) yield { hash, bytes, committedAt: at };
    }
  }

  async sweepStaged(filter: StagedFilter): Promise<number> {
    checkFilter(filter);
    let removed = 0;
    for await (const { key, bytes, at } of this.#keys('tmp/')) {
      const file = this.#stagedFile(key, bytes, at);
      if (file === null || !(await isPicked(filter, file))) continue;
      await this.#delete(key);
      removed += 1;
    }
    for (const { key, uploadId, at } of await this.#unfinished()) {
      const file = this.#stagedFile(key, 0, at);
      if (file === null || !(await isPicked(filter, file))) continue;
      await this.#abandon(key, uploadId);
      removed += 1;
    }
    return removed;
  }

  async presign(hash: string, options: PresignOptions): Promise<string> {
    const key = this.#objectKey(hash);
    if (key === null) throw notFound(hash);
    const { sdk, client } = await this.#connect();
    const command = new sdk.GetObjectCommand({
      Bucket: this.#settings.bucket,
      Key: key,
      ResponseContentType: options.contentType,
      ResponseContentDisposition: options.contentDisposition,
      ResponseCacheControl: 'private, max-age=300',
    });
    return sdk.getSignedUrl(client, command, { expiresIn: Math.ceil(options.expiresInMs / 1000) });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    (await connection)?.client.destroy();
  }

  /** Null for what cannot be the name of an object. */
  #objectKey(hash: string): string | null {
    return HASH.test(hash) ? `${this.#prefix}objects/${hash.slice(0, 2)}/${hash}` : null;
  }

  #stagedFile(key: string, bytes: number, at: number): StagedFile | null {
    const owner = ownerOf(key.slice(key.lastIndexOf('/') + 1));
    return owner === null ? null : { owner, bytes, idleMs: Math.max(0, this.#clock.now() - at) };
  }

  async *#keys(folder: string): AsyncIterable<{ readonly key: string; readonly bytes: number; readonly at: number }> {
    let token: string | undefined;
    do {
      const page = await this.#order(({ ListObjectsV2Command }, { client, signal, Bucket }) =>
        client.send(
          new ListObjectsV2Command({
            Bucket,
            Prefix: `${this.#prefix}${folder}`,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          { abortSignal: signal },
        ),
      ).catch((error: unknown) => {
        throw s3Failed('list', error);
      });
      for (const { Key, Size, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { key: Key, bytes: Size ?? 0, at: LastModified?.getTime() ?? 0 };
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Uploads that were begun and neither completed nor aborted; `at` is when the newest part came. */
  async #unfinished(): Promise<{ readonly key: string; readonly uploadId: string; readonly at: number }[]> {
    const found: { key: string; uploadId: string; at: number }[] = [];
    let from: { readonly key: string; readonly uploadId: string } | undefined;
    do {
      const page = await this.#order(({ ListMultipartUploadsCommand }, { client, signal, Bucket }) =>
        client.send(
          new ListMultipartUploadsCommand({
            Bucket,
            Prefix: `${this.#prefix}tmp/`,
            ...(from === undefined ? {} : { KeyMarker: from.key, UploadIdMarker: from.uploadId }),
          }),
          { abortSignal: signal },
        ),
      ).catch((error: unknown) => {
        throw s3Failed('list', error);
      });
      for (const { Key: key = '', UploadId: uploadId = '', Initiated } of page.Uploads ?? [])
        found.push({ key, uploadId, at: Math.max(Initiated?.getTime() ?? 0, await this.#lastPartAt(key, uploadId)) });
      const { NextKeyMarker: key, NextUploadIdMarker: uploadId } = page;
      from = page.IsTruncated && key !== undefined && uploadId !== undefined ? { key, uploadId } : undefined;
    } while (from !== undefined);
    return found;
  }

  async #lastPartAt(key: string, uploadId: string): Promise<number> {
    try {
      const page = await this.#order(({ ListPartsCommand }, { client, signal, Bucket }) =>
        client.send(new ListPartsCommand({ Bucket, Key: key, UploadId: uploadId }), { abortSignal: signal }),
      );
      return Math.max(0, ...(page.Parts ?? []).map((part) => part.LastModified?.getTime() ?? 0));
    } catch (error) {
      // Completed or aborted a moment ago.
      if (isMissing(error) || nameOf(error) === 'NoSuchUpload') return this.#clock.now();
      throw s3Failed('list', error);
    }
  }

  async #abandon(key: string, uploadId: string): Promise<void> {
    try {
      await this.#order(({ AbortMultipartUploadCommand }, { client, signal, Bucket }) =>
        client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }), { abortSignal: signal }),
      );
    } catch (error) {
      if (!isMissing(error) && nameOf(error) !== 'NoSuchUpload') throw s3Failed('remove', error);
    }
  }

  async #delete(key: string): Promise<void> {
    try {
      await this.#order(({ DeleteObjectCommand }, { client, signal, Bucket }) =>
        client.send(new DeleteObjectCommand({ Bucket, Key: key }), { abortSignal: signal }),
      );
    } catch (error) {
      if (!isMissing(error)) throw s3Failed('remove', error);
    }
  }

  /** One order with a time limit of its own, all tries together. */
  async #order<T>(
    work: (
      sdk: S3Sdk,
      call: { readonly client: S3Client; readonly signal: AbortSignal; readonly Bucket: string },
    ) => Promise<T>,
  ): Promise<T> {
    const { sdk, client } = await this.#connect();
    const controller = new AbortController();
    const timer = this.#clock.setTimer(() => controller.abort(), ORDER_MS);
    try {
      return await work(sdk, { client, signal: controller.signal, Bucket: this.#settings.bucket });
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      throw new StorageError('storage_failed', `The S3 server did not answer within ${ORDER_MS} ms.`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /**
   * Waits for an upload, which removes what it sent when its source fails. After an abort it gets a moment for that; on a
   * service that hangs, the rest is left to the sweep.
   */
  async #orAborted(upload: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined) return void (await upload);
    let giveUp: () => void = () => {};
    const tooLong = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    let cancel = () => {};
    const onAbort = () => {
      const timer = this.#clock.setTimer(giveUp, CLEAN_UP_MS);
      cancel = () => timer.cancel();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([upload, tooLong]);
    } finally {
      cancel();
      upload.catch(() => {});
      signal.removeEventListener('abort', onAbort);
    }
  }

  #connect(): Promise<{ readonly sdk: S3Sdk; readonly client: S3Client }> {
    this.#connection ??= loadSdk().then((sdk) => ({ sdk, client: createClient(sdk, this.#settings) }));
    return this.#connection;
  }
}

/** Tells what the source threw from what the service answered. */
class SourceFault extends Error {}

/** The source as the SDK reads it, counted and hashed on the way. */
function recorded(source: Readable | Uint8Array, intake: Intake, signal: AbortSignal | undefined): Readable {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source instanceof Uint8Array ? slices(source) : source) {
        signal?.throwIfAborted();
        for (const slice of slices(intake.accept(chunk))) {
          intake.record(slice);
          yield slice;
        }
      }
      signal?.throwIfAborted();
    } catch (error) {
      throw new SourceFault('The source failed.', { cause: error });
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: 1024 * 1024 });
}
