import { type ErrorFacts, facts } from './facts.js';

/** Files and graphs. */
export const GRAPH_ERRORS = {
  file_unreadable: facts(false, 400, 2, 'The file cannot be read.', 'Check the path and its permissions.'),
  file_not_a_workflow: facts(
    false,
    400,
    2,
    'The file holds no ComfyUI workflow.',
    'Give a workflow saved by ComfyUI (UI or API format), or a PNG or WebP with an embedded one.',
  ),
  graph_invalid: facts(
    false,
    422,
    2,
    'The graph is malformed.',
    'Every node needs a string `class_type` and an object `inputs`.',
  ),
  graph_unconvertible: facts(
    false,
    422,
    2,
    'A node of the workflow cannot be converted to API format.',
    'Export the workflow in API format from ComfyUI, or report the file.',
  ),
  graph_input_unknown: facts(
    false,
    422,
    2,
    'The graph has no such node or input.',
    'Run `easel inspect FILE` to list nodes and inputs.',
  ),
  graph_input_invalid: facts(
    false,
    422,
    2,
    'A value does not fit the input.',
    'Run `easel inspect FILE` to see types and limits.',
  ),
} as const satisfies Record<string, ErrorFacts>;
