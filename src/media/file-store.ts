import * as nodeFs from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { decideContentType } from './content-type.js';
import { errno, notFound, storageFailed } from './faults.js';
import { destroy, Intake, slices } from './intake.js';
import { ownerOf, stagedName } from './owner-names.js';
import type {
  ByteRange,
  MediaStore,
  ObjectInfo,
  OpenedMedia,
  StagedFile,
  StagedFilter,
  StagedMedia,
  StageOptions,
} from './store.js';
import { checkFilter, clampRange, HASH, isPicked } from './store-rules.js';

/** The file operations that the store needs; tests put a failing disk here. */
export type MediaFs = Pick<typeof nodeFs, 'mkdir' | 'open' | 'opendir' | 'rename' | 'stat' | 'unlink'>;

export interface FileMediaStoreOptions {
  /** Folder of the store; made when needed. `tmp/` and `objects/` inside must be on one file system. */
  readonly root: string;
  readonly clock: Clock;
  readonly fs?: MediaFs;
}

/** Per read: with the 64 KiB that streams take by themselves, a large file costs twice the work. */
const READ_BYTES = 512 * 1024;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Objects as files: `objects/ab/<hash>`, staged files: `tmp/<owner>@<id>`. One level of 256 folders, because each new folder
 * costs two more flushes, and with two levels nearly every object would have a new one.
 *
 * A file gets its final name only by a rename, after its bytes are on disk, so whatever carries a hash as its name is
 * whole. Several processes may share one root. Files and folders are readable by their owner only.
 */
export class FileMediaStore implements MediaStore {
  readonly #tmp: string;
  readonly #objects: string;
  readonly #clock: Clock;
  readonly #fs: MediaFs;
  /** Folders that this process has made or found, and whose entries it has forced to disk. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor(options: FileMediaStoreOptions) {
    this.#tmp = join(options.root, 'tmp');
    this.#objects = join(options.root, 'objects');
    this.#clock = options.clock;
    this.#fs = options.fs ?? nodeFs;
  }

  async stage(source: Readable | Uint8Array, options: StageOptions): Promise<StagedMedia> {
    const { owner, signal } = options;
    const chunks = source instanceof Uint8Array ? slices(source) : source;
    // It may fail before the loop below listens, and an error event that nobody hears ends the process. The loop throws it.
    if (!(source instanceof Uint8Array)) source.on('error', () => {});
    const onAbort = () => destroy(source, signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const tmpPath = join(this.#tmp, stagedName(owner));
      signal?.throwIfAborted();
      await this.#ensureFolder(this.#tmp);
      const file = await this.#disk('create', this.#fs.open(tmpPath, 'wx', FILE_MODE));
      try {
        const intake = new Intake(options.maxBytes);
        for await (const chunk of chunks) {
          signal?.throwIfAborted();
          for (const slice of slices(intake.accept(chunk))) {
            // Hashed while the disk is busy with it.
            const writing = this.#disk('write', writeAll(file, slice));
            intake.record(slice);
            await writing;
          }
        }
        signal?.throwIfAborted();
        await this.#disk('flush', file.sync());
        await this.#disk('close', file.close());
        const contentType = await decideContentType(intake.head(), options.declaredType);
        return { hash: intake.hash(), bytes: intake.bytes, contentType, owner, tmpPath };
      } catch (error) {
        await file.close().catch(() => {});
        await this.#fs.unlink(tmpPath).catch(() => {});
        throw error;
      }
    } catch (error) {
      destroy(source);
      // The stream reports its destruction in words of its own; the caller knows only the reason that it gave.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async commit(staged: StagedMedia): Promise<void> {
    const path = this.#objectPath(staged.hash);
    if (path === null) throw notFound(staged.hash);
    const folder = join(path, '..');
    await this.#ensureObjectFolder(staged.hash);
    try {
      // Also over an equal object: it renews the time of its commit, and heals a damaged file.
      await this.#fs.rename(staged.tmpPath, path);
    } catch (error) {
      // Already committed by an earlier call: then the object is there, and what remains is to make sure it stays.
      const there = errno(error) === 'ENOENT' ? await this.stat(staged.hash) : null;
      if (there?.bytes !== staged.bytes) {
        this.#forgetFolders(folder);
        throw storageFailed('store', error);
      }
    }
    await this.#disk('flush', this.#syncFolder(folder));
  }

  async discard(staged: StagedMedia): Promise<void> {
    await this.#unlink(staged.tmpPath);
  }

  async open(hash: string, options: { readonly range?: ByteRange } = {}): Promise<OpenedMedia> {
    const path = this.#objectPath(hash);
    if (path === null) throw notFound(hash);
    const file = await this.#fs.open(path, 'r').catch((error: unknown) => {
      throw errno(error) === 'ENOENT' ? notFound(hash) : storageFailed('open', error);
    });
    try {
      const { size } = await this.#disk('read', file.stat());
      const { start, end } = clampRange(options.range ?? { start: 0 }, size);
      const bytes = end - start + 1;
      // An empty object has no last byte to name.
      const stream = file.createReadStream({ highWaterMark: READ_BYTES, ...(size === 0 ? {} : { start, end }) });
      return { stream, bytes, totalBytes: size };
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  async stat(hash: string): Promise<ObjectInfo | null> {
    const path = this.#objectPath(hash);
    if (path === null) return null;
    try {
      const stats = await this.#fs.stat(path);
      // The rename set ctime; mtime is when the last byte was written, which may be long before.
      return { hash, bytes: stats.size, committedAt: Math.floor(stats.ctimeMs) };
    } catch (error) {
      if (errno(error) === 'ENOENT') return null;
      throw storageFailed('look at', error);
    }
  }

  async remove(hash: string): Promise<boolean> {
    const path = this.#objectPath(hash);
    return path === null ? false : this.#unlink(path);
  }

  async *list(): AsyncIterable<ObjectInfo> {
    for await (const folder of this.#names(this.#objects)) {
      for await (const name of this.#names(join(this.#objects, folder))) {
        const info = await this.stat(name);
        if (info !== null) yield info;
      }
    }
  }

  async sweepStaged(filter: StagedFilter): Promise<number> {
    checkFilter(filter);
    let removed = 0;
    for await (const name of this.#names(this.#tmp)) {
      const path = join(this.#tmp, name);
      const file = await this.#stagedFile(path, name);
      if (file === null) continue;
      if (!(await isPicked(filter, file))) continue;
      if (await this.#unlink(path)) removed += 1;
    }
    return removed;
  }

  async #stagedFile(path: string, name: string): Promise<StagedFile | null> {
    const owner = ownerOf(name);
    if (owner === null) return null;
    try {
      const stats = await this.#fs.stat(path);
      return { owner, bytes: stats.size, idleMs: Math.max(0, this.#clock.now() - stats.mtimeMs) };
    } catch (error) {
      if (errno(error) === 'ENOENT') return null;
      throw storageFailed('look at', error);
    }
  }

  /** Null for what cannot be the name of an object, such as a path that leads out of the folder. */
  #objectPath(hash: string): string | null {
    return HASH.test(hash) ? join(this.#objects, hash.slice(0, 2), hash) : null;
  }

