/** What executes graphs: the interface, and its adapters. */
export type { FetchedFile, FetchLike } from '../comfydeploy/index.js';
export { ComfyDeployBackend, type ComfyDeployBackendOptions } from './comfydeploy.js';
export { ComfyUiBackend, type ComfyUiBackendOptions } from './comfyui.js';
export { type DefinitionSource, definitionsOf } from './definitions.js';
export { EmbeddedBackend, type EmbeddedBackendOptions } from './embedded.js';
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
  type DeploymentRequest,
  type DeploymentValue,
  type FileOutput,
  type LookOptions,
  type OpenedOutput,
  type OutputKind,
  type RunReference,
  type Sighting,
  type SubmitOutcome,
  type SubmitRequest,
  type TextOutput,
  type UploadedFile,
  type UploadFile,
} from './spec.js';
