import type { JsonValue } from '../../core/json.js';
import type { InputSpec } from '../../graph/types.js';
import type { ImageBatch, MaskBatch, NodeContext } from '../node.js';
import { NodeException } from '../node.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily } from './library.js';
import {
  centreCrop,
  cropFrame,
  imageBatch,
  maskBatch,
  requireMemory,
  resizeImage,
  roundHalfEven,
  scaleFrame,
  scaleImage,
  scaleMask,
} from './pixels.js';

/** Nodes that change the size of pictures and masks. */
const interfaces = `
= nodes v1 image/upscaling
ImageScale  image:IMAGE upscale_method:(@imageScale) width,height:PLACE=512 crop:(disabled|center) -> IMAGE
ImageScaleBy  image:IMAGE upscale_method:(@imageScale) scale_by:FLOAT=1[0.01..8/0.01] -> IMAGE
= post_processing v3 image/upscaling
ImageScaleToTotalPixels
  image:IMAGE upscale_method:(@imageScale) megapixels:FLOAT=1[0.01..16/0.01] resolution_steps@0.8:INT=1[1..256]
  -> IMAGE
= images v1>v3 image/upscaling
ImageScaleToMaxDimension
  image:IMAGE upscale_method:(area|lanczos|bilinear|nearest-exact|bilinear|bicubic) largest_size:PLACE=512 -> IMAGE
= flux v3 advanced/conditioning/flux
FluxKontextImageScale  image:IMAGE -> IMAGE
= images v1>v3 image/transform
ResizeAndPadImage
  image:IMAGE target_width,target_height:PIXELS padding_color:(white|black)
  interpolation:(area|bicubic|nearest-exact|bilinear|lanczos) -> IMAGE
= upscale_model v3 loaders
UpscaleModelLoader  model_name:<upscale_models> -> UPSCALE_MODEL
= upscale_model v3 image/upscaling
ImageUpscaleWithModel  upscale_model:UPSCALE_MODEL image:IMAGE -> IMAGE
= post_processing v3 transform
ResizeImageMaskNode @0.8  input,resize_type:special scale_method:(@imageScale)=area -> resized:MATCH(input_type)
= dataset v3 dataset/image
ResizeImagesByLongerEdge @0.8  images:IMAGE longer_edge:INT=1024[1..8192] -> images:IMAGE
ResizeImagesByShorterEdge @0.8  images:IMAGE shorter_edge:INT=512[1..8192] -> images:IMAGE
`;

const MEGAPIXEL = 1024 * 1024;

/** The sizes that Flux Kontext was trained on. */
const KONTEXT_SIZES = [
  [672, 1568],
  [688, 1504],
  [720, 1456],
  [752, 1392],
  [800, 1328],
  [832, 1248],
  [880, 1184],
  [944, 1104],
  [1024, 1024],
  [1104, 944],
  [1184, 880],
  [1248, 832],
  [1328, 800],
  [1392, 752],
  [1456, 720],
  [1504, 688],
  [1568, 672],
] as const;

interface Size {
  readonly width: number;
  readonly height: number;
}

