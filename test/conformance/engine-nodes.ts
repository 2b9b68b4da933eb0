import type { NodeClass } from '../../src/embedded/index.js';
import { batchFamily } from '../../src/embedded/nodes/batches.js';
import { compositeFamily } from '../../src/embedded/nodes/composite.js';
import { filterFamily } from '../../src/embedded/nodes/filters.js';
import { imageFamily } from '../../src/embedded/nodes/images.js';
import { createFamily } from '../../src/embedded/nodes/library.js';
import { loadFamily } from '../../src/embedded/nodes/load.js';
import { maskFamily } from '../../src/embedded/nodes/masks.js';
import { saveFamily } from '../../src/embedded/nodes/save.js';
import { scaleFamily } from '../../src/embedded/nodes/scale.js';
import { textFamily } from '../../src/embedded/nodes/text.js';
import type { RecordedVersion } from './engine-recording.js';

export function recordedCoreNodes(version: RecordedVersion): NodeClass[] {
  const setup = {
    rehearsal: { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any', standInImages: false } as const,
    profile: version,
    now: () => new Date(),
    temporaryToken: () =>
      Array.from({ length: 5 }, () => 'abcdefghijklmnopqrstuvwxyz'[Math.floor(Math.random() * 26)]).join(''),
  };
  return [
    imageFamily,
    loadFamily,
    maskFamily,
    saveFamily,
    scaleFamily,
    textFamily,
    compositeFamily,
    batchFamily,
    filterFamily,
  ].flatMap((family) => createFamily(family, setup));
}
