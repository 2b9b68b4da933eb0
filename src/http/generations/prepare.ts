import type { DefinitionSource } from '../../backends/index.js';
import { definedOnly } from '../../core/objects.js';
import type { GenerationRequest } from '../../generations/index.js';
import {
  type ConversionWarning,
  convertUiToApi,
  detectFormat,
  findInput,
  type Graph,
  type NodeDefinitions,
  setInput,
  setNegative,
  setPrompt,
  setSeed,
  validateGraph,
} from '../../graph/index.js';
import { requestInvalid } from '../problem.js';
import type { SubmitBody } from './submit-body.js';
import { termsOf } from './terms.js';

export interface Prepared {
  readonly request: Omit<GenerationRequest, 'accountId'>;
  readonly warnings: readonly ConversionWarning[];
}

/**
 * From what was sent to what is run: a UI workflow is converted, values are bound, uploads are attached.
 *
 * A graph is bound without node definitions: it can be accepted while no backend is up, and the backend checks it in any
 * case. Throws GraphError, BackendError (no definitions to be had), `request_invalid`.
 */
export async function prepareRequest(
  body: SubmitBody,
  options: { readonly definitions: DefinitionSource; readonly signal?: AbortSignal },
): Promise<Prepared> {
  const { graph, definitions, warnings } = await readGraph(body, options);
  const bound = bind(graph, body, definitions);
  const attachments = Object.entries(body.inputs ?? {}).map(([name, { media_id: mediaId }]) => {
    const { node: nodeId, input: inputName } = findInput(bound, name);
    return { nodeId, inputName, mediaId };
  });
  const { metadata, workflow, lane, backend_id: backendId, session_id: sessionId } = body;
  return {
    request: {
      graph: bound,
      ...definedOnly({ workflow, lane, backendId, sessionId, metadata }),
      ...(attachments.length === 0 ? {} : { attachments }),
      ...termsOf(body),
    },
    warnings,
  };
}

interface ReadGraph {
  readonly graph: Graph;
  readonly definitions?: NodeDefinitions;
  readonly warnings: readonly ConversionWarning[];
}

async function readGraph(
  { graph, workflow, backend_id: backendId }: SubmitBody,
  options: { readonly definitions: DefinitionSource; readonly signal?: AbortSignal },
): Promise<ReadGraph> {
  if (graph !== undefined) {
    if (detectFormat(graph) === 'ui') throw misplaced('graph', 'UI', 'workflow');
    return { graph: validateGraph(graph), warnings: [] };
  }
  if (workflow === undefined) throw new TypeError('The body was not checked.');
  if (detectFormat(workflow) === 'api') throw misplaced('workflow', 'API', 'graph');
  const definitions = await options.definitions(definedOnly({ backendId, signal: options.signal }));
  return { ...convertUiToApi(workflow, definitions), definitions };
}

function misplaced(field: string, format: string, rightField: string): Error {
  const detail = `This is a workflow in ${format} format.`;
  return requestInvalid(`${field}: ${detail}`, [{ detail, pointer: `#/${field}` }], `Send it as "${rightField}".`);
}

/** What is set by name comes last and wins over what is found by tracing. */
function bind(given: Graph, body: SubmitBody, definitions: NodeDefinitions | undefined): Graph {
  const options = definedOnly({ definitions });
  let graph = given;
  if (body.prompt !== undefined) graph = setPrompt(graph, body.prompt, options).graph;
  if (body.negative !== undefined) graph = setNegative(graph, body.negative, options).graph;
  if (body.seed !== undefined) graph = setSeed(graph, body.seed, options).graph;
  for (const [target, value] of Object.entries(body.set ?? {})) graph = setInput(graph, target, value, options).graph;
  return graph;
}
