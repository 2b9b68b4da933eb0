import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { isJsonObject } from '../core/json.js';
import type { Logger } from '../core/log.js';
import { type MessageSink, previewFrame, previewFrameWithMetadata, textFrame } from './messages.js';
import type { EnginePreview } from './node.js';
import { asciiJson, readPythonJson } from './python-json.js';

/** Larger inbound frames close the socket with code 1009 (comfyui.md 2.1). */
const MAX_INBOUND_BYTES = 4 * 1024 * 1024;
/** Smaller frames are sent as they are; compressing them costs more than it saves. */
const COMPRESSION_THRESHOLD_BYTES = 1024;
/** A client that reads nothing is cut off before it fills the memory. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

export interface SocketsOptions {
  readonly logger: Logger;
  /** `{"exec_info": …}` now. */
  readonly status: () => object;
  /** What the server answers to `feature_flags`. */
  readonly features: () => object;
  /** Display id of the node that runs for this client, if any. */
  readonly activeNodeOf: (clientId: string) => string | null;
}

interface Client {
  readonly socket: WebSocket;
  /** The connection below the websocket. */
  readonly stream: Duplex;
  isHeld: boolean;
  supportsPreviewMetadata: boolean;
}

/**
 * The websocket side: a table from client id to socket, with the quirks of a real server. A second socket with an id
 * takes the place of the first in the table; and when either of the two closes, the entry goes, so that the other hears
 * nothing any more, not even broadcasts (comfyui.md 2.1).
 */
export class Sockets implements MessageSink {
  readonly #options: SocketsOptions;
  readonly #clients = new Map<string, Client>();
  /** All open sockets, in the table or not. */
  readonly #open = new Set<WebSocket>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_INBOUND_BYTES,
    perMessageDeflate: {
      threshold: COMPRESSION_THRESHOLD_BYTES,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
    // A subprotocol that a client offers is not taken up.
    handleProtocols: () => false,
  });

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Completes the handshake of an upgrade request and registers the client. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, requestedId: string | null): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#register(webSocket, socket, requestedId || randomUUID().replaceAll('-', ''));
    });
  }

  #register(socket: WebSocket, stream: Duplex, clientId: string): void {
    const client: Client = { socket, stream, isHeld: false, supportsPreviewMetadata: false };
    this.#clients.set(clientId, client);
    this.#open.add(socket);
    let isFirstMessage = true;
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const message = parse(String(data));
      if (message === undefined || !isFirstMessage) return;
      isFirstMessage = false;
      if (!isJsonObject(message) || message['type'] !== 'feature_flags') return;
      const flags = message['data'];
      client.supportsPreviewMetadata = isJsonObject(flags) && flags['supports_preview_metadata'] === true;
      // By way of the table: a socket that fell out of it gets no answer.
      this.send('feature_flags', this.#options.features(), clientId);
    });
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#clients.delete(clientId);
    });
    socket.on('error', (error) => this.#options.logger.debug({ err: error, clientId }, 'websocket error'));

    this.send('status', { status: this.#options.status(), sid: clientId }, clientId);
    const activeNode = this.#options.activeNodeOf(clientId);
    if (activeNode !== null) this.send('executing', { node: activeNode }, clientId);
  }

  send(type: string, data: object, clientId: unknown): void {
    const targets = this.#targets(clientId);
    if (targets.length === 0) return;
    const text = asciiJson({ type, data });
    for (const client of targets) this.#deliver(client, text, true);
  }

  broadcastStatus(): void {
    this.send('status', { status: this.#options.status() }, null);
  }

  sendPreview(image: EnginePreview, clientId: unknown): void {
    this.#sendFrame(previewFrame(image), clientId);
  }

  sendPreviewWithMetadata(image: EnginePreview, metadata: object, clientId: unknown): void {
    this.#sendFrame(previewFrameWithMetadata(image, asciiJson(metadata)), clientId);
  }

  broadcastText(nodeId: string, text: string): void {
    this.#sendFrame(textFrame(nodeId, text), null);
  }

  supportsPreviewMetadata(clientId: unknown): boolean {
    return typeof clientId === 'string' && this.#clients.get(clientId)?.supportsPreviewMetadata === true;
  }

  /** Cuts every connection without a closing handshake, as a crash or a broken network does. */
  terminateAll(): void {
    for (const socket of this.#open) socket.terminate();
    this.#open.clear();
    this.#clients.clear();
  }

  #targets(clientId: unknown): readonly Client[] {
    if (clientId === null || clientId === undefined) return [...this.#clients.values()];
    const client = typeof clientId === 'string' ? this.#clients.get(clientId) : undefined;
    return client ? [client] : [];
  }

  /** Pictures do not compress any further. */
  #sendFrame(frame: Buffer, clientId: unknown): void {
    for (const client of this.#targets(clientId)) this.#deliver(client, frame, false);
  }

  /** Frames of one turn of the event loop go out in one write: tiny runs send a dozen, and each write costs as much. */
  #deliver(client: Client, data: string | Buffer, compress: boolean): void {
    const { socket, stream } = client;
    if (socket.bufferedAmount > MAX_UNSENT_BYTES) {
      socket.terminate();
      return;
    }
    if (!client.isHeld) {
      client.isHeld = true;
      stream.cork();
      process.nextTick(() => {
        client.isHeld = false;
        stream.uncork();
      });
    }
    socket.send(data, { compress });
  }
}

/** Text that is not JSON does not use up the first message. */
function parse(text: string): unknown {
  try {
    return readPythonJson(text);
  } catch {
    return undefined;
  }
}
