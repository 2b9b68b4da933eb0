import { open, readFile } from 'node:fs/promises';
import { encode } from 'blurhash';
import { EaselError } from '../core/errors.js';
import { checkContainer } from './containers.js';
import { isAccepted, type MediaLimits } from './limits.js';
import { checkEnd } from './picture-ends.js';
import { decodeWhole, describePicture } from './pictures.js';

/** What is found out about a file, once per content. Null is what its kind does not have. */
export interface MediaFacts {
  readonly width: number | null;
  readonly height: number | null;
  readonly frames: number | null;
  /** https://blurha.sh: a blurred likeness in 30 characters, to show while the picture loads. */
  readonly blurhash: string | null;
}

export const NO_FACTS: MediaFacts = { width: null, height: null, frames: null, blurhash: null };

/**
 * Looks at a file that somebody sent, before it becomes anything: is it of an accepted kind, within the limits, whole, and
 * nothing but what it says? `contentType` is what the bytes were found to be.
 *
 * Throws `media_invalid`, `media_too_complex`, `payload_too_large`.
 */
export async function inspectUpload(
  path: string,
  file: { readonly bytes: number; readonly contentType: string },
  limits: MediaLimits,
): Promise<MediaFacts> {
  const { bytes, contentType } = file;
  if (bytes === 0) throw new EaselError('media_invalid', 'The file is empty.');
  if (!isAccepted(limits, contentType)) {
    const what = contentType === 'application/octet-stream' ? 'of no kind that is known here' : `a ${contentType}`;
    throw new EaselError('media_invalid', `The file is ${what}, which is not accepted.`, {
      hint: `Accepted are: ${limits.accept.join(', ')}.`,
      details: { contentType },
    });
  }
  if (contentType.startsWith('image/'))
    return inspectPicture(await readPicture(path, bytes, limits), contentType, limits);
  const handle = await open(path, 'r');
  try {
    await checkContainer(handle, bytes, contentType);
  } finally {
    await handle.close();
  }
  return NO_FACTS;
}

export async function inspectPicture(bytes: Buffer, contentType: string, limits: MediaLimits): Promise<MediaFacts> {
  const picture = await describePicture(bytes, contentType, limits);
  checkEnd(bytes, contentType);
  const sample = await decodeWhole(bytes, picture, limits);
  const wide = picture.width >= picture.height;
  const blurhash = encode(sample.pixels, sample.width, sample.height, wide ? 4 : 3, wide ? 3 : 4);
  return { width: picture.width, height: picture.height, frames: picture.frames, blurhash };
}

async function readPicture(path: string, bytes: number, limits: MediaLimits): Promise<Buffer> {
  if (bytes > limits.maxImageBytes)
    throw new EaselError('payload_too_large', `The picture is larger than ${limits.maxImageBytes} bytes.`, {
      details: { maxBytes: limits.maxImageBytes },
    });
  return readFile(path);
}
