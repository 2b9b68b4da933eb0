import { crc32 } from 'node:zlib';

/**
 * Animated PNG: the picture data of several PNG files in one, with frame headers between (PNG specification, third
 * edition, acTL, fcTL, fdAT). All files must have one size and kind, as one encoder with one setting makes them.
 */
export interface ApngOptions {
  readonly delayMs: number;
  /** Written as private `comf` chunks after the picture data, `keyword \0 text` in Latin-1 (comfyui.md 5). */
  readonly texts: readonly (readonly [keyword: string, text: string])[];
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

const SIGNATURE_LENGTH = 8;
const DELAY_UNIT = 1000;

export function encodeApng(pngs: readonly Buffer[], options: ApngOptions): Buffer {
  const [first] = pngs;
  if (!first) throw new RangeError('An animation needs a frame.');
  const header = chunksOf(first).find((chunk) => chunk.type === 'IHDR')!.data;
  const parts: Buffer[] = [first.subarray(0, SIGNATURE_LENGTH), chunk('IHDR', header)];
  const isAnimated = pngs.length > 1;
  if (isAnimated) parts.push(chunk('acTL', integers(pngs.length, 0)));
  let sequence = 0;
  pngs.forEach((png, index) => {
    if (isAnimated) parts.push(chunk('fcTL', frameHeader(sequence++, header, options.delayMs)));
    for (const { type, data } of chunksOf(png)) {
      if (type !== 'IDAT') continue;
      // The first frame stays readable for programs that know nothing of animations.
      if (index === 0) parts.push(chunk('IDAT', data));
      else parts.push(chunk('fdAT', Buffer.concat([integers(sequence++), data])));
    }
  });
  for (const [keyword, text] of options.texts) parts.push(chunk('comf', Buffer.from(`${keyword}\0${text}`, 'latin1')));
  parts.push(chunk('IEND', Buffer.alloc(0)));
  return Buffer.concat(parts);
}

function frameHeader(sequence: number, header: Buffer, delayMs: number): Buffer {
  const size = header.subarray(0, 8);
  const rest = Buffer.alloc(6);
  rest.writeUInt16BE(Math.min(delayMs, 0xffff), 0);
  rest.writeUInt16BE(DELAY_UNIT, 2);
  return Buffer.concat([integers(sequence), size, integers(0, 0), rest]);
}

function integers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([integers(data.length), typed, integers(crc32(typed))]);
}

export function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_LENGTH; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}
