export { FileMediaStore, type FileMediaStoreOptions, type MediaFs } from './file-store.js';
export { addPending } from './pending.js';
export { removeMedia } from './removal.js';
export { S3MediaStore, type S3MediaStoreOptions } from './s3-store.js';
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
