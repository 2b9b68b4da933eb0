import { z } from 'zod';
import { parsePythonJson } from '../core/json.js';
import { isRecord } from './schemas.js';

/**
 * What a ComfyUI server says over the websocket (comfyui.md 2.3, 2.6), parsed. Frames of unknown types, and frames of
 * known types with contents that make no sense, come out as null: custom nodes invent their own, and one bad frame must
 * not cost the connection.
 *
 * `promptId` is null where the protocol has none: the first `executing` after a reconnect, and binary types 1 and 3.
 */
export type ComfyUiFrame =
  | { readonly type: 'status'; readonly queueRemaining: number | null; readonly sid: string | null }
  | { readonly type: 'execution_start'; readonly promptId: string }
  | { readonly type: 'execution_cached'; readonly promptId: string; readonly nodeIds: readonly string[] }
  | {
      readonly type: 'executing';
      readonly promptId: string | null;
      /** Null: the very last message of a run. */
      readonly nodeId: string | null;
      readonly displayNodeId: string | null;
    }
  | {
      readonly type: 'executed';
      readonly promptId: string;
      readonly nodeId: string;
      readonly displayNodeId: string;
      readonly output: unknown;
    }
  | {
      readonly type: 'progress';
      readonly promptId: string | null;
      readonly nodeId: string | null;
      readonly value: number;
      readonly max: number;
    }
  | { readonly type: 'progress_state'; readonly promptId: string; readonly nodes: readonly NodeProgress[] }
  | { readonly type: 'execution_success'; readonly promptId: string }
  | {
      readonly type: 'execution_error';
      readonly promptId: string;
      readonly nodeId: string | null;
      readonly nodeType: string | null;
      readonly exceptionType: string;
      readonly exceptionMessage: string;
    }
  | { readonly type: 'execution_interrupted'; readonly promptId: string; readonly nodeId: string | null }
  | { readonly type: 'feature_flags'; readonly flags: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'preview';
      readonly promptId: string | null;
      readonly nodeId: string | null;
      readonly contentType: string;
      readonly bytes: Buffer;
    }
  | { readonly type: 'text'; readonly nodeId: string; readonly text: string };

export interface NodeProgress {
  readonly nodeId: string;
  readonly displayNodeId: string;
  readonly state: string;
}

const id = z.union([z.string(), z.number()]).transform(String);
const idOrNull = id.nullable().catch(null);
const textOrEmpty = z.string().catch('');

const nodeProgress = z.object({ state: textOrEmpty, display_node_id: idOrNull });

const frameParsers: Readonly<Record<string, z.ZodType<ComfyUiFrame>>> = {
  status: z
    .object({
      status: z
        .object({ exec_info: z.object({ queue_remaining: z.number() }) })
        .nullable()
        .catch(null),
      sid: idOrNull,
    })
    .transform((data) => ({
      type: 'status',
      queueRemaining: data.status?.exec_info.queue_remaining ?? null,
      sid: data.sid,
    })),
  execution_start: z.object({ prompt_id: id }).transform((data) => ({
    type: 'execution_start',
    promptId: data.prompt_id,
  })),
  execution_cached: z.object({ prompt_id: id, nodes: z.array(id).catch([]) }).transform((data) => ({
    type: 'execution_cached',
    promptId: data.prompt_id,
    nodeIds: data.nodes,
  })),
  executing: z.object({ prompt_id: idOrNull, node: id.nullable(), display_node: idOrNull }).transform((data) => ({
    type: 'executing',
    promptId: data.prompt_id,
    nodeId: data.node,
    displayNodeId: data.display_node ?? data.node,
  })),
  executed: z
    .object({ prompt_id: id, node: id, display_node: idOrNull, output: z.unknown().catch(null) })
    .transform((data) => ({
      type: 'executed',
      promptId: data.prompt_id,
      nodeId: data.node,
      displayNodeId: data.display_node ?? data.node,
      output: data.output ?? null,
    })),
  progress: z.object({ prompt_id: idOrNull, node: idOrNull, value: z.number(), max: z.number() }).transform((data) => ({
    type: 'progress',
    promptId: data.prompt_id,
    nodeId: data.node,
    value: data.value,
    max: data.max,
  })),
  progress_state: z.object({ prompt_id: id, nodes: z.record(z.string(), nodeProgress) }).transform((data) => ({
    type: 'progress_state',
    promptId: data.prompt_id,
    nodes: Object.entries(data.nodes).map(([nodeId, node]) => ({
      nodeId,
      displayNodeId: node.display_node_id ?? nodeId,
      state: node.state,
    })),
  })),
  execution_success: z.object({ prompt_id: id }).transform((data) => ({
    type: 'execution_success',
    promptId: data.prompt_id,
  })),
  execution_error: z
    .object({
      prompt_id: id,
      node_id: idOrNull,
      node_type: z.string().nullable().catch(null),
      exception_type: textOrEmpty,
      exception_message: textOrEmpty,
    })
    .transform((data) => ({
      type: 'execution_error',
      promptId: data.prompt_id,
      nodeId: data.node_id,
      nodeType: data.node_type,
      exceptionType: data.exception_type,
      exceptionMessage: data.exception_message.trim(),
    })),
  execution_interrupted: z.object({ prompt_id: id, node_id: idOrNull }).transform((data) => ({
    type: 'execution_interrupted',
    promptId: data.prompt_id,
    nodeId: data.node_id,
  })),
  feature_flags: z.record(z.string(), z.unknown()).transform((flags) => ({ type: 'feature_flags', flags })),
};

export function parseTextFrame(text: string): ComfyUiFrame | null {
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch {
    return null;
  }
  if (!isRecord(value) || typeof value['type'] !== 'string') return null;
  if (!Object.hasOwn(frameParsers, value['type'])) return null;
  const parsed = frameParsers[value['type']]?.safeParse(value['data']);
  return parsed?.success ? parsed.data : null;
}

const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;

const previewMetadata = z.object({
  prompt_id: idOrNull,
  node_id: idOrNull,
  display_node_id: idOrNull,
  image_type: z.string().catch('image/jpeg'),
});

/** All integers are big-endian unsigned 32 bit. */
export function parseBinaryFrame(bytes: Buffer): ComfyUiFrame | null {
  if (bytes.length < 8) return null;
  const event = bytes.readUInt32BE(0);
  const second = bytes.readUInt32BE(4);
  if (event === PREVIEW) {
    const contentType = second === 1 ? 'image/jpeg' : second === 2 ? 'image/png' : null;
    if (contentType === null) return null;
    return { type: 'preview', promptId: null, nodeId: null, contentType, bytes: bytes.subarray(8) };
  }
  const end = 8 + second;
  if (end > bytes.length) return null;
  const head = bytes.toString('utf8', 8, end);
  if (event === TEXT) return { type: 'text', nodeId: head, text: bytes.toString('utf8', end) };
  if (event === PREVIEW_WITH_METADATA) return previewWithMetadata(head, bytes.subarray(end));
  return null;
}

function previewWithMetadata(head: string, image: Buffer): ComfyUiFrame | null {
  let value: unknown;
  try {
    value = parsePythonJson(head);
  } catch {
    return null;
  }
  const metadata = previewMetadata.safeParse(value);
  if (!metadata.success) return null;
  const { prompt_id, node_id, display_node_id, image_type } = metadata.data;
  return {
    type: 'preview',
    promptId: prompt_id,
    nodeId: display_node_id ?? node_id,
    contentType: image_type === 'image/png' ? 'image/png' : 'image/jpeg',
    bytes: image,
  };
}
