import { randomInt } from 'node:crypto';
import type { NodeClass, RehearsalOptions } from '../node.js';
import { animationFamily } from './animation.js';
import { audioFamily } from './audio.js';
import { batchFamily } from './batches.js';
import { compositeFamily } from './composite.js';
import { conditioningFamily } from './conditioning.js';
import { edgeFamily } from './edges.js';
import { encoderFamily } from './encoders.js';
import { filmFamily } from './film.js';
import { filterFamily } from './filters.js';
import { hookFamily } from './hooks.js';
import { imageFamily } from './images.js';
import { latentOpFamily } from './latent-ops.js';
import { latentFamily } from './latents.js';
import { createFamily, type NodeFamily, type NodeSetup } from './library.js';
import { loadFamily } from './load.js';
import { loaderFamily } from './loaders.js';
import { maskFamily } from './masks.js';
import { mergeFamily } from './merges.js';
import type { NodeProfile } from './notation.js';
import { patchFamily } from './patches.js';
import { samplingFamily } from './sampling.js';
import { saveFamily } from './save.js';
import { scaleFamily } from './scale.js';
import { sigmaFamily } from './sigmas.js';
import { textFamily } from './text.js';
import { videoFamily } from './video.js';

export { definitionWithFiles } from './input-files.js';

const FAMILIES: readonly NodeFamily[] = [
  // Real: they do on pixels and texts what they say.
  loadFamily,
  saveFamily,
  animationFamily,
  filmFamily,
  imageFamily,
  scaleFamily,
  batchFamily,
  filterFamily,
  edgeFamily,
  maskFamily,
  compositeFamily,
  textFamily,
  // Rehearsed: they stand in for models.
  loaderFamily,
  encoderFamily,
  conditioningFamily,
  hookFamily,
  latentFamily,
  latentOpFamily,
  samplingFamily,
  sigmaFamily,
  patchFamily,
  mergeFamily,
  audioFamily,
  videoFamily,
];

export interface CoreNodeOptions {
  readonly rehearsal: RehearsalOptions;
  /** Whose interfaces the classes show; default 0.8.0. */
  readonly profile?: NodeProfile;
  /** For the time tokens of file names. */
  readonly now?: () => Date;
  /** Five lower-case letters for the names of preview files. */
  readonly temporaryToken?: () => string;
}

/**
 * The node classes of the embedded engine: ComfyUI's image, mask and text nodes for real, and its model nodes as a
 * rehearsal. The definitions depend on the options: model choices come from `rehearsal.models`.
 */
export function createCoreNodes(options: CoreNodeOptions): readonly NodeClass[] {
  const setup: NodeSetup = {
    rehearsal: options.rehearsal,
    profile: options.profile ?? '0.8.0',
    now: options.now ?? (() => new Date()),
    temporaryToken: options.temporaryToken ?? randomLetters,
  };
  return FAMILIES.flatMap((family) => createFamily(family, setup));
}

function randomLetters(): string {
  return Array.from({ length: 5 }, () => String.fromCharCode(97 + randomInt(26))).join('');
}
