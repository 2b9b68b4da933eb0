export type { MediaProbe, MediaProbePoint, MediaSettings } from './context.js';
export { FileMediaStore, type FileMediaStoreOptions, type MediaFs } from './file-store.js';
export { displayName } from './filename.js';
export type { FileListOptions } from './files.js';
export type { MediaFacts } from './inspect.js';
export type { MediaLimits } from './limits.js';
export type { MediaGrant } from './links.js';
export { ownedFiles } from './owned.js';
export { addPending } from './pending.js';
export { mediaPlaces } from './places.js';
export { type RecipeInput, recipeSchema } from './recipe.js';
export { removeMedia } from './removal.js';
export { S3MediaStore, type S3MediaStoreOptions } from './s3-store.js';
export { Media, type MediaOptions, type PutOptions } from './service.js';
export type {
  ByteRange,
  MediaStore,
  ObjectInfo,
  OpenedMedia,
  PresignOptions,
  StagedFile,
  StagedFilter,
  StagedMedia,
  StageOptions,
} from './store.js';
export type {
  AttachedFile,
  DerivedFile,
  MediaFile,
  MediaInfo,
  MediaSweepReport,
  MediaUsage,
  Provenance,
} from './types.js';
