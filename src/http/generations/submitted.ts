import type { FastifyReply } from 'fastify';
import type { JsonObject } from '../../core/json.js';
import { isGenerationTerminal } from '../../core/statuses.js';
import { type Generation, type Generations, generationUrl } from '../../generations/index.js';
import { generationAnswer } from './queue.js';

export interface Submitted {
  readonly generation: Generation;
  /** False when an earlier request under the same key made it. */
  readonly isNew: boolean;
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly nodeId: string }[];
  /** The values that a workflow was bound with, drawn seeds included. */
  readonly inputs?: JsonObject | null;
}

/** 202: accepted, and not ended yet. 200: it ended while the caller waited, or it was there before. */
export async function sendSubmitted(
  reply: FastifyReply,
  generations: Pick<Generations, 'position'>,
  { generation, isNew, warnings, inputs }: Submitted,
): Promise<FastifyReply> {
  const isEnded = isGenerationTerminal(generation.status);
  const json = await generationAnswer(generations, generation);
  reply.code(isNew && !isEnded ? 202 : 200).header('location', generationUrl(generation.id));
  if (!isNew) reply.header('idempotency-replayed', 'true');
  return reply.send({
    ...json,
    ...(inputs === undefined ? {} : { inputs }),
    ...(warnings.length === 0
      ? {}
      : { warnings: warnings.map(({ code, message, nodeId }) => ({ code, message, node_id: nodeId })) }),
  });
}
