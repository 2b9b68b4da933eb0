import pg from 'pg';
import { sleep, type Timer } from '../../core/clock.js';
import { type ChangeFeed, LocalChangeFeed, newSenderId } from '../changes.js';
import type { EngineOptions } from './engine.js';
import { withoutCredentials } from './postgres.js';

const CHANNEL = 'easel_changes';
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
 * The payload is `sender topic topic …`; the single topic `*` stands for "too many to name".
 */
export class PostgresChangeFeed implements ChangeFeed {
  readonly #url: string;
  readonly #options: EngineOptions;
  readonly #local: LocalChangeFeed;
  readonly #sender = newSenderId();
  readonly #due = new Set<string>();
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #client: pg.Client | undefined;
  #timer: Timer | undefined;

  constructor(url: string, options: EngineOptions) {
    this.#url = url;
    this.#options = options;
    this.#local = new LocalChangeFeed(options.logger);
    this.#loop = this.#stayConnected();
  }

  publish(topic: string): void {
    if (this.#stop.signal.aborted) return;
    this.#local.publish(topic);
    this.#due.add(topic);
    this.#timer ??= this.#options.clock.setTimer(() => this.#send(), COALESCE_MS, { unref: true });
  }

  subscribe(topic: string, listener: () => void): () => void {
    return this.#local.subscribe(topic, listener);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#stop.abort();
    this.#local.close();
    await this.#loop;
  }

  #send(): void {
    this.#timer = undefined;
    const client = this.#client;
    const topics = [...this.#due].join(' ');
    this.#due.clear();
    // While disconnected the hints are lost; the others look again when they reconnect, and at their next tick.
    if (!client) return;
    const payload = Buffer.byteLength(topics) > MAX_PAYLOAD_BYTES ? '*' : topics;
    client
      .query('select pg_notify($1, $2)', [CHANNEL, `${this.#sender} ${payload}`])
      .catch((error) => this.#options.logger.warn({ err: error }, 'a change could not be announced'));
  }

  #receive(payload: string): void {
    const [sender, ...topics] = payload.split(' ');
    if (sender === this.#sender) return;
    if (topics[0] === '*') this.#local.publishAll();
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
        if (failures === 1) {
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
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: acquireTimeoutMs,
      query_timeout: acquireTimeoutMs,
      keepAlive: true,
      application_name: 'easel-changes',
    });
    const ended = new Promise<void>((resolve) => {
      client.on('end', resolve);
      client.on('error', () => resolve());
    });
    const onAbort = () => void client.end().catch(() => {});
    this.#stop.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await client.connect();
      client.on('notification', ({ channel, payload }) => {
        if (channel === CHANNEL && payload) this.#receive(payload);
      });
      await client.query(`listen ${CHANNEL}`);
      onListening();
      this.#client = client;
      // Whatever changed while nobody listened.
      this.#local.publishAll();
      await ended;
    } finally {
      this.#client = undefined;
      this.#stop.signal.removeEventListener('abort', onAbort);
      await client.end().catch(() => {});
    }
  }
}