  async #ensureObjectFolder(hash: string): Promise<void> {
    await this.#ensureFolder(this.#objects);
    await this.#ensureFolder(join(this.#objects, hash.slice(0, 2)));
  }

  /**
   * Makes a folder and its entry in the parent durable, once per process. Finding the folder there is not enough: who
   * made it may not have flushed it yet, and after a power cut the object would be gone with its folder.
   */
  #ensureFolder(folder: string): Promise<void> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const made = (async () => {
      await this.#disk('make a folder', this.#fs.mkdir(folder, { recursive: true, mode: FOLDER_MODE }));
      await this.#disk('flush', this.#syncFolder(join(folder, '..')));
    })();
    this.#folders.set(folder, made);
    made.catch(() => this.#folders.delete(folder));
    return made;
  }

  /** After a failed rename the folder may have been removed behind our back: make it anew next time. */
  #forgetFolders(folder: string): void {
    this.#folders.delete(folder);
    this.#folders.delete(this.#objects);
  }

  async #syncFolder(folder: string): Promise<void> {
    if (process.platform === 'win32') return; // Windows opens no folders; NTFS journals the entry itself.
    const handle = await this.#fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async *#names(folder: string): AsyncIterable<string> {
    try {
      for await (const entry of await this.#fs.opendir(folder)) yield entry.name;
    } catch (error) {
      // ENOTDIR: a stray file of somebody else's beside our folders.
      const code = errno(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storageFailed('list', error);
    }
  }

  async #unlink(path: string): Promise<boolean> {
    try {
      await this.#fs.unlink(path);
      return true;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw storageFailed('remove', error);
    }
  }

  async #disk<T>(action: string, operation: Promise<T>): Promise<T> {
    try {
      return await operation;
    } catch (error) {
      throw error instanceof EaselError ? error : storageFailed(action, error);
    }
  }
}

/** A write may take less than it was given (a nearly full disk does); only the next one then says why. */
async function writeAll(file: nodeFs.FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset);
    offset += bytesWritten;
  }
}
