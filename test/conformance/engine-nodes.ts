import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ImageBatch, NodeClass } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { saveNames } from '../../src/embedded/save-names.js';
import type { RecordedVersion } from './engine-recording.js';

/** The core nodes as the recorded servers had them: no models, and only files that exist. */
export function recordedCoreNodes(version: RecordedVersion): readonly NodeClass[] {
  const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: {}, standInImages: false };
  return [saveAnimatedWebp, ...createCoreNodes({ rehearsal, profile: version })];
}

/** A core node that the recordings use for its `animated` flag; a stand-in where the library has none. */
const saveAnimatedWebp: NodeClass = {
  definition: {
    name: 'SaveAnimatedWEBP',
    input: {
      required: {
        images: ['IMAGE'],
        filename_prefix: ['STRING', { default: 'ComfyUI' }],
        fps: ['FLOAT', { default: 6, min: 0.01, max: 1000, step: 0.01 }],
        lossless: ['BOOLEAN', { default: true }],
        quality: ['INT', { default: 80, min: 0, max: 100 }],
        method: [['default', 'fastest', 'slowest']],
      },
    },
    output: [],
    output_node: true,
  },
  async execute({ images, filename_prefix }, context) {
    const { channels, frames, height, width } = images as ImageBatch;
    const names = await saveNames({
      baseFolder: context.folders.output,
      prefix: String(filename_prefix),
      width,
      height,
      now: new Date(),
    });
    const filename = await names.claim(0, 'webp');
    const webp = await sharp(frames[0], { raw: { width, height, channels } }).webp().toBuffer();
    await writeFile(join(names.folder, filename), webp);
    const file = { filename, subfolder: names.subfolder, type: 'output' };
    return { outputs: [], ui: { images: [file], animated: [frames.length > 1] } };
  },
};
