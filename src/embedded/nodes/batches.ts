import type { JsonValue } from '../../core/json.js';
import type { InputSpec } from '../../graph/types.js';
import type { ImageBatch, MaskBatch } from '../node.js';
import { NodeException } from '../node.js';
import { brightness } from '../rehearsal/colour.js';
import { Random } from '../rehearsal/random.js';
import { fitTo } from './images.js';
import type { NodeFamily } from './library.js';
import { imageBatch, maskBatch, scaleFrame, scaleMask, withBatchChannels } from './pixels.js';

/** Nodes that join pictures to batches and lists, and take them apart. */
const interfaces = `
= nodes v1 image
ImageBatch  image1,image2:IMAGE -> IMAGE
= images v1>v3 image/batch
ImageFromBatch  image:IMAGE batch_index:INT=0[0..4095] length:BATCH -> IMAGE
RepeatImageBatch  image:IMAGE amount:BATCH -> IMAGE
= rebatch v3 image/batch
RebatchImages  images:IMAGE batch_size:BATCH -> IMAGE[]
= post_processing v3 image
BatchImagesNode @0.8  images:special -> IMAGE
= post_processing v3 mask
BatchMasksNode @0.8  masks:special -> MASK
= dataset v3 dataset/image
ImageGrid @0.8
  images:IMAGE columns:INT=4[1..20] cell_width,cell_height:INT=256[32..2048] padding:INT=4[0..50] -> images:IMAGE
ImageDeduplication @0.8  images:IMAGE similarity_threshold:FLOAT=0.95[0..1] -> images:IMAGE[]
MergeImageLists @0.8  images:IMAGE -> images:IMAGE[]
ShuffleDataset @0.8  images:IMAGE seed:INT=0[0..18446744073709551615] -> images:IMAGE[]
`;

export function growing(inner: string, type: string): InputSpec {
  const template = { input: { required: { [inner]: [type, {}] } }, prefix: inner, min: 2, max: 50 };
  return ['COMFY_AUTOGROW_V3', { template: template as unknown as JsonValue }];
}

export const batchFamily: NodeFamily = {
  interfaces,
  special: {
    BatchImagesNode: { images: growing('image', 'IMAGE') },
    BatchMasksNode: { masks: growing('mask', 'MASK') },
  },
  behaviours: {
    ImageBatch: async (inputs) => [await joinImages([inputs.get('image1', 'IMAGE'), inputs.get('image2', 'IMAGE')])],
    ImageFromBatch: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const start = Math.min(inputs.integer('batch_index'), image.frames.length - 1);
      return [{ ...image, frames: image.frames.slice(start, start + inputs.integer('length')) }];
    },
    RepeatImageBatch: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const amount = inputs.integer('amount');
      return [{ ...image, frames: Array.from({ length: amount }, () => image.frames).flat() }];
    },
    RebatchImages: {
      inputIsList: true,
      run: (inputs) => {
        const singles = inputs.list('images', 'IMAGE').flatMap(singleFrames);
        const size = inputs.first().integer('batch_size');
        const batches: ImageBatch[] = [];
        for (let i = 0; i < singles.length; i += size) batches.push(stack(singles.slice(i, i + size)));
        return [batches];
      },
    },
    BatchImagesNode: async (inputs) => [await joinImages(inputs.grown('images', 'IMAGE'))],
    BatchMasksNode: async (inputs) => [await joinMasks(inputs.grown('masks', 'MASK'))],
    ImageGrid: {
      inputIsList: true,
      run: async (inputs) => {
        const one = inputs.first();
        return [
          await grid(inputs.list('images', 'IMAGE').flatMap(singleFrames), {
            columns: one.integer('columns'),
            width: one.integer('cell_width'),
            height: one.integer('cell_height'),
            padding: one.integer('padding'),
          }),
        ];
      },
    },
    ImageDeduplication: {
      inputIsList: true,
      run: async (inputs) => {
        const threshold = inputs.first().number('similarity_threshold');
        return [await withoutLookalikes(inputs.list('images', 'IMAGE').flatMap(singleFrames), threshold)];
      },
    },
    MergeImageLists: { inputIsList: true, run: (inputs) => [inputs.list('images', 'IMAGE')] },
    ShuffleDataset: {
      inputIsList: true,
      run: (inputs) => {
        const images = [...inputs.list('images', 'IMAGE')];
        const random = new Random('shuffle', inputs.first().seed('seed'));
        for (let i = images.length - 1; i > 0; i--) {
          const j = random.integer(0, i);
          [images[i], images[j]] = [images[j]!, images[i]!];
        }
        return [images];
      },
    },
  },
};

