import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { EaselError } from '../core/errors.js';
import { definedOnly } from '../core/objects.js';
import { type MediaLimits, maxPixels } from './limits.js';
import { decoding, describePicture, openPicture, type Picture } from './pictures.js';
import type { Recipe } from './recipe.js';
import { drawMark } from './watermark.js';

export interface Rendered {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
}

type Format = NonNullable<Recipe['format']>;
/** Of an animation: how long each frame stays, in milliseconds, and how often all are shown. */
interface Timing {
  readonly delay?: number[];
  readonly loop?: number;
}

/** Makes a picture by a recipe. Throws `media_invalid`, `media_too_complex`. */
export async function renderPicture(
  source: Buffer,
  contentType: string,
  recipe: Recipe,
  limits: MediaLimits,
): Promise<Rendered> {
  const picture = await describePicture(source, contentType, limits);
  const format = recipe.format ?? formatOf(contentType);
  const animated = picture.frames > 1 && (format === 'webp' || format === 'gif');
  const size = targetSize(picture, recipe);
  if (size.width * size.height * (animated ? picture.frames : 1) > maxPixels(limits))
    throw new EaselError('media_too_complex', `The result would have more than ${limits.maxMegapixels} megapixels.`);
  let pipeline = openPicture(source, limits, animated ? 'all' : 'first').autoOrient();
  if (recipe.width !== null || recipe.height !== null)
    pipeline = pipeline.resize({
      ...(recipe.width === null ? {} : { width: recipe.width }),
      ...(recipe.height === null ? {} : { height: recipe.height }),
      fit: recipe.fit,
      withoutEnlargement: !recipe.enlarge,
      background: { r: 0, g: 0, b: 0, alpha: 0 },
    });
  if (recipe.metadata === 'keep') pipeline = pipeline.keepMetadata();
  let timing: Timing = {};
  if (recipe.watermark !== null) {
    const page = animated ? await carriedOut(pipeline) : { pipeline, ...size };
    if (animated) timing = definedOnly({ delay: picture.metadata.delay, loop: picture.metadata.loop });
    pipeline = withMark(page.pipeline, recipe.watermark, page, animated);
  }
  const { data, info } = await decoding(
    encode(pipeline, format, recipe.quality, timing).toBuffer({ resolveWithObject: true }),
  );
  const height = info.pageHeight ?? info.height;
  return { bytes: data, contentType: `image/${format}`, width: info.width, height };
}

function withMark(
  pipeline: Sharp,
  text: string,
  page: { readonly width: number; readonly height: number },
  animated: boolean,
): Sharp {
  const mark = drawMark(text, page.width, page.height);
  if (mark === null) return pipeline;
  const raw = { width: mark.width, height: mark.height, channels: 4 as const };
  if (!animated) return pipeline.composite([{ input: mark.pixels, raw, gravity: 'southeast' }]);
  // The frames lie below each other as one tall picture: a mark as large as a frame is repeated down to the end.
  const sheet = Buffer.alloc(page.width * page.height * 4);
  const [left, top] = [page.width - mark.width, page.height - mark.height];
  for (let row = 0; row < mark.height; row += 1)
    mark.pixels.copy(sheet, ((top + row) * page.width + left) * 4, row * mark.width * 4, (row + 1) * mark.width * 4);
  const input = {
    input: sheet,
    raw: { width: page.width, height: page.height, channels: 4 as const },
    tile: true,
    left: 0,
    top: 0,
  };
  return pipeline.composite([input]);
}

/**
 * The pipeline so far, carried out: composing needs the exact size of a frame, and rounding it by ourselves would let the
 * mark drift from frame to frame.
 */
async function carriedOut(
  pipeline: Sharp,
): Promise<{ readonly pipeline: Sharp; readonly width: number; readonly height: number }> {
  const { data, info } = await decoding(
    pipeline.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }),
  );
  const [width, height] = [info.width, info.pageHeight ?? info.height];
  const raw = { width, height: info.height, channels: 4 as const, pageHeight: height };
  return { pipeline: sharp(data, { raw }), width, height };
}

function encode(pipeline: Sharp, format: Format, quality: number | null, timing: Timing = {}): Sharp {
  const choice = quality === null ? {} : { quality };
  switch (format) {
    case 'jpeg':
      return pipeline.flatten({ background: '#ffffff' }).jpeg({ mozjpeg: true, ...choice });
    case 'png':
      return pipeline.png();
    case 'webp':
      return pipeline.webp({ ...choice, ...timing });
    case 'gif':
      return pipeline.gif({ ...timing });
    case 'avif':
      return pipeline.avif({ effort: 2, ...choice });
  }
}

function formatOf(contentType: string): Format {
  const name = contentType.slice('image/'.length);
  return name === 'jpeg' || name === 'webp' || name === 'gif' || name === 'avif' ? name : 'png';
}

/** What `resize` will make of it; never more than it really makes. */
function targetSize(picture: Picture, recipe: Recipe): { readonly width: number; readonly height: number } {
  const { width, height } = recipe;
  if (width === null && height === null) return picture;
  const [across, down] = [
    (width ?? Number.POSITIVE_INFINITY) / picture.width,
    (height ?? Number.POSITIVE_INFINITY) / picture.height,
  ];
  if (recipe.fit !== 'inside' && width !== null && height !== null)
    return recipe.enlarge
      ? { width, height }
      : { width: Math.min(width, picture.width), height: Math.min(height, picture.height) };
  const scale = Math.min(across, down, recipe.enlarge ? Number.POSITIVE_INFINITY : 1);
  return {
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
  };
}
