export { FileMediaStore, type FileMediaStoreOptions, type MediaFs } from './file-store.js';
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
