import { ByteReader, latin1, textOf } from './bytes.js';

/**
 * Texts of an EXIF block (TIFF structure): the ASCII tags of its first directory, where ComfyUI's animated WebP writer
 * puts `prompt:{…}` (0x0110) and `workflow:{…}` (0x010F, 0x010E, …), and UserComment, where third-party savers put JSON
 * (`comfyui.md` 5).
 */
const TAG_EXIF_DIRECTORY = 0x8769;
const TAG_USER_COMMENT = 0x9286;
const TYPE_ASCII = 2;
const TYPE_UNDEFINED = 7;
const BYTES_PER_TYPE: Readonly<Record<number, number>> = { 1: 1, [TYPE_ASCII]: 1, [TYPE_UNDEFINED]: 1 };
const ENTRY_BYTES = 12;
const MAX_ENTRIES = 1_000;

/** In the order of the file, UserComment last. `maxTextBytes` bounds what is returned in total. */
export function readExifTexts(block: Uint8Array, maxTextBytes: number): string[] {
  const reader = new ByteReader(withoutExifHeader(block));
  const order = reader.slice(0, 2);
  if (order === undefined) return [];
  const mark = latin1(order);
  if (mark !== 'II' && mark !== 'MM') return [];
  const littleEndian = mark === 'II';

  const texts: string[] = [];
  let left = maxTextBytes;
  // Many entries may point at the same bytes, so the bound is on what is decoded, not on the size of the block.
  const add = (data: Uint8Array, decode: (data: Uint8Array) => string): void => {
    if (data.length === 0 || data.length > left) return;
    left -= data.length;
    texts.push(withoutTrailingZeros(decode(data)));
  };
  const first = readDirectory(reader, reader.uint32(4, littleEndian), littleEndian);
  for (const entry of first) if (entry.type === TYPE_ASCII) add(entry.data(), textOf);
  const nested = first.find(({ tag }) => tag === TAG_EXIF_DIRECTORY)?.pointer;
  const comments = [...readDirectory(reader, nested, littleEndian), ...first].filter(
    ({ tag }) => tag === TAG_USER_COMMENT,
  );
  for (const comment of comments) add(comment.data(), (data) => readUserComment(data, littleEndian));
  return texts;
}

/** JPEG and some WebP writers put `Exif\0\0` before the TIFF header. */
function withoutExifHeader(block: Uint8Array): Uint8Array {
  return latin1(block.subarray(0, 6)) === 'Exif\0\0' ? block.subarray(6) : block;
}

interface DirectoryEntry {
  readonly tag: number;
  readonly type: number;
  /** The value field read as a number: for a pointer, the offset of its target. */
  readonly pointer: number;
  /** Empty when the entry points outside of the block. */
  data(): Uint8Array;
}

function readDirectory(reader: ByteReader, offset: number | undefined, littleEndian: boolean): DirectoryEntry[] {
  const count = offset === undefined ? undefined : reader.uint16(offset, littleEndian);
  if (offset === undefined || count === undefined) return [];
  const entries: DirectoryEntry[] = [];
  for (let index = 0; index < Math.min(count, MAX_ENTRIES); index++) {
    const start = offset + 2 + index * ENTRY_BYTES;
    const tag = reader.uint16(start, littleEndian);
    const type = reader.uint16(start + 2, littleEndian);
    const length = reader.uint32(start + 4, littleEndian);
    const pointer = reader.uint32(start + 8, littleEndian);
    if (tag === undefined || type === undefined || length === undefined || pointer === undefined) break;
    const bytes = length * (BYTES_PER_TYPE[type] ?? 0);
    // Up to four bytes are stored in the entry itself.
    const dataOffset = bytes <= 4 ? start + 8 : pointer;
    entries.push({ tag, type, pointer, data: () => reader.slice(dataOffset, bytes) ?? new Uint8Array() });
  }
  return entries;
}

/** Eight bytes name the character set; what follows is the text. */
function readUserComment(data: Uint8Array, littleEndian: boolean): string {
  const charset = latin1(data.subarray(0, 8));
  const body = data.subarray(8);
  if (charset.startsWith('UNICODE')) return utf16(body, littleEndian);
  if (charset.startsWith('ASCII') || charset === '\0'.repeat(8)) return textOf(body);
  return textOf(data);
}

/** The byte order of the block is what the standard asks for, but writers use either: a `{` tells which it is. */
function utf16(body: Uint8Array, littleEndian: boolean): string {
  const marked = body[0] === 0xff && body[1] === 0xfe ? true : body[0] === 0xfe && body[1] === 0xff ? false : undefined;
  const guessed = body[0] === 0 ? false : body[1] === 0 ? true : undefined;
  const little = marked ?? guessed ?? littleEndian;
  const even = Buffer.from(body.subarray(marked === undefined ? 0 : 2));
  const whole = even.subarray(0, even.length - (even.length % 2));
  return (little ? whole : whole.swap16()).toString('utf16le');
}

function withoutTrailingZeros(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
}
