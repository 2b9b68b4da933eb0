import { asciiJson } from './python-json.js';

/**
 * Text chunks of PNG files, where ComfyUI keeps the executed graph (`prompt`) and the UI workflow (`workflow`):
 * `tEXt` chunks with ASCII-escaped JSON, right after the header (comfyui.md 5).
 */
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Signature, and the IHDR chunk, which has a fixed size. */
const END_OF_HEADER = SIGNATURE.length + 4 + 4 + 13 + 4;

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(typed.length + 8);
  out.writeUInt32BE(data.length, 0);
  typed.copy(out, 4);
  out.writeUInt32BE(crc32(typed), typed.length + 4);
  return out;
}

/** `tEXt` holds Latin-1 only; other text goes into `iTXt`, as the writer of a real server does it. */
function textChunk(keyword: string, text: string): Buffer {
  const key = Buffer.from(`${keyword}\0`, 'latin1');
  if (!/[^\0-\u00ff]/.test(text)) return chunk('tEXt', Buffer.concat([key, Buffer.from(text, 'latin1')]));
  // Compression flag and method, empty language tag, empty translated keyword.
  return chunk('iTXt', Buffer.concat([key, Buffer.from([0, 0, 0, 0]), Buffer.from(text, 'utf8')]));
}

/** Returns the PNG with one text chunk per entry inserted after its header. Throws RangeError when it is no PNG. */
export function insertPngText(png: Buffer, entries: Iterable<readonly [keyword: string, text: string]>): Buffer {
  if (png.length < END_OF_HEADER || !png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
    throw new RangeError('These bytes are not a PNG file.');
  }
  const chunks = Array.from(entries, ([keyword, text]) => textChunk(keyword, text));
  return Buffer.concat([png.subarray(0, END_OF_HEADER), ...chunks, png.subarray(END_OF_HEADER)]);
}

/** The text entries that a save node of a real server writes: `prompt`, and one per key of `extra_pnginfo`. */
export function embeddedTexts(prompt: unknown, extraPngInfo: Readonly<Record<string, unknown>>): [string, string][] {
  return [
    ['prompt', asciiJson(prompt)],
    ...Object.entries(extraPngInfo).map(([key, value]): [string, string] => [key, asciiJson(value)]),
  ];
}

/** The `tEXt` and plain `iTXt` entries of a PNG, in order; none when the bytes are no PNG. Stops at damage. */
export function readPngText(png: Buffer): [keyword: string, text: string][] {
  const entries: [string, string][] = [];
  if (!png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return entries;
  for (let at = SIGNATURE.length; at + 8 <= png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (data.length < length || type === 'IEND') break;
    const end = data.indexOf(0);
    if (type === 'tEXt' && end > 0) entries.push([data.toString('latin1', 0, end), data.toString('latin1', end + 1)]);
    if (type === 'iTXt' && end > 0 && data[end + 1] === 0) {
      const languageEnd = data.indexOf(0, end + 3);
      const keywordEnd = data.indexOf(0, languageEnd + 1);
      entries.push([data.toString('latin1', 0, end), data.toString('utf8', keywordEnd + 1)]);
    }
    at += length + 12;
  }
  return entries;
}
