import { Socket } from 'node:net';
import pg from 'pg';
import { sleep, type Timer } from '../../core/clock.js';
import { type ChangeFeed, LocalChangeFeed, newSenderId } from '../changes.js';
import type { EngineOptions } from './engine.js';
import { withoutCredentials } from './postgres-url.js';

const CHANNEL = 'easel_changes';
/** Stands for all topics. */
const EVERYTHING = '*';
const MAX_DUE_TOPICS = 500;
const COALESCE_MS = 50;
/** PostgreSQL takes payloads below 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7900;
const FIRST_RECONNECT_DELAY_MS = 200;
const LONGEST_RECONNECT_DELAY_MS = 10_000;

/**
 * LISTEN and NOTIFY between processes, on a connection of their own: NOTIFY takes a lock that is global to the server
 * until its transaction ends, which halved the throughput of submits when it was part of them. So one NOTIFY per 50 ms
 * and process names all topics that changed.
 *
 * The payload is `sender topic topic …`; topics hold no blanks.
 */
export class PostgresChangeFeed implements ChangeFeed {
  readonly #url: string;
  readonly #options: EngineOptions;
  readonly #local: LocalChangeFeed;
  readonly #sender = newSenderId();
  /** Not yet announced; kept while disconnected. */
  readonly #due = new Set<string>();
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #client: pg.Client | undefined;
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;

  constructor(url: string, options: EngineOptions) {
    this.#url = url;
    this.#options = options;
    this.#local = new LocalChangeFeed(options.logger);
    this.#loop = this.#stayConnected();
  }

  publish(topic: string): void {
    if (this.#stop.signal.aborted) return;
    this.#local.publish(topic);
    this.#due.add(this.#due.size < MAX_DUE_TOPICS ? topic : EVERYTHING);
    this.#sendSoon();
  }

  subscribe(topic: string, listener: () => void): () => void {
    return this.#local.subscribe(topic, listener);
  }

  /** Announces what is due, when connected, and closes the connection. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#timer?.cancel();
    await this.#sending;
    await this.#send();
    this.#stop.abort();
    this.#local.close();
    await this.#loop;
  }

  #sendSoon(): void {
    this.#timer ??= this.#options.clock.setTimer(
      () => {
        this.#timer = undefined;
        // One at a time: what comes up meanwhile goes with the next.
        this.#sending ??= this.#send().finally(() => {
          this.#sending = undefined;
          if (this.#client && this.#due.size > 0) this.#sendSoon();
        });
      },
      COALESCE_MS,
      { unref: true },
    );
  }

  /** Never rejects. A hint that cannot be sent is lost: the others look again at their next tick. */
  async #send(): Promise<void> {
    const client = this.#client;
    if (!client || this.#due.size === 0) return;
    const topics = [...this.#due].join(' ');
    this.#due.clear();
    const payload = Buffer.byteLength(topics) > MAX_PAYLOAD_BYTES ? EVERYTHING : topics;
    try {
      await client.query('select pg_notify($1, $2)', [CHANNEL, `${this.#sender} ${payload}`]);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'a change could not be announced');
    }
  }

  #receive(payload: string): void {
    const [sender, ...topics] = payload.split(' ');
    if (sender === this.#sender) return;
    if (topics.includes(EVERYTHING)) this.#local.publishAll();
    else for (const topic of topics) this.#local.publish(topic);
  }

  async #stayConnected(): Promise<void> {
    const { clock, random, logger } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#session(() => {
          failures = 0;
        });
      } catch (error) {
        failures += 1;
        if (failures === 1 && !signal.aborted) {
          logger.warn({ err: error, database: withoutCredentials(this.#url) }, 'the change feed is not connected');
        }
      }
      if (signal.aborted) return;
      const ceilingMs = Math.min(LONGEST_RECONNECT_DELAY_MS, FIRST_RECONNECT_DELAY_MS * 2 ** Math.min(failures, 10));
      await sleep(clock, ceilingMs * (0.5 + random() / 2), signal).catch(() => {});
    }
  }

  /** Runs until the connection ends. Rejects when it was never made. */
  async #session(onListening: () => void): Promise<void> {
    const { acquireTimeoutMs } = this.#options;
    // Our own socket, because pg cannot be told to give up while it connects.
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: acquireTimeoutMs,
      query_timeout: acquireTimeoutMs,
      keepAlive: true,
      application_name: 'easel-changes',
      stream: () => socket,
    });
    const ended = new Promise<void>((resolve) => {
      client.on('end', resolve);
      client.on('error', () => resolve());
    });
    const onAbort = () => {
      if (this.#client) client.end().catch(() => {});
      else socket.destroy();
    };
    this.#stop.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await client.connect();
      client.on('notification', ({ channel, payload }) => {
        if (channel === CHANNEL && payload) this.#receive(payload);
      });
      await client.query(`listen ${CHANNEL}`);
      onListening();
      this.#client = client;
      // Whatever changed while nobody listened, on either side.
      this.#local.publishAll();
      if (this.#due.size > 0) this.#sendSoon();
      await ended;
    } finally {
      this.#client = undefined;
      this.#stop.signal.removeEventListener('abort', onAbort);
      socket.destroy();
    }
  }
}
