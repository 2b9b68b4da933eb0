import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { picture } from './harness.js';

/** Files that mean harm, and files that are not what they say, made here so that none has to be kept. */
export interface Bomb {
  readonly name: string;
  readonly bytes: Buffer;
  /** What its sender claims. */
  readonly declaredType: string;
}

export async function bombs(): Promise<Bomb[]> {
  const png = await picture('png');
  const jpeg = await picture('jpeg');
  const webp = await picture('webp');
  const html = Buffer.from('<!doctype html><script>alert(1)</script>');
  const svg = Buffer.from(
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
  );
  const bomb = (name: string, declaredType: string, bytes: Buffer): Bomb => ({ name, declaredType, bytes });
  return [
    bomb('a PNG of 400 megapixels', 'image/png', flatPng(20_000, 20_000)),
    bomb('a PNG wider than any', 'image/png', flatPng(2_147_483_647, 2, 1_000)),
    bomb('a GIF of 100,000 frames', 'image/gif', manyFramesGif(100_000)),
    bomb('a WebP of 100,000 frames', 'image/webp', await manyFramesWebp(100_000)),
    bomb('a GIF of few frames and many pixels', 'image/gif', manyFramesGif(900, 7_000, 7_000)),
    bomb('a drawing with a script', 'image/svg+xml', svg),
    bomb('a drawing that says it is a PNG', 'image/png', svg),
    bomb('a drawing of a billion laughs', 'image/svg+xml', laughs()),
    bomb('a PNG with a page behind it', 'image/png', Buffer.concat([png, html])),
    bomb('a JPEG with a page behind it', 'image/jpeg', Buffer.concat([jpeg, html])),
    bomb('a WebP with a page behind it', 'image/webp', Buffer.concat([webp, html])),
    bomb('a GIF with a page behind it', 'image/gif', Buffer.concat([await picture('gif'), html])),
    bomb('a page with a PNG behind it', 'image/png', Buffer.concat([html, png])),
    bomb('a script that begins like a GIF', 'image/gif', Buffer.from('GIF89a/*aaaaaaaaaaaaaaaa*/=1;alert(1)//;')),
    bomb('a page that says it is a JPEG', 'image/jpeg', html),
    bomb(
      'a program that says it is a PNG',
      'image/png',
      Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(99)]),
    ),
    bomb('a PDF', 'application/pdf', Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj<<>>endobj\ntrailer<<>>')),
    bomb(
      'an archive that says it is an MP4',
      'video/mp4',
      Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200)]),
    ),
    bomb('a playlist that says it is a film', 'video/mp4', Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n')),
    bomb('a model that ends within its first line', 'model/gltf-binary', glb().subarray(0, 8)),
    bomb('text', 'text/plain', Buffer.from('hello')),
    bomb('nothing', 'image/png', Buffer.alloc(0)),
  ];
}

/** One whole file of each kind whose length can be told from what is in it. */
export async function wholeFiles(folder: string): Promise<Bomb[]> {
  const pictures = await Promise.all(
    (['png', 'jpeg', 'webp', 'gif', 'avif'] as const).map(async (format) => ({
      name: format,
      declaredType: `image/${format}`,
      bytes: await picture(format, 120, 90),
    })),
  );
  return [
    ...pictures,
    { name: 'wav', declaredType: 'audio/wav', bytes: wav(4_000) },
    { name: 'glb', declaredType: 'model/gltf-binary', bytes: glb() },
    ...films(folder),
  ];
}

/** Empty where there is no ffmpeg to make them with. */
export function films(folder: string): Bomb[] {
  const make = (name: string, declaredType: string, args: readonly string[]): Bomb[] => {
    const path = join(folder, name);
    try {
      execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args, path], { stdio: 'ignore' });
      return [{ name, declaredType, bytes: readFileSync(path) }];
    } catch {
      return [];
    }
  };
  const video = ['-f', 'lavfi', '-i', 'testsrc=duration=2:size=160x120:rate=10'];
  const sound = ['-f', 'lavfi', '-i', 'sine=duration=1'];
  return [
    ...make('film.mp4', 'video/mp4', [...video, '-pix_fmt', 'yuv420p']),
    ...make('film.mov', 'video/quicktime', [...video, '-c:v', 'mpeg4']),
    ...make('film.webm', 'video/webm', [...video, '-c:v', 'libvpx', '-b:v', '200k']),
    ...make('sound.ogg', 'audio/ogg', [...sound, '-c:a', 'libopus']),
    ...make('sound.m4a', 'audio/mp4', [...sound, '-c:a', 'aac']),
  ];
}

/** One colour, one bit a pixel: 400 megapixels in 50 KB. `rows` of data may be fewer than the header promises. */
function flatPng(width: number, height: number, rows = height): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rowBytes = 1 + Math.min(Math.ceil(width / 8), 1_000_000);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(Math.min(rowBytes * rows, 64_000_000)))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A picture whose text chunk unpacks to 100 MB. */
export async function textBomb(): Promise<Buffer> {
  const png = await picture('png');
  const text = Buffer.concat([Buffer.from('prompt\0\0', 'latin1'), deflateSync(Buffer.alloc(100_000_000))]);
  return Buffer.concat([png.subarray(0, 33), chunk('zTXt', text), png.subarray(33)]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

function manyFramesGif(frames: number, width = 1, height = 1): Buffer {
  const screen = Buffer.from('4749463839610000000080000000000000ffffff', 'hex').subarray(0, 19);
  screen.writeUInt16LE(width, 6);
  screen.writeUInt16LE(height, 8);
  const frame = Buffer.from('21f90400010000002c00000000010001000002024401' + '00', 'hex');
  return Buffer.concat([screen, ...Array.from({ length: frames }, () => frame), Buffer.from(';')]);
}

async function manyFramesWebp(frames: number): Promise<Buffer> {
  const one = await sharp({ create: { width: 1, height: 1, channels: 4, background: '#ff000080' } })
    .webp({ lossless: true })
    .toBuffer();
  const bitmap = one.subarray(12);
  const piece = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32LE(data.length, 4);
    return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
  };
  const place = Buffer.alloc(16);
  place.writeUInt8(80, 12);
  const frame = piece('ANMF', Buffer.concat([place, bitmap]));
  const body = Buffer.concat([
    Buffer.from('WEBP'),
    piece('VP8X', Buffer.from([0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    piece('ANIM', Buffer.alloc(6)),
    ...Array.from({ length: frames }, () => frame),
  ]);
  const head = Buffer.alloc(8);
  head.write('RIFF', 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

function laughs(): Buffer {
  const entities = Array.from({ length: 9 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`);
  return Buffer.from(
    `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "lol">${entities.join('')}]><svg xmlns="http://www.w3.org/2000/svg"><text>&l9;</text></svg>`,
  );
}

function wav(samples: number): Buffer {
  const header = Buffer.from(
    '524946460000000057415645666d74201000000001000100401f0000803e0000020010006461746100000000',
    'hex',
  );
  header.writeUInt32LE(36 + samples * 2, 4);
  header.writeUInt32LE(samples * 2, 40);
  return Buffer.concat([header, Buffer.alloc(samples * 2, 7)]);
}

function glb(): Buffer {
  const json = Buffer.from('{"asset":{"version":"2.0"}}'.padEnd(28));
  const head = Buffer.alloc(20);
  head.write('glTF', 'latin1');
  head.writeUInt32LE(2, 4);
  head.writeUInt32LE(20 + json.length, 8);
  head.writeUInt32LE(json.length, 12);
  head.write('JSON', 16, 'latin1');
  return Buffer.concat([head, json]);
}
