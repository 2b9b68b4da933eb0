/** The public face of the library. `createEasel(parseConfig({ ... }))` is where to begin; see docs/library.md. */
export {
  type AttemptOutput,
  type AttemptResult,
  BACKEND_SPEC_VERSION,
  type Backend,
  type BackendCapabilities,
  type BackendEvent,
  type BackendHealth,
  type CallOptions,
  type CancelOutcome,
  ComfyUiBackend,
  type ComfyUiBackendOptions,
  EmbeddedBackend,
  type EmbeddedBackendOptions,
  type FileOutput,
  type OpenedOutput,
  type OutputKind,
  type Sighting,
  type SubmitOutcome,
  type SubmitRequest,
  type TextOutput,
  type UploadedFile,
  type UploadFile,
} from './backends/index.js';
export {
  type BackendConfig,
  type Config,
  type ConfigInput,
  defineConfig,
  type LoadConfigOptions,
  type LoadedConfig,
  loadConfig,
  parseConfig,
} from './config/index.js';
export { type Clock, systemClock, type Timer } from './core/clock.js';
export {
  BackendError,
  ConfigError,
  EaselError,
  type EaselErrorOptions,
  ERROR_CATALOGUE,
  type ErrorCode,
  type ErrorInfo,
  GenerationError,
  GraphError,
  StorageError,
} from './core/errors.js';
export { type JsonObject, type JsonValue, parseLossless, stringifyLossless } from './core/json.js';
export type { Logger } from './core/log.js';
export {
  ATTEMPT_STATUSES,
  type AttemptStatus,
  GENERATION_STATUSES,
  type GenerationStatus,
  isGenerationTerminal,
} from './core/statuses.js';
export { createEasel, type Easel, type EaselOverrides } from './easel.js';
export {
  type Attachment,
  type BillableGeneration,
  type BillableOutcome,
  type Billing,
  type ClaimPolicy,
  type DurableEvent,
  type FollowOptions,
  type Generation,
  type GenerationEvent,
  type GenerationLimits,
  type GenerationOutput,
  type GenerationRequest,
  Generations,
  type Lane,
  type ListOptions,
  type LiveEvent,
  type ProgressData,
} from './generations/index.js';
export {
  type Conversion,
  type ConversionWarning,
  type ConvertOptions,
  convertUiToApi,
  type Fingerprint,
  fingerprint,
  type Graph,
  type GraphNode,
  isLink,
  type Link,
  type LoadedWorkflow,
  loadWorkflow,
  type NodeDefinition,
  type NodeDefinitions,
  parseWorkflowText,
  type UiWorkflow,
  validateGraph,
} from './graph/index.js';
export { createHttpServer, listen } from './http/index.js';
export { FileMediaStore, type FileMediaStoreOptions, type MediaStore } from './media/index.js';
