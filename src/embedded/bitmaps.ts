import sharp, { type Sharp } from 'sharp';
import { PythonError } from './python-errors.js';

/** A picture of 16,384 pixels square is the largest that core nodes make. */
const MAX_INPUT_PIXELS = 16_384 * 16_384;
/** Drawings and documents are not pictures here: rendering them would follow what they refer to. */
const BITMAP_FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

/** Opens a picture from a path or bytes. Throws PythonError, as a real server does, when it is none. */
export async function openBitmap(source: string | Buffer): Promise<Sharp> {
  const image = sharp(source, { limitInputPixels: MAX_INPUT_PIXELS });
  const { format } = await image.metadata();
  if (!BITMAP_FORMATS.has(format)) {
    throw new PythonError('PIL.UnidentifiedImageError', 'cannot identify image file');
  }
  return image;
}
