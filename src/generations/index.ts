export type { FollowOptions } from './follow.js';
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
} from './seams.js';
export { Generations, type GenerationsOptions } from './service.js';
export {
  type Attachment,
  type DurableEvent,
  type DurableEventType,
  type Generation,
  type GenerationEvent,
  type GenerationLimits,
  type GenerationOutput,
  type GenerationRequest,
  type Lane,
  type LiveEvent,
  type ProgressData,
} from './types.js';
