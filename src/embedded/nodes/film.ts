import sharp, { type Sharp } from 'sharp';
import { type ImageBatch, NodeException } from '../node.js';
import { embeddedTexts } from '../png-text.js';
import { saveFile } from './animation.js';
import type { NodeFamily } from './library.js';
import { encodeMp4 } from './mp4.js';
import { MAX_PIXELS, withBatchChannels } from './pixels.js';
import { encodeWebm } from './webm.js';

/**
 * Films. The engine has no video encoder, so it writes films whose every frame is a key frame: WebM with VP8 (whatever
 * codec the graph names) and MP4 with JPEG. They are larger than they need be, and real.
 */
const interfaces = `
= video v3 image/video
SaveWEBM! +graph
  images:IMAGE filename_prefix:LINE=ComfyUI codec:(vp9|av1) fps:FLOAT=24[0.01..1000/0.01] crf:FLOAT=32[0..63/1]
CreateVideo  images:IMAGE fps:FLOAT=30[1..120/1] audio?:AUDIO -> VIDEO
SaveVideo! +graph  video:VIDEO filename_prefix:LINE=video/ComfyUI format:(auto|mp4)=auto codec:(auto|h264)=auto
`;

const VIDEO_QUALITY = 85;
/** The frame header of VP8 has 14 bits for each side. */
const MAX_VP8_SIDE = 16_383;

export const filmFamily: NodeFamily = {
  interfaces,
  behaviours: {
    SaveWEBM: async (inputs, context, setup) => {
      const images = withBatchChannels(inputs.get('images', 'IMAGE'), 3);
      if (Math.max(images.width, images.height) > MAX_VP8_SIDE) {
        throw new NodeException('ValueError', `${images.width}x${images.height} is too large for WebM`);
      }
      const quality = Math.max(1, Math.round(100 - inputs.number('crf') * 1.4));
      const frames = await encodeFrames(images, (frame) => frame.webp({ quality, effort: 2 }));
      const { width, height } = images;
      const tags = embeddedTexts(context.prompt, context.extraPngInfo);
      const webm = encodeWebm(frames, { width, height, fps: inputs.number('fps'), tags });
      return saveFile(webm, 'webm', images, inputs.text('filename_prefix'), context, setup, true);
    },
    CreateVideo: (inputs) => [{ type: 'VIDEO', images: inputs.get('images', 'IMAGE'), fps: inputs.number('fps') }],
    SaveVideo: async (inputs, context, setup) => {
      if (inputs.text('codec') === 'h264') {
        throw new NodeException('ValueError', 'The embedded engine has no H.264 encoder; set codec to auto.');
      }
      const { images, fps } = inputs.get('video', 'VIDEO');
      const rgb = withBatchChannels(images, 3);
      const frames = await encodeFrames(rgb, (frame) => frame.jpeg({ quality: VIDEO_QUALITY }));
      const tags = embeddedTexts(context.prompt, context.extraPngInfo);
      const mp4 = encodeMp4(frames, { width: rgb.width, height: rgb.height, fps, tags });
      return saveFile(mp4, 'mp4', rgb, inputs.text('filename_prefix'), context, setup, true);
    },
  },
};

async function encodeFrames(images: ImageBatch, encode: (frame: Sharp) => Sharp): Promise<Buffer[]> {
  const raw = { width: images.width, height: images.height, channels: 3 as const };
  const frames: Buffer[] = [];
  for (const frame of images.frames) {
    frames.push(await encode(sharp(frame, { raw, limitInputPixels: MAX_PIXELS })).toBuffer());
  }
  return frames;
}
