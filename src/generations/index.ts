export { type WorkflowRequest, type WorkflowSubmission, WorkflowSubmitter } from './by-workflow.js';
export type { FollowOptions } from './follow.js';
export type { AcceptedGraph } from './payload.js';
export { processIdentity } from './lease.js';
export type { ListOptions } from './read.js';
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
