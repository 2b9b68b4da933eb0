import type { ErrorInfo } from '../core/errors.js';
import type { Db } from '../db/index.js';
import { type Graph, isLink } from '../graph/index.js';
import { retryRule } from './retry-policy.js';
import type { AttemptIdentity } from './settle.js';

/**
 * A backend answers an unchanged graph from its cache: it names the files of an earlier run and writes none (comfyui.md 3).
 * If those files are gone, every further try would meet the same cache and fail the same way.
 *
 * So every later try gives the nodes that have no successors one more input, of a name that no node takes. Servers ignore
 * inputs they do not know, but count them into the cache key (comfyui.md 1.3, 3): the files are written anew, from pictures
 * that may well come from the cache. `/free` would empty it for everybody, and only at the worker's next turn.
 */
const EXTRA_INPUT = 'easel_try';

function pastCache(graph: Graph, attemptId: string, nodeIds: readonly string[]): Graph {
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

/**
 * The graph to send, with regard to how the tries before this one ended. All of them: after files that were gone and then a
 * lost run, the cache that names those files is still there.
 */
export async function graphForTry(db: Db, attempt: AttemptIdentity, graph: Graph): Promise<Graph> {
  const earlier = await db.kysely
    .selectFrom('attempts')
    .select('error')
    .where('generation_id', '=', attempt.generationId)
    .where('id', '!=', attempt.attemptId)
    .where('error', 'is not', null)
    .execute();
  const met = earlier
    .map(({ error }) => JSON.parse(error ?? 'null') as ErrorInfo)
    .filter((error) => retryRule(error).pastCache === true);
  if (met.length === 0) return graph;
  const nodeIds = met.map((error) => error.details?.['nodeId']).filter((nodeId) => typeof nodeId === 'string');
  return pastCache(graph, attempt.attemptId, nodeIds);
}
