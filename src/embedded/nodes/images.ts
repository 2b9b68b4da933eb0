import type { ImageBatch, MaskBatch } from '../node.js';
import { Random } from '../rehearsal/random.js';
import type { NodeFamily } from './library.js';
import {
  cropFrame,
  frameAt,
  imageBatch,
  mapBytes,
  maskBatch,
  remapFrame,
  requireMemory,
  resizeImage,
  scaleImage,
  withBatchChannels,
} from './pixels.js';

/** Nodes that make, cut, turn and join pictures. */
const interfaces = `
= nodes v1 image
EmptyImage  width,height:PIXELS batch_size:BATCH color:INT=0[0..16777215/1],color -> IMAGE
ImageInvert  image:IMAGE -> IMAGE
ImagePadForOutpaint  image:IMAGE left,top,right,bottom:PLACE8 feathering:PLACE=40 -> IMAGE MASK
= images v1>v3 image/transform
ImageCrop  image:IMAGE width,height:PIXELS x,y:PLACE -> IMAGE
ImageFlip  image:IMAGE flip_method:(@flip) -> IMAGE
ImageRotate  image:IMAGE rotation:(@rotation) -> IMAGE
ImageStitch
  image1:IMAGE direction:(right|down|left|up)=right match_image_size:BOOLEAN=true spacing_width:INT=0[0..1024/2]
  spacing_color:(white|black|red|green|blue)=white image2?:IMAGE -> IMAGE
= images v1>v3 image
GetImageSize +id  image:IMAGE -> width:INT height:INT batch_size:INT
= dataset v3 dataset/image
CenterCropImages @0.8  images:IMAGE width,height:INT=512[1..8192] -> images:IMAGE
RandomCropImages @0.8  images:IMAGE width,height:INT=512[1..8192] seed:INT=0[0..18446744073709551615] -> images:IMAGE
`;

const MID_GREY = 127;
const COLOURS: Readonly<Record<string, readonly [number, number, number]>> = {
  white: [255, 255, 255],
  black: [0, 0, 0],
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
};

export const imageFamily: NodeFamily = {
  interfaces,
  behaviours: {
    EmptyImage: (inputs) => {
      const width = inputs.integer('width');
      const height = inputs.integer('height');
      const colour = inputs.integer('color');
      requireMemory(width, height);
      const pixel = Buffer.from([(colour >> 16) & 255, (colour >> 8) & 255, colour & 255]);
      const frame = Buffer.alloc(width * height * 3, pixel);
      // Frames are never written to, so a large batch of one colour needs the memory of one.
      return [imageBatch(width, height, 3, new Array<Buffer>(inputs.integer('batch_size')).fill(frame))];
    },
    ImageInvert: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      return [{ ...image, frames: image.frames.map((frame) => mapBytes(frame, (value) => 255 - value)) }];
    },
    ImagePadForOutpaint: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const [left, top, right, bottom] = ['left', 'top', 'right', 'bottom'].map((name) => inputs.integer(name));
      return padForOutpaint(
        image,
        { left: left!, top: top!, right: right!, bottom: bottom! },
        inputs.integer('feathering'),
      );
    },
    ImageCrop: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const x = Math.min(inputs.integer('x'), image.width - 1);
      const y = Math.min(inputs.integer('y'), image.height - 1);
      const width = Math.min(inputs.integer('width'), image.width - x);
      const height = Math.min(inputs.integer('height'), image.height - y);
      return [cropBatch(image, x, y, width, height)];
    },
    ImageFlip: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const { width, height } = image;
      const upsideDown = inputs.text('flip_method').startsWith('x');
      const source = upsideDown
        ? (x: number, y: number) => (height - 1 - y) * width + x
        : (x: number, y: number) => y * width + width - 1 - x;
      return [remapBatch(image, width, height, source)];
    },
    ImageRotate: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const { width, height } = image;
      switch (Number.parseInt(inputs.text('rotation'), 10)) {
        case 90:
          return [remapBatch(image, height, width, (x, y) => (height - 1 - x) * width + y)];
        case 180:
          return [remapBatch(image, width, height, (x, y) => (height - 1 - y) * width + width - 1 - x)];
        case 270:
          return [remapBatch(image, height, width, (x, y) => x * width + width - 1 - y)];
        default:
          return [image];
      }
    },
    ImageStitch: async (inputs) => {
      const second = inputs.maybe('image2', 'IMAGE');
      const first = inputs.get('image1', 'IMAGE');
      if (!second) return [first];
      return [
        await stitch(first, second, {
          direction: inputs.text('direction'),
          matchSize: inputs.flag('match_image_size'),
          gap: inputs.integer('spacing_width'),
          colour: COLOURS[inputs.text('spacing_color')] ?? COLOURS['white']!,
        }),
      ];
    },
    GetImageSize: {
      cacheByNodeId: true,
      run: (inputs, context) => {
        const { width, height, frames } = inputs.get('image', 'IMAGE');
        context.sendText(`width: ${width}, height: ${height}\n batch size: ${frames.length}`);
        return [width, height, frames.length];
      },
    },
    CenterCropImages: (inputs) => {
      const image = inputs.get('images', 'IMAGE');
      const width = Math.min(inputs.integer('width'), image.width);
      const height = Math.min(inputs.integer('height'), image.height);
      const x = Math.floor((image.width - width) / 2);
      return [cropBatch(image, x, Math.floor((image.height - height) / 2), width, height)];
    },
    RandomCropImages: (inputs) => {
      const image = inputs.get('images', 'IMAGE');
      const width = Math.min(inputs.integer('width'), image.width);
      const height = Math.min(inputs.integer('height'), image.height);
      const random = new Random('crop', inputs.seed('seed'));
      const x = random.integer(0, image.width - width);
      return [cropBatch(image, x, random.integer(0, image.height - height), width, height)];
    },
  },
};

