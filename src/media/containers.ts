import type { FileHandle } from 'node:fs/promises';
import { EaselError } from '../core/errors.js';

/**
 * Is a film, a sound or a model whole? Containers say how long their parts are, so a file that was cut off is told from its
 * length without decoding anything. What has no such frame (MP3, FLAC) is a shorter sound when it is cut, and passes.
 *
 * Throws `media_invalid`. Reads a few bytes per part, whatever the size of the file.
 */
export async function checkContainer(file: FileHandle, size: number, contentType: string): Promise<void> {
  const reader = new Reader(file, size);
  const check = CHECKS.find(([types]) => types.test(contentType))?.[1];
  if (check !== undefined && !(await check(reader)))
    throw new EaselError('media_invalid', `The file is cut off or damaged: its parts do not fit its ${size} bytes.`, {
      details: { contentType },
    });
}

const MAX_PARTS = 100_000;

class Reader {
  readonly #file: FileHandle;
  readonly size: number;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Fewer bytes than asked for at the end of the file. */
  async at(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, position);
    return bytes.subarray(0, bytesRead);
  }
}

type Check = (reader: Reader) => Promise<boolean>;

/** ISO 14496-12: boxes of a size and a name, up to the end of the file. */
const isWholeMp4: Check = async (reader) => {
  const names = new Set<string>();
  let at = 0;
  for (let count = 0; at < reader.size && count < MAX_PARTS; count += 1) {
    const head = await reader.at(at, 16);
    if (head.length < 8) return false;
    names.add(head.toString('latin1', 4, 8));
    let size = head.readUInt32BE(0);
    if (size === 0) size = reader.size - at;
    else if (size === 1) {
      if (head.length < 16) return false;
      size = Number(head.readBigUInt64BE(8));
    }
    if (size < 8 || at + size > reader.size) return false;
    at += size;
  }
  return at === reader.size && names.has('moov') && (names.has('mdat') || names.has('moof'));
};

/** RFC 8794: elements of an id and a size. The segment may be of unknown size; then its children are walked. */
const isWholeWebm: Check = async (reader) => {
  const header = await element(reader, 0);
  if (header === null || header.size === null) return false;
  const segment = await element(reader, header.start + header.size);
  if (segment === null) return false;
  if (segment.size !== null) return segment.start + segment.size <= reader.size;
  let at = segment.start;
  for (let count = 0; at < reader.size && count < MAX_PARTS; count += 1) {
    const child = await element(reader, at);
    if (child === null) return false;
    // A cluster of unknown size: written live, nothing to measure.
    if (child.size === null) return true;
    at = child.start + child.size;
  }
  return at === reader.size;
};

async function element(reader: Reader, at: number): Promise<{ start: number; size: number | null } | null> {
  const head = await reader.at(at, 12);
  const idLength = lengthOf(head[0]);
  if (idLength === null || idLength > 4) return null;
  const sizeLength = lengthOf(head[idLength]);
  if (sizeLength === null || head.length < idLength + sizeLength) return null;
  const raw = head.subarray(idLength, idLength + sizeLength);
  let size = BigInt((raw[0] ?? 0) & (2 ** (8 - sizeLength) - 1));
  for (const byte of raw.subarray(1)) size = size * 256n + BigInt(byte);
  const isUnknown = size === 2n ** BigInt(7 * sizeLength) - 1n;
  return { start: at + idLength + sizeLength, size: isUnknown ? null : Number(size) };
}

function lengthOf(first: number | undefined): number | null {
  return first === undefined || first === 0 ? null : Math.clz32(first) - 23;
}

/** The size that a RIFF file says of itself; one that was written as a stream says the largest number there is. */
const isWholeRiff: Check = async (reader) => {
  const size = (await reader.at(0, 12)).readUInt32LE(4);
  return size >= 0xffffff00 || size + 8 <= reader.size + 1;
};

/** RFC 3533: pages; the last one of a stream says so. */
const isWholeOgg: Check = async (reader) => {
  let at = 0;
  let ended = false;
  for (let count = 0; at < reader.size && count < MAX_PARTS; count += 1) {
    const head = await reader.at(at, 27 + 255);
    if (head.length < 27 || head.toString('latin1', 0, 4) !== 'OggS') return false;
    const segments = head[26] ?? 0;
    if (head.length < 27 + segments) return false;
    ended = ((head[5] ?? 0) & 4) !== 0;
    at += 27 + segments + head.subarray(27, 27 + segments).reduce((sum, length) => sum + length, 0);
  }
  return ended && at === reader.size;
};

/** glTF 2.0, 4.4: magic, version, length of all. */
const isWholeGlb: Check = async (reader) => {
  const head = await reader.at(0, 12);
  return head.length === 12 && head.readUInt32LE(8) === reader.size;
};

const CHECKS: readonly (readonly [RegExp, Check])[] = [
  [/^(video\/(mp4|quicktime|x-m4v|3gpp2?)|audio\/(mp4|x-m4a))/, isWholeMp4],
  [/^(video|audio)\/(webm|matroska|x-matroska)/, isWholeWebm],
  [/^(audio\/(wav|vnd\.wave|x-wav)|video\/(vnd\.avi|x-msvideo))/, isWholeRiff],
  [/^(audio|video)\/ogg/, isWholeOgg],
  [/^model\/gltf-binary/, isWholeGlb],
];
