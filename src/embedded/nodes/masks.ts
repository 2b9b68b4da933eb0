import type { MaskBatch } from '../node.js';
import type { NodeFamily } from './library.js';
import { byteOf, channelOf, cropFrame, frameAt, imageBatch, mapBytes, maskBatch, requireMemory } from './pixels.js';

/** Nodes on masks: 255 is 1.0. */
const interfaces = `
= mask v1>v3 mask
ImageToMask  image:IMAGE channel:(red|green|blue|alpha) -> MASK
MaskToImage  mask:MASK -> IMAGE
ImageColorToMask  image:IMAGE color:INT=0[0..16777215/1],number -> MASK
SolidMask  value:UNIT width,height:PIXELS -> MASK
InvertMask  mask:MASK -> MASK
CropMask  mask:MASK x,y:PLACE width,height:PIXELS -> MASK
MaskComposite  destination,source:MASK x,y:PLACE operation:(multiply|add|subtract|and|or|xor) -> MASK
FeatherMask  mask:MASK left,top,right,bottom:PLACE -> MASK
GrowMask  mask:MASK expand:INT=0[-16384..16384/1] tapered_corners:BOOLEAN=true -> MASK
ThresholdMask  mask:MASK value:UNIT=0.5 -> MASK
`;

export const maskFamily: NodeFamily = {
  interfaces,
  behaviours: {
    ImageToMask: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const channel = ['red', 'green', 'blue', 'alpha'].indexOf(inputs.text('channel'));
      const frames = image.frames.map((frame) =>
        channel < image.channels
          ? channelOf(frame, image.channels, channel)
          : Buffer.alloc(image.width * image.height, 255),
      );
      return [maskBatch(image.width, image.height, frames)];
    },
    MaskToImage: (inputs) => {
      const mask = inputs.get('mask', 'MASK');
      const frames = mask.frames.map((frame) => {
        const rgb = Buffer.allocUnsafe(frame.length * 3);
        for (let i = 0; i < frame.length; i++) rgb.fill(frame[i]!, i * 3, i * 3 + 3);
        return rgb;
      });
      return [imageBatch(mask.width, mask.height, 3, frames)];
    },
    ImageColorToMask: (inputs) => {
      const image = inputs.get('image', 'IMAGE');
      const colour = inputs.integer('color');
      const frames = image.frames.map((frame) => {
        const mask = Buffer.alloc(image.width * image.height);
        for (let i = 0, at = 0; i < mask.length; i++, at += image.channels) {
          if (((frame[at]! << 16) | (frame[at + 1]! << 8) | frame[at + 2]!) === colour) mask[i] = 255;
        }
        return mask;
      });
      return [maskBatch(image.width, image.height, frames)];
    },
    SolidMask: (inputs) => {
      const width = inputs.integer('width');
      const height = inputs.integer('height');
      requireMemory(width, height);
      return [maskBatch(width, height, [Buffer.alloc(width * height, byteOf(inputs.number('value')))])];
    },
    InvertMask: (inputs) => [mapMask(inputs.get('mask', 'MASK'), (value) => 255 - value)],
    CropMask: (inputs) => {
      const mask = inputs.get('mask', 'MASK');
      const x = Math.min(inputs.integer('x'), mask.width - 1);
      const y = Math.min(inputs.integer('y'), mask.height - 1);
      const width = Math.min(inputs.integer('width'), mask.width - x);
      const height = Math.min(inputs.integer('height'), mask.height - y);
      const frames = mask.frames.map((frame) => cropFrame(frame, mask.width, 1, { x, y, width, height }));
      return [maskBatch(width, height, frames)];
    },
    MaskComposite: (inputs) => [
      composite(
        inputs.get('destination', 'MASK'),
        inputs.get('source', 'MASK'),
        inputs.integer('x'),
        inputs.integer('y'),
        inputs.text('operation'),
      ),
    ],
    FeatherMask: (inputs) => {
      const mask = inputs.get('mask', 'MASK');
      const side = (name: string, limit: number) => Math.min(inputs.integer(name), limit);
      const left = side('left', mask.width);
      const right = side('right', mask.width);
      const top = side('top', mask.height);
      const bottom = side('bottom', mask.height);
      const ramp = (place: number, length: number) => (place < length ? (place + 1) / length : 1);
      return [
        mapMask(mask, (value, index) => {
          const x = index % mask.width;
          const y = Math.floor(index / mask.width);
          const across = ramp(x, left) * ramp(mask.width - 1 - x, right);
          return value * across * ramp(y, top) * ramp(mask.height - 1 - y, bottom);
        }),
      ];
    },
    GrowMask: async (inputs) => {
      const mask = inputs.get('mask', 'MASK');
      const frames: Buffer[] = [];
      for (const frame of mask.frames) {
        frames.push(
          await grow(frame, mask.width, mask.height, inputs.integer('expand'), inputs.flag('tapered_corners')),
        );
      }
      return [maskBatch(mask.width, mask.height, frames)];
    },
    ThresholdMask: (inputs) => {
      const limit = inputs.number('value');
      return [mapMask(inputs.get('mask', 'MASK'), (value) => (value / 255 > limit ? 255 : 0))];
    },
  },
};

