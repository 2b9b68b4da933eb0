import { ByteReader, latin1 } from './bytes.js';

/** Where WebP and JPEG files keep their EXIF block, and JPEG its comments. */

const MAX_PARTS = 100_000;
/** A sound file has one. Each may be costly to read, so a hostile file must not bring thousands. */
const MAX_EXIF_BLOCKS = 2;

export function isWebp(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, 4)) === 'RIFF' && latin1(bytes.subarray(8, 12)) === 'WEBP';
}

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** RIFF: four-character code, little-endian length, data padded to an even length. */
export function webpExifBlocks(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes);
  const blocks: Uint8Array[] = [];
  let offset = 12;
  for (let count = 0; count < MAX_PARTS; count++) {
    const type = reader.fourCC(offset);
    const length = reader.uint32(offset + 4, true);
    if (type === undefined || length === undefined) break;
    const data = reader.slice(offset + 8, length);
    if (data === undefined) break;
    if (type === 'EXIF' && blocks.length < MAX_EXIF_BLOCKS) blocks.push(data);
    offset += 8 + length + (length % 2);
  }
  return blocks;
}

export interface JpegTexts {
  readonly exif: readonly Uint8Array[];
  readonly comments: readonly Uint8Array[];
}

const MARKER_START_OF_SCAN = 0xda;
const MARKER_END = 0xd9;
const MARKER_APP1 = 0xe1;
const MARKER_COMMENT = 0xfe;

/** Segments before the image data: 0xFF, marker, big-endian length that counts itself. */
export function jpegTexts(bytes: Uint8Array): JpegTexts {
  const reader = new ByteReader(bytes);
  const exif: Uint8Array[] = [];
  const comments: Uint8Array[] = [];
  let offset = 2;
  for (let count = 0; count < MAX_PARTS; count++) {
    if (bytes[offset] !== 0xff) break;
    const marker = bytes[offset + 1];
    // 0xFF may be repeated as filling.
    if (marker === 0xff) {
      offset++;
      continue;
    }
    if (marker === undefined || marker === MARKER_START_OF_SCAN || marker === MARKER_END) break;
    const length = reader.uint16(offset + 2);
    if (length === undefined || length < 2) break;
    const data = reader.slice(offset + 4, length - 2);
    if (data === undefined) break;
    const isExif = marker === MARKER_APP1 && latin1(data.subarray(0, 4)) === 'Exif';
    if (isExif && exif.length < MAX_EXIF_BLOCKS) exif.push(data);
    if (marker === MARKER_COMMENT) comments.push(data);
    offset += 2 + length;
  }
  return { exif, comments };
}
