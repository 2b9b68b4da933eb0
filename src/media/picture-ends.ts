import { EaselError } from '../core/errors.js';

/**
 * Where a picture ends. Decoders stop there and ignore what follows, so a page, an archive or a script can ride behind a
 * picture that every check calls harmless. Throws `media_invalid` when something does,
 * and when the end is missing.
 */
export function checkEnd(bytes: Buffer, contentType: string): void {
  if (!KINDS.includes(contentType)) return;
  const end = endOf(bytes, contentType);
  if (end === null || end > bytes.length) throw new EaselError('media_invalid', 'The picture is cut off.');
  if (end === bytes.length) return;
  if (contentType === 'image/jpeg' && !MARKUP.test(bytes.subarray(end).toString('latin1'))) return;
  throw new EaselError(
    'media_invalid',
    `The picture carries ${bytes.length - end} bytes of something else behind its end.`,
    { hint: 'Save the picture anew with an image editor.' },
  );
}

const KINDS = ['image/png', 'image/apng', 'image/webp', 'image/gif', 'image/jpeg'];

/** Phones put a film or a depth map behind a JPEG, so there only what a browser or a shell might run counts. */
const MARKUP = /<(!doctype|html|head|body|script|svg|iframe|\?php|\?xml)|%PDF-/i;

function endOf(bytes: Buffer, contentType: string): number | null {
  switch (contentType) {
    case 'image/webp':
      // RIFF: the size leaves out the first 8 bytes; chunks are even.
      return bytes.length < 12 ? null : 8 + bytes.readUInt32LE(4) + (bytes.readUInt32LE(4) % 2);
    case 'image/gif':
      return endOfGif(bytes);
    case 'image/jpeg':
      return endOfJpeg(bytes);
    default:
      return endOfPng(bytes);
  }
}

function endOfPng(bytes: Buffer): number | null {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const next = at + 12 + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return next;
    at = next;
  }
  return null;
}

function endOfGif(bytes: Buffer): number | null {
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const afterBlocks = (start: number): number => {
    let at = start;
    for (let size = bytes[at] ?? 0; size !== 0; size = bytes[at] ?? 0) at += size + 1;
    return at + 1;
  };
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === 0x3b) return at + 1;
    if (kind === 0x21) at = afterBlocks(at + 2);
    else if (kind === 0x2c) at = afterBlocks(at + 11 + tableBytes(bytes[at + 9] ?? 0));
    else return null;
  }
  return null;
}

/** Walks the segments; within a scan, 0xFF is data unless a marker follows that is neither stuffing nor a restart. */
function endOfJpeg(bytes: Buffer): number | null {
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xd9) return at + 2;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    at += 2 + bytes.readUInt16BE(at + 2);
    if (marker !== 0xda) continue;
    for (;;) {
      at = bytes.indexOf(0xff, at);
      if (at === -1) return null;
      const next = bytes[at + 1] ?? 0;
      if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) break;
      at += 2;
    }
  }
  return bytes[at] === 0xff && bytes[at + 1] === 0xd9 ? at + 2 : null;
}