export const scaleFamily: NodeFamily = {
  interfaces,
  special: { ResizeImageMaskNode: resizeSpecs() },
  behaviours: {
    ImageScale: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const { width, height } = missingSide(image, inputs.integer('width'), inputs.integer('height'));
      return [await resizeImage(image, width, height, inputs.text('upscale_method'), inputs.text('crop'))];
    },
    ImageScaleBy: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const { width, height } = times(image, inputs.number('scale_by'));
      return [await scaleImage(image, width, height, inputs.text('upscale_method'))];
    },
    ImageScaleToTotalPixels: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const steps = inputs.has('resolution_steps') ? inputs.integer('resolution_steps') : 1;
      const { width, height } = toPixels(image, inputs.number('megapixels'), steps);
      return [await scaleImage(image, width, height, inputs.text('upscale_method'))];
    },
    ImageScaleToMaxDimension: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const { width, height } = longerSide(image, inputs.integer('largest_size'));
      return [await scaleImage(image, width, height, inputs.text('upscale_method'))];
    },
    FluxKontextImageScale: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const aspect = image.width / image.height;
      const off = ([width, height]: readonly [number, number]) => Math.abs(aspect - width / height);
      const [width, height] = KONTEXT_SIZES.reduce((best, size) => (off(size) < off(best) ? size : best));
      return [await resizeImage(image, width, height, 'lanczos', 'center')];
    },
    ResizeAndPadImage: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const target = { width: inputs.integer('target_width'), height: inputs.integer('target_height') };
      return [await resizeAndPad(image, target, inputs.text('interpolation'), inputs.text('padding_color'))];
    },
    UpscaleModelLoader: async (inputs, context, { rehearsal }) => {
      await context.delay(rehearsal.loadMs);
      return [{ type: 'UPSCALE_MODEL', name: inputs.text('model_name') }];
    },
    ImageUpscaleWithModel: async (inputs, context, { rehearsal }) => {
      const factor = factorOf(inputs.get('upscale_model', 'UPSCALE_MODEL').name);
      return [await upscale(inputs.get('image', 'IMAGE'), factor, context, rehearsal.stepMs)];
    },
    ResizeImageMaskNode: async (inputs) => [await resizeEither(inputs)],
    ResizeImagesByLongerEdge: async (inputs) => {
      const image = inputs.get('images', 'IMAGE');
      const { width, height } = longerSide(image, inputs.integer('longer_edge'));
      return [await scaleImage(image, width, height, 'lanczos')];
    },
    ResizeImagesByShorterEdge: async (inputs) => {
      const image = inputs.get('images', 'IMAGE');
      const { width, height } = shorterSide(image, inputs.integer('shorter_edge'));
      return [await scaleImage(image, width, height, 'lanczos')];
    },
  },
};

/** A side of 0 follows from the other one; both 0 keep the size. */
function missingSide({ width, height }: Size, toWidth: number, toHeight: number): Size {
  if (toWidth === 0 && toHeight === 0) return { width, height };
  return {
    width: toWidth === 0 ? Math.max(1, roundHalfEven((width * toHeight) / height)) : toWidth,
    height: toHeight === 0 ? Math.max(1, roundHalfEven((height * toWidth) / width)) : toHeight,
  };
}

function times({ width, height }: Size, factor: number): Size {
  return { width: Math.max(1, roundHalfEven(width * factor)), height: Math.max(1, roundHalfEven(height * factor)) };
}

function toPixels({ width, height }: Size, megapixels: number, steps = 1): Size {
  const factor = Math.sqrt((megapixels * MEGAPIXEL) / (width * height));
  const side = (length: number) => Math.max(steps, roundHalfEven((length * factor) / steps) * steps);
  return { width: side(width), height: side(height) };
}

function longerSide({ width, height }: Size, longer: number): Size {
  return height > width
    ? { width: Math.max(1, roundHalfEven((width / height) * longer)), height: longer }
    : { width: longer, height: Math.max(1, roundHalfEven((height / width) * longer)) };
}

function shorterSide({ width, height }: Size, shorter: number): Size {
  return height < width
    ? { width: Math.max(1, roundHalfEven((width / height) * shorter)), height: shorter }
    : { width: shorter, height: Math.max(1, roundHalfEven((height / width) * shorter)) };
}

async function resizeAndPad(image: ImageBatch, target: Size, method: string, colour: string): Promise<ImageBatch> {
  const factor = Math.min(target.width / image.width, target.height / image.height);
  const width = Math.max(1, Math.trunc(image.width * factor));
  const height = Math.max(1, Math.trunc(image.height * factor));
  const small = await scaleImage(image, width, height, method);
  const left = Math.floor((target.width - width) / 2);
  const top = Math.floor((target.height - height) / 2);
  const line = width * image.channels;
  const frames = small.frames.map((frame) => {
    const padded = Buffer.alloc(target.width * target.height * image.channels, colour === 'white' ? 255 : 0);
    for (let y = 0; y < height; y++) {
      frame.copy(padded, ((top + y) * target.width + left) * image.channels, y * line, (y + 1) * line);
    }
    return padded;
  });
  return imageBatch(target.width, target.height, image.channels, frames);
}

/** The factor that an upscale model's file name tells: `4x_foo`, `RealESRGAN_x2`. Most models enlarge four times. */
function factorOf(fileName: string): number {
  const match = /(?:^|[^a-z\d])(\d)x|x(\d)/i.exec(fileName);
  const factor = Number(match?.[1] ?? match?.[2] ?? 4);
  return factor >= 1 && factor <= 8 ? factor : 4;
}

