import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import { type Clock, systemClock, type Timer } from '../core/clock.js';
import { type Logger, silentLogger } from '../core/log.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { type ComfyUiFrame, parseBinaryFrame, parseTextFrame } from './frames.js';

/**
 * The event stream of one ComfyUI server: keeps a websocket open and tells what arrives on it (comfyui.md 2).
 *
 * The client id. A server keeps one socket per client id, and drops the entry when *any* socket of that id closes. A
 * connection that we believe dead but the server has not noticed yet would, when it dies at last, silence its successor
 * for ever (comfyui.md 2.1). So every connection has an id of its own; an id is kept for the next try only when the
 * server cannot have seen it. The price: a prompt that was sent under the id of a lost connection is no longer heard and
 * must be looked up, which is what `connected` with `first: false` asks for. Silence for good would be worse.
 *
 * State: `idle -> connecting -> open -> waiting -> connecting ...`, and `closed` from anywhere, for good.
 */
export interface ComfyUiSocketOptions extends ConnectionOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** 0 to 1, exclusive. Spreads reconnects of many clients after a restart of the server. */
  readonly random?: () => number;
  readonly newClientId?: () => string;
  /** From the start of a connection to the server's first `status` frame. */
  readonly connectTimeoutMs?: number;
  /** The server never pings; we do, so that proxies keep the line and a dead one shows. */
  readonly pingIntervalMs?: number;
  /**
   * Silence (no frame, no pong) after which the connection counts as dead. Real servers stall for 0.3 to 0.8 s as a
   * habit and for many seconds while a model loads; a needless reconnect loses the events of the running prompt.
   */
  readonly silenceLimitMs?: number;
  /** Reconnect delay: uniform in [0, min(maxMs, baseMs * 2^failures)]. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** Larger frames end the connection. Previews and UI outputs are far smaller. */
  readonly maxFrameBytes?: number;
}

export type ComfyUiSocketEvent =
  | { readonly type: 'connected'; readonly first: boolean; readonly clientId: string }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'frame'; readonly frame: ComfyUiFrame };

export type ComfyUiSocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed';

/** A connection that lasted this long was a good one: the next reconnect starts with short delays again. */
const STABLE_AFTER_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
const HANDSHAKE = JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } });

export class ComfyUiSocket {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #newClientId: () => string;
  readonly #connectTimeoutMs: number;
  readonly #pingIntervalMs: number;
  readonly #silenceLimitMs: number;
  readonly #backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly #maxFrameBytes: number;
  readonly #listeners = new Set<(event: ComfyUiSocketEvent) => void>();
  readonly #waiters = new Set<() => void>();

  #state: ComfyUiSocketState = 'idle';
  #socket: WebSocket | null = null;
  #clientId: string;
  #timer: Timer | null = null;
  #everConnected = false;
  #failures = 0;
  #openedAt = 0;
  #heardAt = 0;

  constructor(options: ComfyUiSocketOptions) {
    this.#connection = new Connection(options);
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#random = options.random ?? Math.random;
    this.#newClientId = options.newClientId ?? (() => `easel-${randomUUID()}`);
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 15_000;
    this.#pingIntervalMs = options.pingIntervalMs ?? 20_000;
    this.#silenceLimitMs = options.silenceLimitMs ?? 90_000;
    this.#backoff = options.backoff ?? { baseMs: 250, maxMs: 15_000 };
    this.#maxFrameBytes = options.maxFrameBytes ?? 64 * 2 ** 20;
    this.#clientId = this.#newClientId();
  }

  get state(): ComfyUiSocketState {
    return this.#state;
  }

  /**
   * The id of the open connection, or the one that the next connection will use: a prompt sent with it before the socket
   * is up will be heard once it is.
   */
  get clientId(): string {
    return this.#clientId;
  }

