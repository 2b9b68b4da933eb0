import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { isContained, splitAnnotation } from '../file-paths.js';
import type { ImageBatch, MaskBatch, NodeCheckContext } from '../node.js';
import { NodeException } from '../node.js';
import { isInside } from '../save-names.js';
import type { Inputs } from './inputs.js';
import type { DetailedBehaviour, NodeFamily, NodeSetup } from './library.js';
import { channelOf, cropFrame, imageBatch, MAX_PIXELS, mapBytes, maskBatch, withChannels } from './pixels.js';
import { drawStandIn } from './stand-in.js';

/** Nodes that read pictures from the input, output and temp folders (comfyui.md 1.8). */
const interfaces = `
= nodes v1 image
LoadImage  image:<input>,image_upload -> IMAGE MASK
LoadImageOutput  image:special -> IMAGE MASK
= nodes v1 mask
LoadImageMask  image:<input>,image_upload channel:(alpha|red|green|blue) -> MASK
`;

/** Without transparency, LoadImage gives a black mask of this size. */
const EMPTY_MASK_SIDE = 64;

interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** RGBA. */
  readonly frames: readonly Buffer[];
}

const reading: Pick<DetailedBehaviour, 'validate' | 'validatedInputs' | 'isChanged'> = {
  validatedInputs: ['image'],
  validate: async (inputs, context, setup) => {
    if (!inputs.has('image')) return true;
    const name = inputs.text('image');
    if ((await readInput(name, context)) !== null || canStandIn(name, context, setup)) return true;
    return `Invalid image file: ${name}`;
  },
  isChanged: async (inputs, context) => {
    const bytes = await readInput(inputs.text('image'), context);
    return bytes ? createHash('sha256').update(bytes).digest('hex') : 'stand-in';
  },
};

const loadImage: DetailedBehaviour = {
  ...reading,
  run: async (inputs, context, setup) => {
    const decoded = await decodeInput(inputs, context, setup);
    return [pictureOf(decoded), transparencyOf(decoded)];
  },
};

export const loadFamily: NodeFamily = {
  interfaces,
  special: {
    LoadImageOutput: {
      image: [
        'COMBO',
        {
          image_upload: true,
          image_folder: 'output',
          remote: { route: '/internal/files/output', refresh_button: true, control_after_refresh: 'first' },
        },
      ],
    },
  },
  behaviours: {
    LoadImage: loadImage,
    LoadImageOutput: loadImage,
    LoadImageMask: {
      ...reading,
      run: async (inputs, context, setup) => {
        const decoded = await decodeInput(inputs, context, setup);
        const channel = ['red', 'green', 'blue', 'alpha'].indexOf(inputs.text('channel'));
        if (channel === 3) return [transparencyOf(decoded)];
        const frames = decoded.frames.map((frame) => channelOf(frame, 4, channel));
        return [maskBatch(decoded.width, decoded.height, frames)];
      },
    },
  },
};

function pictureOf({ width, height, frames }: Decoded): ImageBatch {
  const rgb = frames.map((frame) => withChannels(frame, 4, 3));
  return imageBatch(width, height, 3, rgb);
}

/** ComfyUI's mask is what the picture is not: transparent pixels are 1. */
function transparencyOf({ width, height, hasAlpha, frames }: Decoded): MaskBatch {
  if (!hasAlpha) {
    return maskBatch(
      EMPTY_MASK_SIDE,
      EMPTY_MASK_SIDE,
      frames.map(() => Buffer.alloc(EMPTY_MASK_SIDE * EMPTY_MASK_SIDE)),
    );
  }
  const masks = frames.map((frame) => mapBytes(channelOf(frame, 4, 3), (alpha) => 255 - alpha));
  return maskBatch(width, height, masks);
}

async function decodeInput(inputs: Inputs, context: NodeCheckContext, setup: NodeSetup): Promise<Decoded> {
  const name = inputs.text('image');
  const bytes = await readInput(name, context);
  if (bytes) return decode(bytes, name);
  if (canStandIn(name, context, setup)) return drawStandIn(splitAnnotation(name).name);
  throw new NodeException('FileNotFoundError', `[Errno 2] No such file or directory: '${name}'`);
}

function canStandIn(name: string, context: NodeCheckContext, { rehearsal }: NodeSetup): boolean {
  return rehearsal.standInImages && inputPath(name, context) !== null;
}

/** The file's bytes, or null when there is none or the name leads out of the folders. */
async function readInput(name: string, context: NodeCheckContext): Promise<Buffer | null> {
  const path = inputPath(name, context);
  if (path === null) return null;
  try {
    if (!(await isContained(context.folders, path))) return null;
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG') return null;
    throw error;
  }
}

/** Null when the name leaves its folder: `../` must not reach other files of the machine (comfyui.md 1.8). */
function inputPath(annotated: string, { folders }: NodeCheckContext): string | null {
  const { name, type } = splitAnnotation(annotated);
  if (name === '' || name.includes('\0')) return null;
  const base = resolve(folders[type ?? 'input']);
  const path = resolve(base, name);
  return isInside(base, path) && path !== base ? path : null;
}

async function decode(bytes: Buffer, name: string): Promise<Decoded> {
  try {
    const options = { limitInputPixels: MAX_PIXELS, failOn: 'error' } as const;
    const facts = await sharp(bytes, options).metadata();
    const isAnimated = (facts.pages ?? 1) > 1 && (facts.format === 'gif' || facts.format === 'webp');
    const source = isAnimated ? sharp(bytes, { ...options, pages: -1 }) : sharp(bytes, options).autoOrient();
    const { data, info } = await source
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    // The frames of an animation are stacked in one tall picture.
    const height = isAnimated ? (facts.pageHeight ?? facts.height) : info.height;
    const frames = Array.from({ length: Math.max(1, Math.floor(info.height / height)) }, (_, index) =>
      cropFrame(data, info.width, 4, { x: 0, y: index * height, width: info.width, height }),
    );
    return { width: info.width, height, hasAlpha: facts.hasAlpha === true, frames };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NodeException('PIL.UnidentifiedImageError', `cannot identify image file '${name}': ${reason}`);
  }
}
