import { inflateSync } from 'node:zlib';
import { ByteReader, latin1, type TextFields, textOf } from './bytes.js';

/**
 * Text of a PNG file: `tEXt`, `zTXt`, `iTXt`, and the private `comf` chunk that ComfyUI's animated PNG writer uses after
 * the image data (`comfyui.md` 5). Checksums are not verified: a wrong one does not make the text unreadable.
 */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;

const MAX_CHUNKS = 100_000;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, index) => bytes[index] === byte);
}

/** `maxTextBytes` bounds what all texts together may take when unpacked; the rest is left out. */
export function readPngText(bytes: Uint8Array, maxTextBytes: number): TextFields {
  const reader = new ByteReader(bytes);
  const fields: TextFields = new Map();
  const inflater = new BoundedInflater(maxTextBytes);
  let offset = SIGNATURE.length;
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const length = reader.uint32(offset);
    const type = reader.fourCC(offset + 4);
    if (length === undefined || type === undefined || type === 'IEND') break;
    const data = reader.slice(offset + 8, length);
    if (data === undefined) break;
    const field = readChunk(type, data, inflater);
    if (field !== undefined && field.text.length <= maxTextBytes) fields.set(field.keyword, field.text);
    // Length, type, data, checksum.
    offset += 12 + length;
  }
  return fields;
}

interface TextField {
  readonly keyword: string;
  readonly text: string;
}

function readChunk(type: string, data: Uint8Array, inflater: BoundedInflater): TextField | undefined {
  switch (type) {
    case 'tEXt':
    case 'comf':
      return readPlain(data);
    case 'zTXt':
      return readCompressed(data, inflater);
    case 'iTXt':
      return readInternational(data, inflater);
    default:
      return undefined;
  }
}

function readPlain(data: Uint8Array): TextField | undefined {
  const end = data.indexOf(0);
  if (end < 1) return undefined;
  return { keyword: latin1(data.subarray(0, end)), text: textOf(data.subarray(end + 1)) };
}

/** Keyword, 0, compression method (0), deflated text. */
function readCompressed(data: Uint8Array, inflater: BoundedInflater): TextField | undefined {
  const end = data.indexOf(0);
  if (end < 1 || data[end + 1] !== 0) return undefined;
  const text = inflater.inflate(data.subarray(end + 2));
  return text === undefined ? undefined : { keyword: latin1(data.subarray(0, end)), text: textOf(text) };
}

/** Keyword, 0, compression flag, method, language, 0, translated keyword, 0, UTF-8 text. */
function readInternational(data: Uint8Array, inflater: BoundedInflater): TextField | undefined {
  const keywordEnd = data.indexOf(0);
  if (keywordEnd < 1) return undefined;
  const languageEnd = data.indexOf(0, keywordEnd + 3);
  const translatedEnd = languageEnd === -1 ? -1 : data.indexOf(0, languageEnd + 1);
  if (translatedEnd === -1) return undefined;
  const body = data.subarray(translatedEnd + 1);
  const text = data[keywordEnd + 1] === 1 ? inflater.inflate(body) : body;
  return text === undefined ? undefined : { keyword: latin1(data.subarray(0, keywordEnd)), text: textOf(text) };
}

const MAX_INFLATE_FAILURES = 4;

/**
 * One budget for the whole file: a picture of many small chunks that each unpack to the limit would otherwise cost
 * minutes. A failure is charged too, since a bomb may unpack a lot before it fails.
 */
class BoundedInflater {
  #left: number;
  #failures = 0;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  /** Undefined for damaged data and when the budget does not suffice. */
  inflate(data: Uint8Array): Uint8Array | undefined {
    if (this.#left < 1 || this.#failures >= MAX_INFLATE_FAILURES) return undefined;
    try {
      const text = inflateSync(data, { maxOutputLength: this.#left });
      this.#left -= text.length;
      return text;
    } catch {
      this.#failures++;
      return undefined;
    }
  }
}
