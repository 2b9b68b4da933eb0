/**
 * MP4 files of JPEG pictures: every frame stands for itself, so no video encoder is needed (ISO/IEC 14496-12 and -14;
 * object type 0x6C is JPEG). Players and converters read them; web browsers do not.
 */
export interface Mp4Options {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly tags: readonly (readonly [name: string, text: string])[];
}

const JPEG_OBJECT_TYPE = 0x6c;
/** Ticks per second of the clock; a multiple of most frame rates. */
const TIME_SCALE = 90_000;
const UNITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const UNDETERMINED_LANGUAGE = 0x55c4;
const UTF8_TEXT = 1;

export function encodeMp4(jpegs: readonly Buffer[], options: Mp4Options): Buffer {
  const type = box('ftyp', [ascii('isom'), integers(0x200), ascii('isomiso2mp41')]);
  const ticks = Math.max(1, Math.round(TIME_SCALE / options.fps));
  // The offset of the frames depends on the size of what comes before, which does not depend on the offset.
  const size = movie(jpegs, options, ticks, 0).length;
  const head = movie(jpegs, options, ticks, type.length + size + 8);
  return Buffer.concat([type, head, box('mdat', jpegs)]);
}

function movie(jpegs: readonly Buffer[], options: Mp4Options, ticks: number, offset: number): Buffer {
  const duration = ticks * jpegs.length;
  const { width, height } = options;
  const movieHeader = full('mvhd', 0, [
    integers(0, 0, TIME_SCALE, duration, 0x10000),
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    integers(...UNITY_MATRIX, 0, 0, 0, 0, 0, 0, 2),
  ]);
  const trackHeader = full('tkhd', 3, [
    integers(0, 0, 1, 0, duration, 0, 0, 0, 0),
    integers(...UNITY_MATRIX, width * 0x10000, height * 0x10000),
  ]);
  const mediaHeader = full('mdhd', 0, [integers(0, 0, TIME_SCALE, duration), shorts(UNDETERMINED_LANGUAGE, 0)]);
  const handler = full('hdlr', 0, [integers(0), ascii('vide'), integers(0, 0, 0), ascii('video\0')]);
  const reference = box('dinf', [full('dref', 0, [integers(1), full('url ', 1, [])])]);
  const media = box('minf', [full('vmhd', 1, [shorts(0, 0, 0, 0)]), reference, samples(jpegs, options, ticks, offset)]);
  const track = box('trak', [trackHeader, box('mdia', [mediaHeader, handler, media])]);
  return box('moov', [movieHeader, track, tagsOf(options.tags)]);
}

function samples(jpegs: readonly Buffer[], { width, height }: Mp4Options, ticks: number, offset: number): Buffer {
  const entry = box('mp4v', [
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
    Buffer.alloc(16),
    shorts(width, height),
    integers(0x480000, 0x480000, 0),
    shorts(1),
    Buffer.alloc(32),
    shorts(24, 0xffff),
    full('esds', 0, [decoderDescription()]),
  ]);
  return box('stbl', [
    full('stsd', 0, [integers(1), entry]),
    full('stts', 0, [integers(1, jpegs.length, ticks)]),
    full('stsc', 0, [integers(1, 1, jpegs.length, 1)]),
    full('stsz', 0, [integers(0, jpegs.length, ...jpegs.map((jpeg) => jpeg.length))]),
    full('stco', 0, [integers(1, offset)]),
  ]);
}

/** Elementary stream, decoder configuration and synchronisation descriptors, nested. */
function decoderDescription(): Buffer {
  const videoStream = 0x11;
  const decoder = descriptor(4, [Buffer.from([JPEG_OBJECT_TYPE, videoStream, 0, 0, 0]), integers(0, 0)]);
  return descriptor(3, [Buffer.from([0, 1, 0]), decoder, descriptor(6, [Buffer.from([2])])]);
}

function descriptor(tag: number, content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, body.length]), body]);
}

/** Free-form tags, as a muxer writes them that allows any key (comfyui.md 5). */
function tagsOf(tags: Mp4Options['tags']): Buffer {
  const keys = tags.map(([name]) => box('mdta', [Buffer.from(name, 'utf8')]));
  const values = tags.map(([, value], index) => {
    const data = box('data', [integers(UTF8_TEXT, 0), Buffer.from(value, 'utf8')]);
    return Buffer.concat([integers(data.length + 8, index + 1), data]);
  });
  const handler = full('hdlr', 0, [integers(0), ascii('mdta'), integers(0, 0, 0), Buffer.from([0])]);
  return full('meta', 0, [handler, full('keys', 0, [integers(keys.length), ...keys]), box('ilst', values)]);
}

function box(type: string, content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([integers(length), ascii(type), ...content]);
}

/** A box with a version (0) and flags. */
function full(type: string, flags: number, content: readonly Buffer[]): Buffer {
  return box(type, [integers(flags), ...content]);
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function integers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

function shorts(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2);
  });
  return bytes;
}
