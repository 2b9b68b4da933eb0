import type { EnginePreview } from './node.js';

/**
 * Where the executor sends what it has to say. `clientId` is the client of the prompt: null or undefined broadcasts, an
 * id that is nobody's goes nowhere (comfyui.md 2.4).
 */
export interface MessageSink {
  send(type: string, data: object, clientId: unknown): void;
  sendPreview(image: EnginePreview, clientId: unknown): void;
  sendPreviewWithMetadata(image: EnginePreview, metadata: object, clientId: unknown): void;
  /** Progress text always goes to everybody. */
  broadcastText(nodeId: string, text: string): void;
  supportsPreviewMetadata(clientId: unknown): boolean;
}

/** Binary frames begin with a 32-bit event number, big-endian as all their integers (comfyui.md 2.6). */
const EVENT_PREVIEW = 1;
const EVENT_TEXT = 3;
const EVENT_PREVIEW_WITH_METADATA = 4;
const FORMAT = { jpeg: 1, png: 2 } as const;

export function previewFrame(image: EnginePreview): Buffer {
  return Buffer.concat([uint32(EVENT_PREVIEW), uint32(FORMAT[image.format]), image.bytes]);
}

export function previewFrameWithMetadata(image: EnginePreview, metadataJson: string): Buffer {
  const metadata = Buffer.from(metadataJson, 'utf8');
  return Buffer.concat([uint32(EVENT_PREVIEW_WITH_METADATA), uint32(metadata.length), metadata, image.bytes]);
}

export function textFrame(nodeId: string, text: string): Buffer {
  const node = Buffer.from(nodeId, 'utf8');
  return Buffer.concat([uint32(EVENT_TEXT), uint32(node.length), node, Buffer.from(text, 'utf8')]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
