import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, constants, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EaselError, StorageError } from '../core/errors.js';

/**
 * Files for the user: whole or not at all, and never over another file unless asked to. A file is written beside its place
 * under a hidden name and then gets its own in one step, so a kill or a full disk leaves no half picture.
 */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface WriteOptions {
  /** True: the first path is taken, whatever is there. False: the first that is free. */
  readonly replace: boolean;
}

/** Writes to the first usable path of `paths`. Throws `storage_failed`, and what the source itself throws. */
export async function writeWhole(
  source: Readable | Uint8Array | string,
  paths: Iterable<string>,
  { replace }: WriteOptions,
): Promise<WrittenFile> {
  let staged: StagedFile | null = null;
  try {
    for (const path of paths) {
      await mkdir(dirname(path), { recursive: true });
      staged ??= await stage(source, path);
      if (!(await place(staged.path, path, replace))) continue;
      const { bytes, sha256 } = staged;
      return { path, bytes, sha256 };
    }
  } catch (error) {
    throw asStorageError(error);
  } finally {
    // Gone already where a rename gave it its name.
    if (staged !== null) await rm(staged.path, { force: true }).catch(() => {});
    if (source instanceof Readable) source.destroy();
  }
  throw new StorageError('storage_failed', 'There is no free name for the file.', {
    hint: 'Choose another --out, or add --force.',
  });
}

interface StagedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function stage(source: Readable | Uint8Array | string, finalPath: string): Promise<StagedFile> {
  const path = join(dirname(finalPath), `.${basename(finalPath)}.${randomBytes(4).toString('hex')}.part`);
  const hash = createHash('sha256');
  let bytes = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  };
  try {
    await pipeline(asStream(source), count, createWriteStream(path, { flags: 'wx', flush: true }));
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

/** False when the name is taken. */
async function place(from: string, to: string, replace: boolean): Promise<boolean> {
  if (replace) {
    await rename(from, to);
    return true;
  }
  try {
    // A link fails where a rename would silently replace.
    await link(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return false;
    // Some file systems (FAT, many network shares) have no links: take the name first, then fill it.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    if (!(await takeName(to))) return false;
    await rename(from, to);
    return true;
  }
  return true;
}

async function takeName(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function asStream(source: Readable | Uint8Array | string): Readable {
  if (source instanceof Readable) return source;
  return Readable.from([typeof source === 'string' ? Buffer.from(source) : Buffer.from(source)]);
}

/** Before long work: can files be made in this folder? Makes it. Throws `storage_failed`. */
export async function ensureWritableFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw asStorageError(error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for the disk',
  EIO: 'the disk has a fault',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a part of the path is a file',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
};

/** What is no fault of a file system (the source broke) stays as it is. */
function asStorageError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof EaselError) return error;
  const { code = '', path, message } = error as NodeJS.ErrnoException;
  const reason = REASONS[code] ?? (path === undefined ? undefined : message);
  if (reason === undefined) return error;
  return new StorageError('storage_failed', `${path ?? 'The file'} cannot be written: ${reason}.`, {
    cause: error,
    hint: 'Choose another place with --out, or check free space and permissions.',
  });
}
