export { FileMediaStore, type FileMediaStoreOptions, type MediaFs } from './file-store.js';
export { addPending } from './pending.js';
export { removeMedia } from './removal.js';
export type {
  ByteRange,
  MediaStore,
  ObjectInfo,
  OpenedMedia,
  StagedFile,
  StagedFilter,
  StagedMedia,
  StageOptions,
} from './store.js';
