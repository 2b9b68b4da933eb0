import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../../core/json.js';
import type { ImageBatch, NodeContext, NodeResult } from '../node.js';
import { embeddedTexts, insertPngText } from '../png-text.js';
import { saveNames } from '../save-names.js';
import type { NodeFamily, NodeSetup } from './library.js';
import { encodePng, imageBatch } from './pixels.js';

/** Nodes that write pictures, or send them over the socket (comfyui.md 3 "File names", 5, 6). */
const interfaces = `
= nodes v1 image
SaveImage! +graph  images:IMAGE filename_prefix:STRING=ComfyUI
PreviewImage! +graph  images:IMAGE
= mask v1>v3 mask
MaskPreview! +graph  mask:MASK
= custom_nodes.websocket_image_save v1 api/image
SaveImageWebsocket!  images:IMAGE
`;

/** What a real server uses: 4 for results, 1 for previews, which are soon deleted. */
const RESULT_COMPRESSION = 4;
const PREVIEW_COMPRESSION = 1;

export const saveFamily: NodeFamily = {
  interfaces,
  behaviours: {
    SaveImage: (inputs, context, setup) =>
      savePngs(inputs.get('images', 'IMAGE'), context, setup, {
        type: 'output',
        prefix: inputs.text('filename_prefix'),
        compression: RESULT_COMPRESSION,
      }),
    PreviewImage: (inputs, context, setup) => preview(inputs.get('images', 'IMAGE'), context, setup),
    MaskPreview: (inputs, context, setup) => {
      const mask = inputs.get('mask', 'MASK');
      const frames = mask.frames.map((frame) => spread(frame));
      return preview(imageBatch(mask.width, mask.height, 3, frames), context, setup);
    },
    SaveImageWebsocket: {
      isChanged: () => Number.NaN,
      run: async (inputs, context) => {
        const images = inputs.get('images', 'IMAGE');
        for (const [index, frame] of images.frames.entries()) {
          const bytes = await encodePng(frame, images, PREVIEW_COMPRESSION);
          // On a real server the image travels with a progress report of its own, counted from 0.
          context.progress(index, images.frames.length, { format: 'png', bytes });
        }
        return [];
      },
    },
  },
};

function preview(images: ImageBatch, context: NodeContext, setup: NodeSetup): Promise<NodeResult> {
  return savePngs(images, context, setup, {
    type: 'temp',
    prefix: `ComfyUI_temp_${setup.temporaryToken()}`,
    compression: PREVIEW_COMPRESSION,
  });
}

interface SaveTarget {
  readonly type: 'output' | 'temp';
  readonly prefix: string;
  readonly compression: number;
}

async function savePngs(
  images: ImageBatch,
  context: NodeContext,
  setup: NodeSetup,
  target: SaveTarget,
): Promise<NodeResult> {
  const names = await saveNames({
    baseFolder: context.folders[target.type],
    prefix: target.prefix,
    width: images.width,
    height: images.height,
    now: setup.now(),
  });
  const texts = embeddedTexts(context.prompt, context.extraPngInfo);
  const files: JsonValue[] = [];
  for (const [index, frame] of images.frames.entries()) {
    const png = insertPngText(await encodePng(frame, images, target.compression), texts);
    const filename = await names.claim(index, 'png');
    await writeFile(join(names.folder, filename), png);
    files.push({ filename, subfolder: names.subfolder, type: target.type });
  }
  return { outputs: [], ui: { images: files } };
}

function spread(mask: Buffer): Buffer {
  const rgb = Buffer.allocUnsafe(mask.length * 3);
  for (let i = 0; i < mask.length; i++) rgb.fill(mask[i]!, i * 3, i * 3 + 3);
  return rgb;
}
