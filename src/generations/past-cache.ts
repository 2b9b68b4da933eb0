import type { ErrorInfo } from '../core/errors.js';
import type { Db } from '../db/index.js';
import { type Graph, isLink } from '../graph/index.js';
import { retryRule } from './retry-policy.js';
import type { AttemptIdentity } from './settle.js';

/**
 * A backend answers an unchanged graph from its cache: it names the files of an earlier run and writes none (comfyui.md 3).
 * If those files are gone, every further try would meet the same cache and fail the same way.
 *
 * So the next try gives the nodes that have no successors one more input, of a name that no node takes. Servers ignore
 * inputs they do not know, but count them into the cache key (comfyui.md 1.3, 3): the files are written anew, from pictures
 * that may well come from the cache. `/free` would empty it for everybody, and only at the worker's next turn.
 */
const EXTRA_INPUT = 'easel_try';

function pastCache(graph: Graph, attemptId: string, nodeIds: readonly string[] = []): Graph {
  const used = new Set(
    Object.values(graph).flatMap((node) =>
      Object.values(node.inputs).flatMap((value) => (isLink(value) ? value[0] : [])),
    ),
  );
  return Object.fromEntries(
    Object.entries(graph).map(([id, node]) =>
      used.has(id) && !nodeIds.includes(id)
        ? [id, node]
        : [id, { ...node, inputs: { ...node.inputs, [EXTRA_INPUT]: attemptId } }],
    ),
  );
}

/** The graph to send, with regard to how the try before this one ended. */
export async function graphForTry(db: Db, attempt: AttemptIdentity, graph: Graph): Promise<Graph> {
  const last = await db.kysely
    .selectFrom('attempts')
    .select('error')
    .where('generation_id', '=', attempt.generationId)
    .where('id', '!=', attempt.attemptId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last?.error == null) return graph;
  const error = JSON.parse(last.error) as ErrorInfo;
  if (retryRule(error).pastCache !== true) return graph;
  const nodeId = error.details?.['nodeId'];
  return pastCache(graph, attempt.attemptId, typeof nodeId === 'string' ? [nodeId] : []);
}
