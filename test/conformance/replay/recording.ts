import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseLossless } from '../../../src/core/json.js';

/**
 * A recording: what one client and a real ComfyUI server said to each other, in order.
 *
 * Requests never overlap, so an answer belongs to the request before it. Bodies of files and binary frames are recorded
 * as their first 64 bytes and their length; the rest is played as zeros.
 */
export type RecordedEvent =
  | { readonly t: number; readonly k: 'ws-open'; readonly sock: string; readonly url: string }
  | { readonly t: number; readonly k: 'ws-close'; readonly sock: string; readonly code: number }
  | { readonly t: number; readonly k: 'ws<'; readonly sock: string; readonly msg: Frame }
  | { readonly t: number; readonly k: 'ws<'; readonly sock: string; readonly length: number; readonly hex64: string }
  | { readonly t: number; readonly k: 'ws<raw'; readonly sock: string; readonly text: string }
  | { readonly t: number; readonly k: 'ws>' | 'ws-pong'; readonly sock: string }
  | RecordedRequest
  | RecordedAnswer
  | RecordedNote;

export interface Frame {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RecordedRequest {
  readonly t: number;
  readonly k: 'http>';
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface RecordedAnswer {
  readonly t: number;
  readonly k: 'http<';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly hex64?: string;
  readonly length?: number;
}

export interface RecordedNote {
  readonly t: number;
  readonly k: 'note';
  readonly note: string;
  readonly open?: boolean;
  readonly status?: number;
  readonly got?: readonly string[];
}

export interface Recording {
  readonly version: string;
  readonly scenario: string;
  readonly events: readonly RecordedEvent[];
}

/** All recordings below `folder` (one subfolder per server version), in a stable order. */
export function loadRecordings(folder: string): Recording[] {
  return readdirSync(folder)
    .sort()
    .flatMap((version) =>
      readdirSync(join(folder, version))
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => {
          const { events } = JSON.parse(readFileSync(join(folder, version, name), 'utf8'));
          return { version, scenario: name.replace(/\.json$/, ''), events };
        }),
    );
}

/** The recorded prompt body as the client would have it in hand, or null when it is not JSON. */
export function promptBody(request: RecordedRequest): Readonly<Record<string, unknown>> | null {
  if (typeof request.body !== 'string') return isRecord(request.body) ? request.body : null;
  try {
    const value = parseLossless(request.body, { pythonTokens: true });
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** Null: absent. In some requests it stands in `extra_data` only. */
export function clientIdOf(body: Readonly<Record<string, unknown>>): string | null {
  if (typeof body['client_id'] === 'string') return body['client_id'];
  const extra = body['extra_data'];
  return isRecord(extra) && typeof extra['client_id'] === 'string' ? extra['client_id'] : null;
}

/** The recorded answer as JSON; recordings of odd JSON keep its text. Python's NaN and Infinity are read as null. */
export function answerJson(answer: RecordedAnswer): unknown {
  if (answer.json !== undefined) return answer.json;
  try {
    return JSON.parse((answer.text ?? '').replace(/(?<=[:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,}\]])/g, 'null'));
  } catch {
    return undefined;
  }
}

export function answerBytes(answer: RecordedAnswer): Buffer {
  if (answer.hex64 !== undefined) return padded(answer.hex64, answer.length ?? 0);
  if (answer.text !== undefined) return Buffer.from(answer.text, 'utf8');
  return Buffer.from(answer.json === undefined ? '' : JSON.stringify(answer.json), 'utf8');
}

export function frameOf(event: Extract<RecordedEvent, { k: 'ws<' | 'ws<raw' }>): Frame | null {
  if (event.k === 'ws<raw') return JSON.parse(event.text);
  return 'msg' in event ? event.msg : null;
}

/** A binary frame. The JSON head of type 4 is longer than what was recorded, so it is written anew with its known keys. */
export function binaryFrame(event: { readonly length: number; readonly hex64: string }, promptId: string): Buffer {
  const recorded = Buffer.from(event.hex64, 'hex');
  if (recorded.readUInt32BE(0) !== 4) return padded(event.hex64, event.length);
  const headLength = recorded.readUInt32BE(4);
  const nodeId = /"node_id": "([^"]+)"/.exec(recorded.toString('latin1'))?.[1] ?? '';
  const head = Buffer.from(
    `{"node_id": "${nodeId}", "prompt_id": "${promptId}", "display_node_id": "${nodeId}", ` +
      `"parent_node_id": null, "real_node_id": "${nodeId}", "image_type": "image/png"}`,
  );
  if (!head.subarray(0, recorded.length - 8).equals(recorded.subarray(8)))
    throw new Error('The rebuilt head of a preview frame differs from what was recorded.');
  const frame = Buffer.alloc(8 + head.length + event.length - 8 - headLength);
  frame.writeUInt32BE(4, 0);
  frame.writeUInt32BE(head.length, 4);
  head.copy(frame, 8);
  return frame;
}

function padded(hex64: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  Buffer.from(hex64, 'hex').copy(bytes);
  return bytes;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
