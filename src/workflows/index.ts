/** Workflows: typed, versioned, explainable. `types.ts` has the words. */
export { type Availability, checkAvailability, type MissingModel } from './availability.js';
export type { PlanLimits } from './bind/plan.js';
export type { InputProblem } from './bind/values.js';
export { type BuiltVersion, buildVersion } from './build.js';
export type { DeploymentChange, Deployments, ListDeployments, NewDeployment } from './deployments.js';
export type { VersionDiff } from './diff.js';
export { draftManifest } from './draft.js';
export { contentHash } from './hash.js';
export { inputsSchema } from './json-schema.js';
export type { Labels, MovedLabel } from './labels.js';
export { type Manifest, parseManifest } from './manifest.js';
export { nameOfFile } from './names.js';
export type { PreparedWorkflow, PrepareRequest } from './prepare.js';
export { removeSeeds } from './seeds.js';
export { type Candidate, type ChoiceRequest, choose, SELECTION_RULES, sentenceOf } from './selection/choose.js';
export type { Selection, SelectOptions, TypeDeployments } from './selection/index.js';
export {
  ComfyDeploySource,
  FolderSource,
  type ItemFault,
  MongoSource,
  type SourceItem,
  type SourceState,
  Sources,
  type WorkflowSource,
} from './sources/index.js';
export type * from './types.js';
export { type TypedWorkflow, workflowTypes } from './typescript.js';
export {
  type AddedWorkflow,
  type AddWorkflow,
  DEFAULT_LABEL,
  type ListWorkflows,
  Workflows,
  type WorkflowsOptions,
} from './workflows.js';
