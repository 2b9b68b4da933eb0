import { createHash } from 'node:crypto';

/** FLAC files with 16 bits per sample (RFC 9639): fixed prediction of second order, one Rice parameter per block. */
export interface FlacOptions {
  readonly sampleRate: number;
  /** Vorbis comments. */
  readonly tags: readonly (readonly [name: string, text: string])[];
}

const BLOCK = 4096;
const BITS = 16;
const ORDER = 2;
const MAX_RICE = 14;
const VENDOR = 'easel';
const BLOCKS_PER_BREATH = 8;

/**
 * `channels`: one or two arrays of equally many samples in -1..1. Lets other work of the process run in between.
 */
export async function encodeFlac(channels: readonly Float32Array[], options: FlacOptions): Promise<Buffer> {
  const samples = channels.map((channel) => Int32Array.from(channel, toInteger));
  const length = samples[0]?.length ?? 0;
  const frames: Buffer[] = [];
  for (let start = 0; start < length; start += BLOCK) {
    const block = samples.map((channel) => channel.subarray(start, Math.min(length, start + BLOCK)));
    frames.push(encodeFrame(block, start / BLOCK));
    if (frames.length % BLOCKS_PER_BREATH === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return Buffer.concat([
    Buffer.from('fLaC', 'latin1'),
    metadata(0, streamInfo(samples, length, options.sampleRate), false),
    metadata(4, comments(options.tags), true),
    ...frames,
  ]);
}

function toInteger(value: number): number {
  return Math.round(Math.min(1, Math.max(-1, value)) * 32767);
}

function metadata(kind: number, body: Buffer, isLast: boolean): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  head[0] = kind | (isLast ? 0x80 : 0);
  return Buffer.concat([head, body]);
}

function streamInfo(samples: readonly Int32Array[], length: number, sampleRate: number): Buffer {
  const bits = new BitWriter();
  bits.write(BLOCK, 16);
  bits.write(BLOCK, 16);
  // Smallest and largest frame: unknown.
  bits.write(0, 24);
  bits.write(0, 24);
  bits.write(sampleRate, 20);
  bits.write(samples.length - 1, 3);
  bits.write(BITS - 1, 5);
  bits.write(Math.floor(length / 2 ** 32), 4);
  bits.write(length >>> 0, 32);
  return Buffer.concat([bits.bytes(), createHash('md5').update(interleaved(samples, length)).digest()]);
}

function interleaved(samples: readonly Int32Array[], length: number): Buffer {
  const bytes = Buffer.alloc(length * samples.length * 2);
  for (let i = 0, at = 0; i < length; i++) {
    for (const channel of samples) at = bytes.writeInt16LE(channel[i]!, at);
  }
  return bytes;
}

function comments(tags: FlacOptions['tags']): Buffer {
  const sized = (text: string) => {
    const body = Buffer.from(text, 'utf8');
    const size = Buffer.alloc(4);
    size.writeUInt32LE(body.length);
    return Buffer.concat([size, body]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(tags.length);
  return Buffer.concat([sized(VENDOR), count, ...tags.map(([name, text]) => sized(`${name}=${text}`))]);
}

function encodeFrame(block: readonly Int32Array[], number: number): Buffer {
  const length = block[0]!.length;
  const bits = new BitWriter();
  bits.write(0b11111111_11111000, 16);
  // The block's size follows as 16 bits; the sample rate stands in the stream's head.
  bits.write(0b0111, 4);
  bits.write(0, 4);
  bits.write(block.length - 1, 4);
  bits.write(0b100, 3);
  bits.write(0, 1);
  for (const byte of codedNumber(number)) bits.write(byte, 8);
  bits.write(length - 1, 16);
  bits.write(checksum(bits.bytes(), 8, 0x07), 8);
  for (const channel of block) writeSubframe(bits, channel);
  bits.align();
  const body = bits.bytes();
  const end = Buffer.alloc(2);
  end.writeUInt16BE(checksum(body, 16, 0x8005));
  return Buffer.concat([body, end]);
}

/** Numbers are coded as UTF-8 codes characters, and a little further. */
function codedNumber(value: number): number[] {
  if (value < 0x80) return [value];
  const tail: number[] = [];
  let rest = value;
  for (let limit = 0x40; rest >= limit; limit >>= 1) {
    tail.unshift(0x80 | (rest & 0x3f));
    rest = Math.floor(rest / 64);
    if (rest < limit >> 1) break;
  }
  const mark = (0xff << (7 - tail.length)) & 0xff;
  return [mark | rest, ...tail];
}

function writeSubframe(bits: BitWriter, samples: Int32Array): void {
  const order = Math.min(ORDER, samples.length);
  bits.write(0, 1);
  bits.write(0b001000 | order, 6);
  bits.write(0, 1);
  for (let i = 0; i < order; i++) bits.write(samples[i]!, BITS);
  const residual = new Uint32Array(samples.length - order);
  let total = 0;
  for (let i = order; i < samples.length; i++) {
    const guess = order === 2 ? 2 * samples[i - 1]! - samples[i - 2]! : order === 1 ? samples[i - 1]! : 0;
    const error = samples[i]! - guess;
    const folded = error >= 0 ? error * 2 : -error * 2 - 1;
    residual[i - order] = folded;
    total += folded;
  }
  const mean = residual.length > 0 ? total / residual.length : 0;
  const rice = Math.min(MAX_RICE, Math.max(0, Math.floor(Math.log2(mean + 1))));
  bits.write(0, 2);
  bits.write(0, 4);
  bits.write(rice, 4);
  for (const value of residual) {
    bits.zeros(value >>> rice);
    bits.write(1, 1);
    bits.write(value & ((1 << rice) - 1), rice);
  }
}

function checksum(bytes: Buffer, width: 8 | 16, polynomial: number): number {
  const top = 1 << (width - 1);
  const mask = (1 << width) - 1;
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) value = (value & top ? (value << 1) ^ polynomial : value << 1) & mask;
  }
  return value;
}

/** Writes numbers bit by bit, the highest first. */
class BitWriter {
  #bytes = Buffer.alloc(1 << 14);
  #length = 0;
  #pending = 0;
  #count = 0;

  /** The lowest `width` bits of a number, up to 32. */
  write(value: number, width: number): void {
    for (let left = width; left > 0; ) {
      const take = Math.min(8 - this.#count, left);
      const part = (value >>> (left - take)) & ((1 << take) - 1);
      this.#pending = (this.#pending << take) | part;
      this.#count += take;
      left -= take;
      if (this.#count === 8) this.#flush();
    }
  }

  zeros(count: number): void {
    for (let left = count; left > 0; left -= 32) this.write(0, Math.min(32, left));
  }

  align(): void {
    if (this.#count > 0) this.write(0, 8 - this.#count);
  }

  /** What is complete so far. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #flush(): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
    this.#bytes[this.#length++] = this.#pending;
    this.#pending = 0;
    this.#count = 0;
  }
}
