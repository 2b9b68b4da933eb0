import type { ImageBatch, MaskBatch } from '../node.js';
import type { NodeFamily } from './library.js';
import {
  channelOf,
  frameAt,
  imageBatch,
  mapBytes,
  maskBatch,
  scaleImage,
  scaleMask,
  withBatchChannels,
  withChannels,
} from './pixels.js';

/** Nodes that lay pictures over each other, and handle alpha. A mask is 1 where a picture is transparent. */
const interfaces = `
= mask v1>v3 image
ImageCompositeMasked  destination,source:IMAGE x,y:PLACE resize_source:BOOLEAN=false mask?:MASK -> IMAGE
= compositing v3 mask/compositing
JoinImageWithAlpha  image:IMAGE alpha:MASK -> IMAGE
SplitImageWithAlpha  image:IMAGE -> IMAGE MASK
PorterDuffImageComposite
  source:IMAGE source_alpha:MASK destination:IMAGE destination_alpha:MASK mode:(@porterDuff)=DST -> IMAGE MASK
`;

export const compositeFamily: NodeFamily = {
  interfaces,
  behaviours: {
    ImageCompositeMasked: async (inputs) => {
      const destination = inputs.get('destination', 'IMAGE');
      const given = withBatchChannels(inputs.get('source', 'IMAGE'), destination.channels);
      const source = inputs.flag('resize_source')
        ? await scaleImage(given, destination.width, destination.height, 'bilinear')
        : given;
      const mask = inputs.maybe('mask', 'MASK');
      const fitted = mask ? await scaleMask(mask, source.width, source.height, 'bilinear') : null;
      return [layOver(destination, source, fitted, inputs.integer('x'), inputs.integer('y'))];
    },
    JoinImageWithAlpha: async (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const alpha = await scaleMask(inputs.get('alpha', 'MASK'), image.width, image.height, 'bilinear');
      const count = Math.max(image.frames.length, alpha.frames.length);
      const frames = Array.from({ length: count }, (_, index) => {
        const rgba = Buffer.from(withChannels(frameAt(image.frames, index), image.channels, 4));
        const mask = frameAt(alpha.frames, index);
        for (let i = 0; i < mask.length; i++) rgba[i * 4 + 3] = 255 - mask[i]!;
        return rgba;
      });
      return [imageBatch(image.width, image.height, 4, frames)];
    },
    SplitImageWithAlpha: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const masks = image.frames.map((frame) =>
        image.channels === 4
          ? mapBytes(channelOf(frame, 4, 3), (alpha) => 255 - alpha)
          : Buffer.alloc(image.width * image.height),
      );
      return [withBatchChannels(image, 3), maskBatch(image.width, image.height, masks)];
    },
    PorterDuffImageComposite: async (inputs) => {
      const destination = withBatchChannels(inputs.get('destination', 'IMAGE'), 3);
      const { width, height } = destination;
      const source = await scaleImage(withBatchChannels(inputs.get('source', 'IMAGE'), 3), width, height, 'bicubic');
      const sourceMask = await scaleMask(inputs.get('source_alpha', 'MASK'), width, height, 'bicubic');
      const destinationMask = await scaleMask(inputs.get('destination_alpha', 'MASK'), width, height, 'bicubic');
      return porterDuff(source, sourceMask, destination, destinationMask, inputs.text('mode'));
    },
  },
};

function layOver(
  destination: ImageBatch,
  source: ImageBatch,
  mask: MaskBatch | null,
  x: number,
  y: number,
): ImageBatch {
  const { channels } = destination;
  const right = Math.min(destination.width, x + source.width);
  const bottom = Math.min(destination.height, y + source.height);
  const frames = destination.frames.map((frame, index) => {
    const result = Buffer.from(frame);
    const over = frameAt(source.frames, index);
    const opacity = mask ? frameAt(mask.frames, index) : null;
    for (let row = y; row < bottom; row++) {
      for (let column = x; column < right; column++) {
        const place = (row - y) * source.width + column - x;
        const weight = opacity ? opacity[place]! : 255;
        if (weight === 0) continue;
        const to = (row * destination.width + column) * channels;
        for (let channel = 0; channel < channels; channel++) {
          const below = result[to + channel]!;
          const above = over[place * channels + channel]!;
          result[to + channel] = Math.round(below + ((above - below) * weight) / 255);
        }
      }
    }
    return result;
  });
  return { ...destination, frames };
}

