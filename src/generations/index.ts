export type { BackendState, CircuitState, HealthOptions, HealthSnapshot } from './backend-health.js';
export { type WorkflowRequest, type WorkflowSubmission, WorkflowSubmitter } from './by-workflow.js';
export {
  type ActiveFilter,
  type ActiveRequest,
  ComfyUiService,
  type ComfyUiServiceOptions,
  type RequestPhase,
  type RequestResult,
  type RequestStatus,
} from './comfyui-service.js';
export { RunReports, type RunReportsOptions } from './deployments/run-reports.js';
export type { DispatchOptions } from './dispatch/create.js';
export { dispatchOptions, dispatchTraits } from './dispatch/from-config.js';
export { explainWait, type Why, type WhyBackend, type WhyWaiting } from './dispatch/why.js';
export {
  type BackendCatalogue,
  type BackendInfo,
  Backends,
  type BackendsOptions,
  type ParsedBackend,
} from './fleet/backends.js';
export type { ManagedBackend, OpenBackend } from './fleet/fleet.js';
export type { FollowOptions } from './follow.js';
export { processIdentity } from './lease.js';
export { type AccountEvent, type AccountFeedOptions, cursorTime } from './live/account-feed.js';
export { ownedGenerations } from './owned.js';
export type { AcceptedGraph } from './payload.js';
export type { ListOptions } from './read.js';
export { removeGenerations } from './remove-account.js';
export type { RetryPolicyOptions } from './retry-policy.js';
export type { RunnerTiming } from './runner.js';
export {
  type BillableGeneration,
  type BillableOutcome,
  type Billing,
  type ClaimPolicy,
  firstComeFirstServed,
  freeBilling,
  type Probe,
  type ProbePoint,
  type SubmittedGeneration,
} from './seams.js';
export { Generations, type GenerationsOptions } from './service.js';
export type { GenerationSweepReport } from './sweep.js';
export type {
  Attachment,
  BoundRecord,
  DurableEvent,
  DurableEventType,
  Generation,
  GenerationEvent,
  GenerationLimits,
  GenerationOutput,
  GenerationRequest,
  Lane,
  LiveEvent,
  ProgressData,
} from './types.js';
export { type Admission, type Entrant, type WaitingLimits, WaitingRoom } from './waiting/admission.js';
export type { QueuePosition } from './waiting/position.js';
export { eventJson, generationJson, generationUrl } from './wire.js';