  on(listener: (event: ComfyUiSocketEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to connect, and reconnects from then on until `close`. */
  start(): void {
    if (this.#state === 'idle') this.#connect();
  }

  /** True as soon as the socket is open. False at once unless it is just connecting, or when that fails or takes longer. */
  async whenOpen(limitMs: number): Promise<boolean> {
    if (this.#state === 'connecting') {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(done, limitMs);
        const waiters = this.#waiters;
        function done() {
          timer.cancel();
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
    return this.#state === 'open';
  }

  /** Closes for good: when it resolves, no timer and no connection is left. */
  async close(): Promise<void> {
    const socket = this.#socket;
    const wasOpen = this.#state === 'open';
    this.#setState('closed');
    this.#stopTimer();
    this.#socket = null;
    if (socket === null || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(() => socket.terminate(), CLOSE_LIMIT_MS);
      socket.once('close', () => {
        timer.cancel();
        resolve();
      });
      if (wasOpen) socket.close(1000);
      else socket.terminate();
    });
  }

  #connect(): void {
    this.#setState('connecting');
    const socket = new WebSocket(this.#connection.webSocketUrl(this.#clientId), {
      headers: { ...this.#connection.headers },
      // Frames are small JSON or already compressed pictures; deflate would only cost both sides time and memory.
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: this.#maxFrameBytes,
      ...this.#connection.tls,
    });
    this.#socket = socket;
    let reason = 'the connection ended';
    // An id that the server may have registered is used up: see the note on client ids above.
    let mayBeRegistered = true;
    this.#startTimer(this.#connectTimeoutMs, () => {
      reason = `no status message within ${this.#connectTimeoutMs} ms`;
      socket.terminate();
    });
    socket.on('open', () => socket.send(HANDSHAKE));
    socket.on('unexpected-response', (_request, response) => {
      reason = `the server answered ${response.statusCode} instead of opening a websocket`;
      mayBeRegistered = false;
      socket.terminate();
    });
    socket.on('message', (data, isBinary) => {
      if (this.#socket === socket) this.#receive(data as Buffer, isBinary);
    });
    socket.on('pong', () => this.#heard());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND') mayBeRegistered = false;
      if (reason === 'the connection ended') reason = error.message || (error.code ?? 'unknown error');
    });
    socket.on('close', (code) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#lost(reason === 'the connection ended' ? `${reason} (code ${code})` : reason, mayBeRegistered);
    });
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heard();
    const frame = isBinary ? parseBinaryFrame(data) : parseTextFrame(data.toString('utf8'));
    if (frame === null) {
      this.#logger.debug({ bytes: data.length, binary: isBinary }, 'websocket frame of no known kind ignored');
      return;
    }
    if (frame.type === 'status' && this.#state === 'connecting') this.#opened(frame.sid);
    this.#emit({ type: 'frame', frame });
  }

  /** A server speaks first: `status` with the id in use. Until then a prompt could run unheard. */
  #opened(sid: string | null): void {
    // A proxy that gives out ids of its own tells the one that counts.
    if (sid !== null && sid !== '') this.#clientId = sid;
    const first = !this.#everConnected;
    this.#everConnected = true;
    this.#openedAt = this.#clock.now();
    this.#setState('open');
    this.#startTimer(this.#pingIntervalMs, () => this.#checkPulse());
    this.#emit({ type: 'connected', first, clientId: this.#clientId });
  }

  #checkPulse(): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (this.#clock.now() - this.#heardAt >= this.#silenceLimitMs) {
      this.#logger.warn({ url: this.#connection.displayUrl }, 'websocket is silent, reconnecting');
      socket.terminate();
      return;
    }
    socket.ping();
    this.#startTimer(this.#pingIntervalMs, () => this.#checkPulse());
  }

  #lost(reason: string, mayBeRegistered: boolean): void {
    const now = this.#clock.now();
    const wasOpen = this.#state === 'open';
    this.#failures = wasOpen && now - this.#openedAt >= STABLE_AFTER_MS ? 0 : this.#failures + 1;
    if (wasOpen || mayBeRegistered) this.#clientId = this.#newClientId();
    this.#setState('waiting');
    const ceilingMs = Math.min(this.#backoff.maxMs, this.#backoff.baseMs * 2 ** Math.min(this.#failures, 30));
    this.#startTimer(Math.round(this.#random() * ceilingMs), () => this.#connect());
    this.#logger.debug({ url: this.#connection.displayUrl, reason, failures: this.#failures }, 'websocket lost');
    if (wasOpen) this.#emit({ type: 'disconnected', reason });
  }

  #heard(): void {
    this.#heardAt = this.#clock.now();
  }

  #setState(state: ComfyUiSocketState): void {
    this.#state = state;
    for (const waiter of [...this.#waiters]) waiter();
  }

  #startTimer(delayMs: number, callback: () => void): void {
    this.#stopTimer();
    this.#timer = this.#clock.setTimer(callback, delayMs);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** A listener that throws must not cost the connection, nor the other listeners their event. */
  #emit(event: ComfyUiSocketEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ err: error, event: event.type }, 'a listener of ComfyUI events failed');
      }
    }
  }
}
