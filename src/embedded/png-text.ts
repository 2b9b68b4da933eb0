import { stringifyLossless } from '../core/json.js';

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

/**
 * JSON as Python's `json.dumps` writes it: a space after `:` and `,`, and everything beyond ASCII escaped. Readers of
 * PNG metadata decode `tEXt` as Latin-1, so a raw UTF-8 byte would come back as two wrong characters.
 */
export function asciiJson(value: unknown): string {
  return escapeNonAscii(spaced(value));
}

function escapeNonAscii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => spaced(item ?? null)).join(', ')}]`;
  if (typeof value === 'number' && !Number.isFinite(value)) return pythonToken(value);
  if (typeof value !== 'object' || value === null) return stringifyLossless(value ?? null);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`).join(', ')}}`;
}

function pythonToken(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}
