import { crc32, deflateSync } from 'node:zlib';

/** Byte-level builders of pictures with metadata, for tests. The pictures hold no image data. */
export function png(...chunks: Buffer[]): Buffer {
  const header = pngChunk('IHDR', Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    header,
    ...chunks,
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  // Node before 20.15 has no crc32; readers here do not check it.
  frame.writeUInt32BE(typeof crc32 === 'function' ? crc32(body) : 0, 4 + body.length);
  return frame;
}

export const tEXt = (keyword: string, text: string) => pngChunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
export const comf = (keyword: string, text: string) => pngChunk('comf', Buffer.from(`${keyword}\0${text}`, 'latin1'));
export const zTXt = (keyword: string, text: string) =>
  pngChunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`, 'latin1'), deflateSync(text)]));
export const iTXt = (keyword: string, text: string, compressed = false) =>
  pngChunk(
    'iTXt',
    Buffer.concat([
      Buffer.from(`${keyword}\0${compressed ? '\x01' : '\0'}\0en\0\0`, 'latin1'),
      compressed ? deflateSync(text) : Buffer.from(text),
    ]),
  );

export interface ExifTexts {
  /** ASCII tags of the first directory. */
  readonly ascii?: Readonly<Record<number, string>>;
  /** Raw UserComment, eight bytes of character set included. */
  readonly userComment?: Buffer;
  readonly bigEndian?: boolean;
}

/** A TIFF structure with two directories at most. */
export function exif({ ascii = {}, userComment, bigEndian = false }: ExifTexts): Buffer {
  const entries = Object.entries(ascii).map(([tag, text]) => ({
    tag: Number(tag),
    type: 2,
    data: Buffer.from(`${text}\0`),
  }));
  const directory = (count: number): number => 2 + count * 12 + 4;
  const firstCount = entries.length + (userComment === undefined ? 0 : 1);
  const size = 8 + directory(firstCount) + (userComment === undefined ? 0 : directory(1));
  const head = Buffer.alloc(size);
  const tail: Buffer[] = [];
  let end = size;
  const u16 = (value: number, at: number) =>
    bigEndian ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at);
  const u32 = (value: number, at: number) =>
    bigEndian ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at);
  const entry = (at: number, tag: number, type: number, count: number, value: number): void => {
    u16(tag, at);
    u16(type, at + 2);
    u32(count, at + 4);
    u32(value, at + 8);
  };
  const store = (data: Buffer): number => {
    tail.push(data);
    end += data.length;
    return end - data.length;
  };
  head.write(bigEndian ? 'MM' : 'II', 0, 'latin1');
  u16(42, 2);
  u32(8, 4);
  u16(firstCount, 8);
  entries.forEach(({ tag, type, data }, index) => {
    entry(10 + index * 12, tag, type, data.length, store(data));
  });
  if (userComment !== undefined) {
    const second = 8 + directory(firstCount);
    entry(10 + entries.length * 12, 0x8769, 4, 1, second);
    u16(1, second);
    entry(second + 2, 0x9286, 7, userComment.length, store(userComment));
  }
  return Buffer.concat([head, ...tail]);
}

export function webp(...exifBlocks: Buffer[]): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(type, 0, 'latin1');
    head.writeUInt32LE(data.length, 4);
    return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
  };
  const body = Buffer.concat([
    Buffer.from('WEBP'),
    chunk('VP8X', Buffer.alloc(10)),
    ...exifBlocks.map((data) => chunk('EXIF', data)),
  ]);
  const head = Buffer.alloc(8);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

export function jpeg(segments: readonly (readonly [marker: number, data: Buffer])[]): Buffer {
  const parts = segments.map(([marker, data]) => {
    const head = Buffer.from([0xff, marker, 0, 0]);
    head.writeUInt16BE(data.length + 2, 2);
    return Buffer.concat([head, data]);
  });
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...parts, Buffer.from([0xff, 0xda, 0, 2, 0xff, 0xd9])]);
}