/** One batch of all pictures, in the size of the first. */
async function joinImages(images: readonly ImageBatch[]): Promise<ImageBatch> {
  const [first] = images;
  if (!first) throw new NodeException('ValueError', 'No images to batch');
  const channels = images.some((image) => image.channels === 4) ? 4 : 3;
  const fitted = await Promise.all(images.map((image) => fitTo(image, first)));
  const frames = fitted.flatMap((image) => withBatchChannels(image, channels).frames);
  return imageBatch(first.width, first.height, channels, frames);
}

async function joinMasks(masks: readonly MaskBatch[]): Promise<MaskBatch> {
  const [first] = masks;
  if (!first) throw new NodeException('ValueError', 'No masks to batch');
  const fitted = await Promise.all(masks.map((mask) => scaleMask(mask, first.width, first.height, 'bilinear')));
  return maskBatch(
    first.width,
    first.height,
    fitted.flatMap((mask) => mask.frames),
  );
}

function singleFrames(image: ImageBatch): ImageBatch[] {
  return image.frames.map((frame) => ({ ...image, frames: [frame] }));
}

/** Pictures of one size as a batch; others cannot be stacked, as tensors cannot. */
function stack(images: readonly ImageBatch[]): ImageBatch {
  const first = images[0]!;
  for (const image of images) {
    if (image.width !== first.width || image.height !== first.height || image.channels !== first.channels) {
      throw new NodeException(
        'RuntimeError',
        'Sizes of tensors must match except in dimension 0. ' +
          `Expected size ${first.height}x${first.width} but got size ${image.height}x${image.width}`,
      );
    }
  }
  return { ...first, frames: images.flatMap((image) => image.frames) };
}

interface GridOptions {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  readonly padding: number;
}

async function grid(images: readonly ImageBatch[], options: GridOptions): Promise<ImageBatch> {
  const columns = Math.min(options.columns, Math.max(1, images.length));
  const rows = Math.max(1, Math.ceil(images.length / columns));
  const width = columns * options.width + (columns - 1) * options.padding;
  const height = rows * options.height + (rows - 1) * options.padding;
  const canvas = Buffer.alloc(width * height * 3);
  for (const [index, image] of images.entries()) {
    const rgb = withBatchChannels(image, 3);
    const cell = await scaleFrame(rgb.frames[0]!, rgb, options.width, options.height, 'lanczos');
    const left = (index % columns) * (options.width + options.padding);
    const top = Math.floor(index / columns) * (options.height + options.padding);
    for (let y = 0; y < options.height; y++) {
      cell.copy(canvas, ((top + y) * width + left) * 3, y * options.width * 3, (y + 1) * options.width * 3);
    }
  }
  return imageBatch(width, height, 3, [canvas]);
}

/** Keeps each picture that differs from all kept ones in more than `1 - threshold` of an 8x8 brightness pattern. */
async function withoutLookalikes(images: readonly ImageBatch[], threshold: number): Promise<ImageBatch[]> {
  const kept: { readonly image: ImageBatch; readonly pattern: readonly boolean[] }[] = [];
  for (const image of images) {
    const pattern = await patternOf(image);
    const isKnown = kept.some((other) => {
      const same = pattern.filter((bit, place) => bit === other.pattern[place]).length;
      return same / pattern.length >= threshold;
    });
    if (!isKnown) kept.push({ image, pattern });
  }
  return kept.map(({ image }) => image);
}

async function patternOf(image: ImageBatch): Promise<boolean[]> {
  const rgb = withBatchChannels(image, 3);
  const small = await scaleFrame(rgb.frames[0]!, rgb, 8, 8, 'area');
  const levels = Array.from({ length: 64 }, (_, i) => brightness(small[i * 3]!, small[i * 3 + 1]!, small[i * 3 + 2]!));
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  return levels.map((level) => level > mean);
}
