import { EaselError } from '../core/errors.js';
import type { ByteRange, StagedFile, StagedFilter } from './store.js';

/** What every store must do alike. */
export const HASH = /^[0-9a-f]{64}$/;

/** First and last byte of what was asked for, of an object of `size` bytes. Throws `request_invalid`. */
export function clampRange(range: ByteRange, size: number): { start: number; end: number } {
  const end = Math.min(range.end ?? size - 1, size - 1);
  const isWhole = range.start === 0 && range.end === undefined;
  if (!isWhole && !(Number.isInteger(range.start) && range.start >= 0 && range.start <= end))
    throw new EaselError('request_invalid', `The range lies outside of the file of ${size} bytes.`, {
      details: { start: range.start, end: range.end ?? null, totalBytes: size },
    });
  return { start: range.start, end };
}

export function checkFilter(filter: StagedFilter): void {
  if (filter.owner === undefined && filter.idleForMs === undefined && filter.isAbandoned === undefined)
    throw new EaselError('request_invalid', 'A sweep without a condition would remove files that are being written.');
}

export async function isPicked(filter: StagedFilter, file: StagedFile): Promise<boolean> {
  if (filter.owner !== undefined && filter.owner !== file.owner) return false;
  if (filter.idleForMs !== undefined && file.idleMs < filter.idleForMs) return false;
  return filter.isAbandoned === undefined || (await filter.isAbandoned(file));
}