function cropBatch(image: ImageBatch, x: number, y: number, width: number, height: number): ImageBatch {
  const frames = image.frames.map((frame) => cropFrame(frame, image.width, image.channels, { x, y, width, height }));
  return imageBatch(width, height, image.channels, frames);
}

function remapBatch(
  image: ImageBatch,
  width: number,
  height: number,
  source: (x: number, y: number) => number,
): ImageBatch {
  const frames = image.frames.map((frame) => remapFrame(frame, image.channels, width, height, source));
  return imageBatch(width, height, image.channels, frames);
}

interface Margins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Grey margins, and a mask that is 1 on them and fades into the picture over `feathering` pixels. */
function padForOutpaint(image: ImageBatch, margins: Margins, feathering: number): [ImageBatch, MaskBatch] {
  const { left, top, right, bottom } = margins;
  const width = image.width + left + right;
  const height = image.height + top + bottom;
  requireMemory(width, height, image.frames.length);
  const line = image.width * image.channels;
  const frames = image.frames.map((frame) => {
    const padded = Buffer.alloc(width * height * image.channels, MID_GREY);
    for (let y = 0; y < image.height; y++) {
      frame.copy(padded, ((top + y) * width + left) * image.channels, y * line, (y + 1) * line);
    }
    return padded;
  });
  const mask = Buffer.alloc(width * height, 255);
  const isSoft = feathering > 0 && feathering * 2 < image.height && feathering * 2 < image.width;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const away = Math.min(
        top > 0 ? y : Infinity,
        bottom > 0 ? image.height - y : Infinity,
        left > 0 ? x : Infinity,
        right > 0 ? image.width - x : Infinity,
      );
      const soft = isSoft && away < feathering ? (feathering - away) / feathering : 0;
      mask[(top + y) * width + left + x] = Math.round(soft * soft * 255);
    }
  }
  return [imageBatch(width, height, image.channels, frames), maskBatch(width, height, [mask])];
}

interface StitchOptions {
  readonly direction: string;
  readonly matchSize: boolean;
  readonly gap: number;
  readonly colour: readonly [number, number, number];
}

async function stitch(image1: ImageBatch, image2: ImageBatch, options: StitchOptions): Promise<ImageBatch> {
  const channels = image1.channels === 4 || image2.channels === 4 ? 4 : 3;
  const sideways = options.direction === 'left' || options.direction === 'right';
  let first = withBatchChannels(image1, channels);
  let second = withBatchChannels(image2, channels);
  if (options.matchSize) {
    const aspect = second.width / second.height;
    second = sideways
      ? await scaleImage(second, Math.max(1, Math.trunc(first.height * aspect)), first.height, 'lanczos')
      : await scaleImage(second, first.width, Math.max(1, Math.trunc(first.width / aspect)), 'lanczos');
  }
  if (options.direction === 'left' || options.direction === 'up') [first, second] = [second, first];
  // The gap is even, as in ComfyUI.
  const gap = options.gap + (options.gap % 2);
  const width = sideways ? first.width + gap + second.width : Math.max(first.width, second.width);
  const height = sideways ? Math.max(first.height, second.height) : first.height + gap + second.height;
  const pixel = Buffer.from(channels === 4 ? [...options.colour, 255] : options.colour);
  const count = Math.max(first.frames.length, second.frames.length);
  const frames = Array.from({ length: count }, (_, index) => {
    const canvas = Buffer.alloc(width * height * channels, gap > 0 ? pixel : 0);
    const place = (part: ImageBatch, along: number) => {
      // What is smaller sits in the middle of the other direction, on black.
      const x = sideways ? along : Math.floor((width - part.width) / 2);
      const y = sideways ? Math.floor((height - part.height) / 2) : along;
      clearBand(canvas, width, height, channels, sideways, along, sideways ? part.width : part.height);
      const frame = frameAt(part.frames, index);
      const line = part.width * channels;
      for (let row = 0; row < part.height; row++) {
        frame.copy(canvas, ((y + row) * width + x) * channels, row * line, (row + 1) * line);
      }
    };
    place(first, 0);
    place(second, (sideways ? first.width : first.height) + gap);
    return canvas;
  });
  return imageBatch(width, height, channels, frames);
}

function clearBand(
  canvas: Buffer,
  width: number,
  height: number,
  channels: number,
  sideways: boolean,
  along: number,
  length: number,
): void {
  if (!sideways) {
    canvas.fill(0, along * width * channels, (along + length) * width * channels);
    return;
  }
  for (let y = 0; y < height; y++)
    canvas.fill(0, (y * width + along) * channels, (y * width + along + length) * channels);
}

/** Brings a picture to the size of another one, as batches need it. */
export async function fitTo(image: ImageBatch, like: ImageBatch): Promise<ImageBatch> {
  if (image.width === like.width && image.height === like.height) return image;
  return resizeImage(image, like.width, like.height, 'bilinear', 'center');
}
