export { EmbeddedEngine, type EmbeddedEngineOptions } from './engine.js';
export type { FaultPlan } from './faults.js';
export { MultipartError, type MultipartPart, multipartBoundary, multipartParts } from './multipart.js';
export {
  Blocker,
  type EngineFolders,
  type EnginePreview,
  type ImageBatch,
  type MaskBatch,
  type NodeCheckContext,
  type NodeClass,
  type NodeContext,
  NodeException,
  type NodeResult,
  type RehearsalOptions,
} from './node.js';
export { type CoreNodeOptions, createCoreNodes } from './nodes/index.js';
export type { EngineVersion } from './profile.js';
