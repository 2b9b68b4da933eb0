import { isJsonObject, parseLossless } from '../core/json.js';
import type { DbReader } from '../db/index.js';
import type { Provenance } from './types.js';

/** Of the newest output that is this file. Null when none is. */
export async function readProvenance(db: DbReader, mediaId: string): Promise<Provenance | null> {
  const row = await db
    .selectFrom('outputs')
    .innerJoin('generations', 'generations.id', 'outputs.generation_id')
    .innerJoin('attempts', 'attempts.id', 'outputs.attempt_id')
    .innerJoin('generation_payloads', 'generation_payloads.generation_id', 'outputs.generation_id')
    .select([
      'outputs.generation_id as generationId',
      'outputs.ordinal as ordinal',
      'outputs.node_id as nodeId',
      'outputs.output_key as key',
      'attempts.backend_id as backendId',
      'generations.workflow_name as workflowName',
      'generations.workflow_version as workflowVersion',
      'generations.model_key as modelKey',
      'generations.lora_key as loraKey',
      'generation_payloads.graph as graph',
    ])
    .where('outputs.media_id', '=', mediaId)
    .orderBy('outputs.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { modelKey, loraKey, ...facts } = row;
  return { ...facts, models: parts(modelKey), loras: parts(loraKey), seeds: seedsOf(row.graph) };
}

function parts(key: string): string[] {
  return key === '' ? [] : key.split('|');
}

/** Inputs by the names that the core samplers use, and custom nodes after them. */
function seedsOf(graphText: string): Record<string, string> {
  const seeds: Record<string, string> = {};
  const graph = parseLossless(graphText);
  for (const [nodeId, node] of Object.entries(isJsonObject(graph) ? graph : {})) {
    const inputs = isJsonObject(node) ? node['inputs'] : undefined;
    for (const [name, value] of Object.entries(isJsonObject(inputs) ? inputs : {}))
      if (/^(noise_)?seed$/.test(name) && (typeof value === 'number' || typeof value === 'bigint'))
        seeds[`${nodeId}.${name}`] = String(value);
  }
  return seeds;
}