/** Premultiplied colours and alphas of source (s, sa) and destination (d, da) give those of the result. */
type Rule = (s: number, sa: number, d: number, da: number) => number;

interface Mode {
  readonly colour: Rule;
  readonly alpha: (sa: number, da: number) => number;
}

const union = (sa: number, da: number) => sa + da - sa * da;

const MODES: Readonly<Record<string, Mode>> = {
  ADD: { colour: (s, _sa, d) => Math.min(1, s + d), alpha: (sa, da) => Math.min(1, sa + da) },
  CLEAR: { colour: () => 0, alpha: () => 0 },
  DARKEN: { colour: (s, sa, d, da) => (1 - da) * s + (1 - sa) * d + Math.min(s, d), alpha: union },
  DST: { colour: (_s, _sa, d) => d, alpha: (_sa, da) => da },
  DST_ATOP: { colour: (s, sa, d, da) => sa * d + (1 - da) * s, alpha: (sa) => sa },
  DST_IN: { colour: (_s, sa, d) => d * sa, alpha: (sa, da) => sa * da },
  DST_OUT: { colour: (_s, sa, d) => (1 - sa) * d, alpha: (sa, da) => (1 - sa) * da },
  DST_OVER: { colour: (s, _sa, d, da) => d + (1 - da) * s, alpha: (sa, da) => da + (1 - da) * sa },
  LIGHTEN: { colour: (s, sa, d, da) => (1 - da) * s + (1 - sa) * d + Math.max(s, d), alpha: union },
  MULTIPLY: { colour: (s, _sa, d) => s * d, alpha: (sa, da) => sa * da },
  OVERLAY: {
    colour: (s, sa, d, da) => (2 * d < da ? 2 * s * d : sa * da - 2 * (da - s) * (sa - d)),
    alpha: union,
  },
  SCREEN: { colour: (s, _sa, d) => s + d - s * d, alpha: union },
  SRC: { colour: (s) => s, alpha: (sa) => sa },
  SRC_ATOP: { colour: (s, sa, d, da) => da * s + (1 - sa) * d, alpha: (_sa, da) => da },
  SRC_IN: { colour: (s, _sa, _d, da) => s * da, alpha: (sa, da) => sa * da },
  SRC_OUT: { colour: (s, _sa, _d, da) => (1 - da) * s, alpha: (sa, da) => (1 - da) * sa },
  SRC_OVER: { colour: (s, sa, d) => s + (1 - sa) * d, alpha: (sa, da) => sa + (1 - sa) * da },
  XOR: {
    colour: (s, sa, d, da) => (1 - da) * s + (1 - sa) * d,
    alpha: (sa, da) => (1 - da) * sa + (1 - sa) * da,
  },
};

function porterDuff(
  source: ImageBatch,
  sourceMask: MaskBatch,
  destination: ImageBatch,
  destinationMask: MaskBatch,
  modeName: string,
): [ImageBatch, MaskBatch] {
  const { width, height } = destination;
  const mode = MODES[modeName] ?? MODES['DST']!;
  const count = Math.max(source.frames.length, destination.frames.length);
  const frames: Buffer[] = [];
  const masks: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const [above, below] = [frameAt(source.frames, index), frameAt(destination.frames, index)];
    const [aboveMask, belowMask] = [frameAt(sourceMask.frames, index), frameAt(destinationMask.frames, index)];
    const frame = Buffer.alloc(width * height * 3);
    const mask = Buffer.alloc(width * height);
    for (let i = 0; i < mask.length; i++) {
      const sa = 1 - aboveMask[i]! / 255;
      const da = 1 - belowMask[i]! / 255;
      const alpha = mode.alpha(sa, da);
      mask[i] = Math.round((1 - Math.min(1, Math.max(0, alpha))) * 255);
      if (alpha <= 1e-5) continue;
      for (let channel = i * 3; channel < i * 3 + 3; channel++) {
        const colour = mode.colour((above[channel]! / 255) * sa, sa, (below[channel]! / 255) * da, da) / alpha;
        frame[channel] = Math.round(Math.min(1, Math.max(0, colour)) * 255);
      }
    }
    frames.push(frame);
    masks.push(mask);
  }
  return [imageBatch(width, height, 3, frames), maskBatch(width, height, masks)];
}
