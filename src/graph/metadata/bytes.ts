/**
 * Bounds-checked reading of untrusted bytes. Every reader of this folder returns less, never throws, when a file is cut
 * off or lies about its lengths.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Undefined outside of the bytes. */
  uint16(offset: number, littleEndian = false): number | undefined {
    return this.#has(offset, 2) ? this.#view.getUint16(offset, littleEndian) : undefined;
  }

  uint32(offset: number, littleEndian = false): number | undefined {
    return this.#has(offset, 4) ? this.#view.getUint32(offset, littleEndian) : undefined;
  }

  /** Undefined when any of it lies outside. No copy. */
  slice(offset: number, length: number): Uint8Array | undefined {
    return this.#has(offset, length) ? this.bytes.subarray(offset, offset + length) : undefined;
  }

  /** Four-character codes of PNG and RIFF. */
  fourCC(offset: number): string | undefined {
    const code = this.slice(offset, 4);
    return code === undefined ? undefined : latin1(code);
  }

  #has(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.bytes.length;
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** UTF-8 where the bytes are that, Latin-1 otherwise: writers disagree about what a text chunk holds. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

/** Text fields found in a file, by key; a later one replaces an earlier one, as image libraries do. */
export type TextFields = Map<string, string>;
