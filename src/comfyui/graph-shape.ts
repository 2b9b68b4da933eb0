import { GraphError } from '../core/errors.js';
import { isRecord } from './schemas.js';

/**
 * The check that must pass before a graph is sent. A single node without an `inputs` object gets past the validation of
 * a real server and then kills its executor: HTTP stays up and nothing runs until a restart (comfyui.md 1.3, "poison
 * prompt"). Everything else the server checks better than we could.
 */
export function graphShapeError(graph: unknown): GraphError | null {
  if (!isRecord(graph)) return invalid('The graph is not an object of nodes.');
  const nodes = Object.entries(graph);
  if (nodes.length === 0) return invalid('The graph has no nodes.');
  for (const [nodeId, node] of nodes) {
    if (!isRecord(node)) return invalid(`Node ${nodeId} is not an object.`, nodeId);
    if (typeof node['class_type'] !== 'string' || node['class_type'] === '')
      return invalid(`Node ${nodeId} has no class_type.`, nodeId);
    if (!isRecord(node['inputs']))
      return invalid(`Node ${nodeId} (${node['class_type']}) has no inputs object.`, nodeId);
  }
  return null;
}

function invalid(message: string, nodeId?: string): GraphError {
  return new GraphError('graph_invalid', message, nodeId === undefined ? {} : { details: { nodeId } });
}
