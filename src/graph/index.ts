/** Pure work on graphs and workflow files: parse, validate, convert, bind, describe. */
export {
  type Conversion,
  type ConversionWarning,
  type ConvertOptions,
  convertUiToApi,
} from './convert/index.js';
export {
  type EmbeddedOptions,
  loadWorkflow,
  readEmbeddedWorkflow,
  sniffWorkflowFile,
  type WorkflowFileKind,
} from './embedded-metadata.js';
export { type Fingerprint, fingerprint, type LoadedModel, modelFolder } from './fingerprint.js';
export { didYouMean, nearestNames } from './nearest.js';
export {
  DEFAULT_MAX_WORKFLOW_BYTES,
  detectFormat,
  type LoadedWorkflow,
  type ParseOptions,
  parseWorkflowText,
  readWorkflowValue,
} from './parse.js';
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
export { graphNodeLabel, nodeLabel, validateGraph } from './validate.js';
