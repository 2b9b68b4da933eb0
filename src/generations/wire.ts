import { isGenerationTerminal } from '../core/statuses.js';
import { errorJson, toWire, wireTime, wireTimeOrNull } from '../core/wire.js';
import type { Generation, GenerationEvent, GenerationOutput } from './types.js';

/** The one place that says how a generation, its outputs and its events look on the wire. */

export function generationUrl(id: string): string {
  return `/v1/generations/${id}`;
}

export function generationJson(generation: Generation): object {
  const url = generationUrl(generation.id);
  return {
    id: generation.id,
    status: generation.status,
    ended: isGenerationTerminal(generation.status),
    lane: generation.lane,
    session_id: generation.sessionId,
    workflow_name: generation.workflowName,
    workflow_version: generation.workflowVersion,
    backend_id: generation.backendId,
    attempt_count: generation.attemptCount,
    cancel_requested: generation.cancelRequested,
    created_at: wireTime(generation.createdAt),
    started_at: wireTimeOrNull(generation.startedAt),
    finished_at: wireTimeOrNull(generation.finishedAt),
    error: generation.error === null ? null : errorJson(generation.error),
    outputs: generation.outputs.map((output) => outputJson(url, output)),
    metadata: generation.metadata,
    status_url: url,
    events_url: `${url}/events`,
    cancel_url: `${url}/cancel`,
  };
}

function outputJson(url: string, output: GenerationOutput): object {
  const { id, ordinal, nodeId, key, kind, filename, contentType, bytes, hash, text } = output;
  return {
    id,
    ordinal,
    node_id: nodeId,
    key,
    kind,
    filename,
    content_type: contentType,
    bytes,
    hash,
    text,
    url: `${url}/outputs/${ordinal}`,
  };
}

export function eventJson(event: GenerationEvent): object {
  return {
    generation_id: event.generationId,
    type: event.type,
    ...('seq' in event ? { seq: event.seq } : {}),
    at: wireTime(event.at),
    data: eventData(event),
  };
}

function eventData(event: GenerationEvent): unknown {
  if (event.type === 'preview') {
    const { nodeId, contentType, bytes } = event.data;
    return { node_id: nodeId, content_type: contentType, base64: bytes.toString('base64') };
  }
  const { error, ...data } = event.data as { readonly error?: Parameters<typeof errorJson>[0] };
  const wire = toWire(data) as object;
  return error === undefined ? wire : { ...wire, error: errorJson(error) };
}