async function upscale(image: ImageBatch, factor: number, context: NodeContext, stepMs: number): Promise<ImageBatch> {
  const width = image.width * factor;
  const height = image.height * factor;
  requireMemory(width, height, image.frames.length);
  const frames: Buffer[] = [];
  for (const [index, frame] of image.frames.entries()) {
    await context.delay(stepMs);
    frames.push(await scaleFrame(frame, image, width, height, 'lanczos'));
    context.progress(index + 1, image.frames.length);
  }
  return imageBatch(width, height, image.channels, frames);
}

async function resizeEither(inputs: Inputs): Promise<ImageBatch | MaskBatch> {
  const kind = (inputs.any('input') as { type?: unknown } | undefined)?.type === 'MASK' ? 'MASK' : 'IMAGE';
  const source: ImageBatch | MaskBatch = inputs.get('input', kind);
  const target = wantedSize(inputs, source);
  const method = inputs.text('scale_method');
  const isCropped = target.crop && target.width > 0 && target.height > 0;
  const area = isCropped ? centreCrop(source, target.width, target.height) : { x: 0, y: 0, ...sizeOf(source) };
  const channels = source.type === 'IMAGE' ? source.channels : 1;
  const frames = isCropped
    ? source.frames.map((frame) => cropFrame(frame, source.width, channels, area))
    : source.frames;
  return source.type === 'IMAGE'
    ? scaleImage(imageBatch(area.width, area.height, source.channels, frames), target.width, target.height, method)
    : scaleMask(maskBatch(area.width, area.height, frames), target.width, target.height, method);
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}

function wantedSize(inputs: Inputs, source: Size): Size & { readonly crop: boolean } {
  const kind = inputs.text('resize_type');
  const value = (name: string) => inputs.number(`resize_type.${name}`);
  const crops = inputs.any('resize_type.crop') === 'center';
  switch (kind) {
    case 'scale by multiplier':
      return { ...times(source, value('multiplier')), crop: false };
    case 'scale dimensions':
      return { ...missingSide(source, value('width'), value('height')), crop: crops };
    case 'scale longer dimension':
      return { ...longerSide(source, value('longer_size')), crop: false };
    case 'scale shorter dimension':
      return { ...shorterSide(source, value('shorter_size')), crop: false };
    case 'scale width':
      return { ...missingSide(source, value('width'), 0), crop: false };
    case 'scale height':
      return { ...missingSide(source, 0, value('height')), crop: false };
    case 'scale total pixels':
      return { ...toPixels(source, value('megapixels')), crop: false };
    case 'match size': {
      const match = inputs.any('resize_type.match') as Size | undefined;
      if (!match) throw new NodeException('TypeError', "ResizeImageMaskNode: nothing is linked to 'match'");
      return { width: match.width, height: match.height, crop: crops };
    }
    default:
      throw new NodeException('ValueError', `Unsupported resize type: ${kind}`);
  }
}

function resizeSpecs(): Readonly<Record<string, InputSpec>> {
  const whole: InputSpec = ['INT', { default: 512, min: 0, max: 16384, step: 1 }];
  const crop: InputSpec = ['COMBO', { default: 'center', multiselect: false, options: ['disabled', 'center'] }];
  const decimal = (max: number): InputSpec => ['FLOAT', { default: 1, min: 0.01, max, step: 0.01 }];
  const option = (key: string, required: Readonly<Record<string, InputSpec>>) =>
    ({ key, inputs: { required } }) as unknown as JsonValue;
  return {
    input: ['COMFY_MATCHTYPE_V3', { template: { template_id: 'input_type', allowed_types: 'IMAGE,MASK' } }],
    resize_type: [
      'COMFY_DYNAMICCOMBO_V3',
      {
        options: [
          option('scale by multiplier', { multiplier: decimal(8) }),
          option('scale dimensions', { width: whole, height: whole, crop }),
          option('scale longer dimension', { longer_size: whole }),
          option('scale shorter dimension', { shorter_size: whole }),
          option('scale width', { width: whole }),
          option('scale height', { height: whole }),
          option('scale total pixels', { megapixels: decimal(16) }),
          option('match size', { match: ['IMAGE,MASK', {}], crop }),
        ],
      },
    ],
  };
}
