import { type ErrorFacts, facts } from './facts.js';

/** Workflows, their inputs, versions and sources. */
export const WORKFLOW_ERRORS = {
  workflow_unknown: facts(
    false,
    404,
    2,
    'There is no such workflow.',
    'Run `easel workflows list`, or GET /v1/workflows, to see what there is.',
  ),
  workflow_version_unknown: facts(
    false,
    404,
    2,
    'The workflow has no such version or label.',
    'Run `easel workflows versions NAME` to see its versions and labels.',
  ),
  workflow_type_unknown: facts(
    false,
    404,
    2,
    'No workflow has this type.',
    'Give a workflow the type in its manifest: "type": "MAKE".',
  ),
  deployment_none: facts(
    false,
    409,
    2,
    'No deployment may be used for this.',
    'Add a deployment for this context, or ask for another context.',
  ),
  workflow_disabled: facts(
    false,
    409,
    2,
    'The workflow is turned off.',
    'Turn it on with `easel workflows enable NAME`, or use another one.',
  ),
  workflow_name_taken: facts(
    false,
    409,
    2,
    'Another workflow has this name or alias.',
    'Choose another name or alias, or remove it from the other workflow first.',
  ),
  workflow_label_invalid: facts(
    false,
    409,
    2,
    'The label cannot be moved so.',
    'Run `easel workflows versions NAME` to see where its labels are.',
  ),
  workflow_manifest_invalid: facts(
    false,
    422,
    2,
    'The manifest of a workflow is malformed, or does not fit its graph.',
    'Correct the fields that are named; docs/workflows.md describes each.',
  ),
  workflow_input_invalid: facts(
    false,
    422,
    2,
    'Values do not fit the inputs of the workflow.',
    'Correct the inputs that are named; GET /v1/workflows/NAME/schema describes each.',
  ),
  deployment_unknown: facts(
    false,
    404,
    2,
    'There is no such deployment of a workflow.',
    'Run `easel workflows show NAME` to see the deployments of a workflow.',
  ),
} as const satisfies Record<string, ErrorFacts>;
