/** Pure work on graphs and workflow files: parse, validate, convert, bind, describe. */
export {
  type BindOptions,
  type BoundGraph,
  findInput,
  findNode,
  type GraphChange,
  setInput,
  setInputs,
  setNegative,
  setPrompt,
  setSeed,
} from './bind.js';
export { exactLimit, literalValue, narrowInteger } from './coerce.js';
export {
  type Conversion,
  type ConversionWarning,
  type ConvertOptions,
  convertUiToApi,
} from './convert/index.js';
export { renderDynamicText } from './convert/transforms.js';
export { DefinitionIndex, type InputDefinition } from './definitions.js';
export {
  type EmbeddedOptions,
  loadWorkflow,
  readEmbeddedWorkflow,
  type WorkflowFileKind,
} from './embedded-metadata.js';
export { type Fingerprint, fingerprint, type LoadedModel } from './fingerprint.js';
export { type DetectedInput, detectInputs, type InputRole, type InputValueType } from './inputs.js';
export { type ExternalNode, externalNode, plainLiteral } from './markers.js';
export {
  findMissing,
  type Missing,
  type MissingChoice,
  type MissingClass,
  type MissingInput,
} from './missing.js';
export { didYouMean, nearestNames } from './nearest.js';
export {
  DEFAULT_MAX_WORKFLOW_BYTES,
  detectFormat,
  type LoadedWorkflow,
  MAX_JSON_DEPTH,
  nestingDepth,
  type ParseOptions,
  parseWorkflowText,
} from './parse.js';
export { outputNodes, topologicalOrder } from './topology.js';
export type { FoundPrompt, InputRef, Polarity } from './trace.js';
export {
  type Graph,
  type GraphNode,
  type InputSpec,
  isLink,
  type Link,
  type NodeDefinition,
  type NodeDefinitions,
  type UiWorkflow,
} from './types.js';
export { UniqueNames } from './unique-names.js';
export { graphNodeLabel, validateGraph } from './validate.js';
