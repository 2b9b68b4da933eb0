import type { NodeClass } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import type { RecordedVersion } from './engine-recording.js';

/** The core nodes as the recorded servers had them: no models, and only files that exist. */
export function recordedCoreNodes(version: RecordedVersion): readonly NodeClass[] {
  const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: {}, standInImages: false };
  return createCoreNodes({ rehearsal, profile: version });
}