function mapMask(mask: MaskBatch, compute: (value: number, index: number) => number): MaskBatch {
  return { ...mask, frames: mask.frames.map((frame) => mapBytes(frame, compute)) };
}

function composite(destination: MaskBatch, source: MaskBatch, left: number, top: number, operation: string): MaskBatch {
  const right = Math.min(left + source.width, destination.width);
  const bottom = Math.min(top + source.height, destination.height);
  const count = Math.max(destination.frames.length, source.frames.length);
  const frames = Array.from({ length: count }, (_, index) => {
    const result = Buffer.from(frameAt(destination.frames, index));
    const over = frameAt(source.frames, index);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const at = y * destination.width + x;
        result[at] = combine(result[at]!, over[(y - top) * source.width + x - left]!, operation);
      }
    }
    return result;
  });
  return maskBatch(destination.width, destination.height, frames);
}

function combine(below: number, above: number, operation: string): number {
  const a = below >= 128;
  const b = above >= 128;
  switch (operation) {
    case 'multiply':
      return Math.round((below * above) / 255);
    case 'add':
      return Math.min(255, below + above);
    case 'subtract':
      return Math.max(0, below - above);
    case 'and':
      return a && b ? 255 : 0;
    case 'or':
      return a || b ? 255 : 0;
    default:
      return a !== b ? 255 : 0;
  }
}

/**
 * Grows (or for a negative `steps` shrinks) bright areas by one pixel a step; with tapered corners only along the axes.
 * Stops early once nothing changes, and lets other work run between steps.
 */
export async function grow(
  frame: Buffer,
  width: number,
  height: number,
  steps: number,
  tapered: boolean,
): Promise<Buffer> {
  const pick = steps > 0 ? Math.max : Math.min;
  let current = frame;
  for (let step = 0; step < Math.abs(steps); step++) {
    const next = Buffer.allocUnsafe(current.length);
    for (let y = 0; y < height; y++) {
      const up = y > 0 ? -width : 0;
      const down = y < height - 1 ? width : 0;
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        const left = x > 0 ? -1 : 0;
        const right = x < width - 1 ? 1 : 0;
        let value = pick(
          current[at]!,
          current[at + up]!,
          current[at + down]!,
          current[at + left]!,
          current[at + right]!,
        );
        if (!tapered) {
          value = pick(
            value,
            current[at + up + left]!,
            current[at + up + right]!,
            current[at + down + left]!,
            current[at + down + right]!,
          );
        }
        next[at] = value;
      }
    }
    const isSettled = next.equals(current);
    current = next;
    if (isSettled) break;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return current;
}
