import { parseLossless } from '../../core/json.js';
import { wireTime } from '../../core/wire.js';
import type { MediaFile, MediaInfo } from '../../media/index.js';

export function mediaUrl(id: string): string {
  return `/v1/media/${id}`;
}

export function mediaJson(file: MediaFile): object {
  const { id, hash, bytes, contentType, filename, source, pinned, createdAt } = file;
  return {
    media_id: id,
    ...{ hash, bytes, content_type: contentType, filename, source, pinned },
    created_at: wireTime(createdAt),
    url: mediaUrl(id),
    content_url: `${mediaUrl(id)}/content`,
  };
}

export function mediaInfoJson(info: MediaInfo): object {
  const { facts, provenance } = info;
  return { ...mediaJson(info), ...facts, provenance: provenance === null ? null : provenanceJson(provenance) };
}

function provenanceJson(provenance: NonNullable<MediaInfo['provenance']>): object {
  const { generationId, ordinal, nodeId, key, backendId, workflowName, workflowVersion } = provenance;
  const { models, loras, seeds, graph } = provenance;
  return {
    generation_id: generationId,
    ...{ ordinal, node_id: nodeId, key, backend_id: backendId },
    workflow_name: workflowName,
    workflow_version: workflowVersion,
    ...{ models, loras, seeds, graph: parseLossless(graph) },
  };
}
