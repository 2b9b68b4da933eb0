import { isJsonObject, parseLossless } from '../core/json.js';
import type { Db } from '../db/index.js';
import type { Needs } from './dispatch/needs.js';
import { acceptedWork, boundRecordOf } from './payload.js';
import type { Generation, GenerationRequest } from './types.js';

/** The request that a generation was accepted with, as far as it is kept. */
export async function rerunRequest({ kysely }: Db, generation: Generation): Promise<GenerationRequest> {
  const payload = await kysely
    .selectFrom('generation_payloads')
    .selectAll()
    .where('generation_id', '=', generation.id)
    .executeTakeFirstOrThrow();
  const { graph, deployment } = acceptedWork(payload);
  const bound = boundRecordOf(payload);
  const inputs = await kysely
    .selectFrom('generation_inputs')
    .selectAll()
    .where('generation_id', '=', generation.id)
    .execute();
  const place = await kysely
    .selectFrom('generations')
    .leftJoin('dispatch_needs', 'dispatch_needs.needs_key', 'generations.needs_key')
    .select(['generations.backend_pin as backendId', 'dispatch_needs.needs as needs'])
    .where('generations.id', '=', generation.id)
    .executeTakeFirstOrThrow();
  const needs = place.needs === null ? null : (JSON.parse(place.needs) as Needs);
  const workflow = payload.workflow === null ? null : parseLossless(payload.workflow);
  const { accountId, lane, workflowName, workflowVersion, metadata } = generation;
  return {
    accountId,
    lane,
    ...(deployment === null ? { graph } : { deployment }),
    attachments: inputs.map((row) => ({ nodeId: row.node_id, inputName: row.input_name, mediaId: row.media_id })),
    ...(isJsonObject(workflow) ? { workflow } : {}),
    ...(bound === null ? {} : { bound }),
    ...(place.backendId === null ? {} : { backendId: place.backendId }),
    ...(needs === null ? {} : { needs: { tags: needs.tags, vramBytes: needs.vramBytes } }),
    ...(workflowName === null ? {} : { workflowName }),
    ...(workflowVersion === null ? {} : { workflowVersion }),
    ...(metadata === null ? {} : { metadata }),
  };
}
