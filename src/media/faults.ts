import { StorageError } from '../core/errors.js';

export function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

export function notFound(hash: string): StorageError {
  return new StorageError('not_found', 'The store has no such file.', { details: { hash: hash.slice(0, 64) } });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free space on the disk of the data folder.',
  EDQUOT: 'The disk quota is used up: free space, or raise the quota.',
  EACCES: 'Give this user read and write permission for the data folder.',
  EPERM: 'Give this user read and write permission for the data folder.',
  EROFS: 'The data folder is on a read-only file system; choose another folder.',
  EXDEV: 'Keep `tmp` and `objects` of the media folder on one file system.',
  EMFILE: 'Raise the limit of open files (`ulimit -n`).',
};

export function storageFailed(action: string, error: unknown): StorageError {
  const code = errno(error);
  const hint = code === undefined ? undefined : HINTS[code];
  return new StorageError('storage_failed', `Could not ${action} a media file${code ? ` (${code})` : ''}.`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { details: { errno: code } }),
  });
}
