/**
 * WebM files of still pictures: a lossy WebP picture is a VP8 key frame, so a film of key frames needs no video
 * encoder. Element ids are those of the Matroska specification (RFC 9559), the subset that WebM allows.
 */
export interface WebmOptions {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly tags: readonly (readonly [name: string, text: string])[];
}

const ID = {
  EBML: '1a45dfa3',
  EBMLVersion: '4286',
  EBMLReadVersion: '42f7',
  EBMLMaxIDLength: '42f2',
  EBMLMaxSizeLength: '42f3',
  DocType: '4282',
  DocTypeVersion: '4287',
  DocTypeReadVersion: '4285',
  Segment: '18538067',
  Info: '1549a966',
  TimestampScale: '2ad7b1',
  Duration: '4489',
  MuxingApp: '4d80',
  WritingApp: '5741',
  Tracks: '1654ae6b',
  TrackEntry: 'ae',
  TrackNumber: 'd7',
  TrackUID: '73c5',
  TrackType: '83',
  FlagLacing: '9c',
  CodecID: '86',
  DefaultDuration: '23e383',
  Video: 'e0',
  PixelWidth: 'b0',
  PixelHeight: 'ba',
  Tags: '1254c367',
  Tag: '7373',
  Targets: '63c0',
  SimpleTag: '67c8',
  TagName: '45a3',
  TagString: '4487',
  Cluster: '1f43b675',
  Timestamp: 'e7',
  SimpleBlock: 'a3',
} as const;

const NANOSECONDS_PER_MS = 1_000_000;
/** Times inside a cluster are signed 16-bit milliseconds. */
const CLUSTER_MS = 5_000;
const KEY_FRAME = 0x80;
const VIDEO_TRACK = 1;

/** `webps`: one lossy WebP file without alpha per frame. */
export function encodeWebm(webps: readonly Buffer[], options: WebmOptions): Buffer {
  const frameMs = 1000 / options.fps;
  const header = element(ID.EBML, [
    number(ID.EBMLVersion, 1),
    number(ID.EBMLReadVersion, 1),
    number(ID.EBMLMaxIDLength, 4),
    number(ID.EBMLMaxSizeLength, 8),
    text(ID.DocType, 'webm'),
    number(ID.DocTypeVersion, 4),
    number(ID.DocTypeReadVersion, 2),
  ]);
  const info = element(ID.Info, [
    number(ID.TimestampScale, NANOSECONDS_PER_MS),
    float(ID.Duration, webps.length * frameMs),
    text(ID.MuxingApp, 'easel'),
    text(ID.WritingApp, 'easel'),
  ]);
  const tracks = element(ID.Tracks, [
    element(ID.TrackEntry, [
      number(ID.TrackNumber, 1),
      number(ID.TrackUID, 1),
      number(ID.TrackType, VIDEO_TRACK),
      number(ID.FlagLacing, 0),
      text(ID.CodecID, 'V_VP8'),
      number(ID.DefaultDuration, Math.round(frameMs * NANOSECONDS_PER_MS)),
      element(ID.Video, [number(ID.PixelWidth, options.width), number(ID.PixelHeight, options.height)]),
    ]),
  ]);
  return Buffer.concat([
    header,
    element(ID.Segment, [info, tracks, tagsOf(options.tags), ...clusters(webps, frameMs)]),
  ]);
}

function clusters(webps: readonly Buffer[], frameMs: number): Buffer[] {
  const groups = new Map<number, Buffer[]>();
  webps.forEach((webp, index) => {
    const at = Math.round(index * frameMs);
    const start = Math.floor(at / CLUSTER_MS) * CLUSTER_MS;
    const head = Buffer.from([0x81, 0, 0, KEY_FRAME]);
    head.writeInt16BE(at - start, 1);
    const blocks = groups.get(start) ?? [];
    blocks.push(element(ID.SimpleBlock, [head, keyFrameOf(webp)]));
    groups.set(start, blocks);
  });
  return Array.from(groups, ([start, blocks]) => element(ID.Cluster, [number(ID.Timestamp, start), ...blocks]));
}

function tagsOf(tags: WebmOptions['tags']): Buffer {
  const entries = tags.map(([name, value]) =>
    element(ID.SimpleTag, [text(ID.TagName, name), text(ID.TagString, value)]),
  );
  return element(ID.Tags, [element(ID.Tag, [element(ID.Targets, []), ...entries])]);
}

/** The VP8 data in a RIFF file of type WEBP. Throws RangeError when there is none (lossless, or with alpha). */
function keyFrameOf(webp: Buffer): Buffer {
  for (let at = 12; at + 8 <= webp.length; ) {
    const size = webp.readUInt32LE(at + 4);
    if (webp.toString('latin1', at, at + 4) === 'VP8 ') return webp.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size % 2);
  }
  throw new RangeError('This WebP file holds no VP8 frame.');
}

function element(id: string, content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from(id, 'hex'), sizeOf(length), ...content]);
}

/** A length in eight bytes: longer than needed, and always enough. */
function sizeOf(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length) | (1n << 56n));
  return bytes;
}

function number(id: string, value: number): Buffer {
  const digits = value.toString(16);
  return element(id, [Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex')]);
}

function float(id: string, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return element(id, [bytes]);
}

function text(id: string, value: string): Buffer {
  return element(id, [Buffer.from(value, 'utf8')]);
}
