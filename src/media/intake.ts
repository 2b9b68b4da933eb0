import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { StorageError } from '../core/errors.js';
import { SNIFF_BYTES } from './content-type.js';

/** Hashing a large buffer in one call would hold up the event loop for its whole length. */
const SLICE_BYTES = 1024 * 1024;

/** Counts, hashes and keeps the first bytes of what passes. */
export class Intake {
  readonly #hash: Hash = createHash('sha256');
  readonly #head = Buffer.allocUnsafe(SNIFF_BYTES);
  readonly #maxBytes: number;
  #announced = 0;
  bytes = 0;

  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /** Checks the limit before anything of the chunk is written. */
  accept(chunk: unknown): Uint8Array {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('The source of a media file must deliver bytes.');
    this.#announced += chunk.length;
    if (this.#announced > this.#maxBytes)
      throw new StorageError('payload_too_large', `The file is larger than ${this.#maxBytes} bytes.`, {
        details: { maxBytes: this.#maxBytes },
      });
    return chunk;
  }

  record(slice: Uint8Array): void {
    this.#hash.update(slice);
    if (this.bytes < SNIFF_BYTES) this.#head.set(slice.subarray(0, SNIFF_BYTES - this.bytes), this.bytes);
    this.bytes += slice.length;
  }

  head(): Uint8Array {
    return this.#head.subarray(0, Math.min(this.bytes, SNIFF_BYTES));
  }

  hash(): string {
    return this.#hash.digest('hex');
  }
}

export function* slices(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) yield bytes.subarray(start, start + SLICE_BYTES);
}

/** Frees what feeds a source that is not read to its end: a socket, a file. */
export function destroy(source: Readable | Uint8Array, reason?: unknown): void {
  if (source instanceof Uint8Array || source.destroyed) return;
  // Nobody else listens any more, and an error event without a listener would end the process.
  source.on('error', () => {});
  source.destroy(reason instanceof Error ? reason : undefined);
}
