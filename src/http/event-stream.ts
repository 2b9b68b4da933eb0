import { Readable } from 'node:stream';
import type { Clock, Timer } from '../core/clock.js';

/** One server-sent event. */
export interface Frame {
  /** What a client sends as `Last-Event-ID` to resume after it. */
  readonly id?: string;
  readonly event: string;
  /** Called when it is sent, so that what is never sent costs nothing. Without line breaks. */
  readonly data: () => string;
  /** While it waits for a slow reader, a newer frame with the same word takes its place. */
  readonly newestOf?: string;
}

export interface EventStreamOptions {
  readonly clock: Clock;
  /** After so long without an event a comment is sent: proxies cut silent connections, and a dead peer is noticed. */
  readonly heartbeatMs: number;
  /** How long the client shall wait before it connects anew, in milliseconds. */
  readonly retryMs: number;
  /** Called once when the reader is gone or all is sent. */
  readonly onClose: () => void;
}

/** Frames that must not be dropped are few: a reader that lets so many lie has stopped reading. */
const MAX_WAITING = 256;

/**
 * Server-sent events as a stream that is read as fast as the client reads. What a slow client has not taken yet waits here,
 * and of what changes all the time only the newest, so that it cannot grow.
 */
export class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  readonly #waiting: Frame[] = [];
  #isWanted = false;
  #isFinished = false;
  #timer: Timer | null = null;

  constructor(options: EventStreamOptions) {
    super();
    this.#options = options;
    // Also sends the headers on their way, before anything happens.
    this.push(`retry: ${options.retryMs}\n\n`);
    this.#rearm();
  }

  send(frame: Frame): void {
    if (this.#isFinished || this.destroyed) return;
    if (frame.newestOf !== undefined) {
      const older = this.#waiting.findIndex((waiting) => waiting.newestOf === frame.newestOf);
      if (older !== -1) this.#waiting.splice(older, 1);
    }
    this.#waiting.push(frame);
    this.#flush();
    // It does not read at all. Cut, it may connect anew and resume.
    if (this.#waiting.length > MAX_WAITING) this.destroy();
  }

  /** Ends the stream after what waits. */
  finish(): void {
    if (this.#isFinished || this.destroyed) return;
    this.#isFinished = true;
    this.#flush();
  }

  /** Frames that wait for the reader. */
  get waiting(): number {
    return this.#waiting.length;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#flush();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#timer?.cancel();
    this.#waiting.length = 0;
    this.#options.onClose();
    callback(error);
  }

  #flush(): void {
    while (this.#isWanted) {
      const frame = this.#waiting.shift();
      if (frame === undefined) break;
      this.#give(encode(frame));
      this.#rearm();
    }
    if (this.#isFinished && this.#waiting.length === 0) {
      this.#timer?.cancel();
      this.push(null);
    }
  }

  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(() => this.#beat(), this.#options.heartbeatMs);
  }

  #beat(): void {
    // A reader that does not read is not kept alive by more to read.
    if (this.#isWanted) this.#give(': heartbeat\n\n');
    this.#rearm();
  }

  #give(text: string): void {
    this.#isWanted = false;
    if (this.push(text)) this.#isWanted = true;
  }
}

function encode({ id, event, data }: Frame): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data()}\n\n`;
}
