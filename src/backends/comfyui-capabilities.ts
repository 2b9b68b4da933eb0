import { type CallOptions, type ComfyUiHttp, TimeLimit } from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { BackendError } from '../core/errors.js';
import type { BackendCapabilities } from './spec.js';

/** Building /object_info scans every model folder: on a large installation with slow disks it takes very long. */
const OBJECT_INFO_LIMIT_MS = 180_000;
const SERVER_FACTS_LIMIT_MS = 30_000;

/**
 * What a backend can do, asked once and kept. Callers that ask at the same time share one request. A reconnect makes it
 * stale: the server may have been restarted with other nodes, models or another version.
 */
export class CapabilityCache {
  readonly #http: ComfyUiHttp;
  readonly #clock: Clock;
  #capabilities: Promise<BackendCapabilities> | null = null;
  #server: Promise<ServerFacts> | null = null;

  constructor(http: ComfyUiHttp, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  forget(): void {
    this.#capabilities = null;
    this.#server = null;
  }

  async get(options: CallOptions & { readonly refresh?: boolean }): Promise<BackendCapabilities> {
    if (options.refresh) this.forget();
    if (this.#capabilities === null) {
      const flight = this.#ask();
      this.#capabilities = flight;
      // A failure is not kept: the next caller asks again.
      flight.catch(() => {
        if (this.#capabilities === flight) this.#capabilities = null;
      });
    }
    return this.#within(this.#capabilities, options, OBJECT_INFO_LIMIT_MS);
  }

  /** Version and limits only: cheap enough for a health check. */
  async server(options: CallOptions): Promise<ServerFacts> {
    if (this.#server === null) {
      const flight = this.#askServer();
      this.#server = flight;
      flight.catch(() => {
        if (this.#server === flight) this.#server = null;
      });
    }
    return this.#within(this.#server, options, SERVER_FACTS_LIMIT_MS);
  }

  async #ask(): Promise<BackendCapabilities> {
    const [server, nodeDefinitions] = await Promise.all([
      this.server({}),
      this.#http.objectInfo({ timeoutMs: OBJECT_INFO_LIMIT_MS }),
    ]);
    return { ...server, nodeDefinitions };
  }

  async #askServer(): Promise<ServerFacts> {
    const [stats, features] = await Promise.all([this.#http.systemStats(), this.#http.features()]);
    const limit = features?.max_upload_size ?? null;
    return {
      version: stats.system.comfyui_version,
      devices: stats.devices.map((device) => ({
        name: device.name,
        type: device.type,
        vramTotalBytes: device.vram_total,
        vramFreeBytes: device.vram_free,
      })),
      maxUploadBytes: limit === null ? null : Math.floor(limit),
    };
  }

  /** One caller's patience must not end the request that others wait for. */
  async #within<T>(flight: Promise<T>, options: CallOptions, limitMs: number): Promise<T> {
    const limit = new TimeLimit(this.#clock, options.timeoutMs ?? limitMs, options.signal);
    try {
      return await limit.race(flight);
    } catch (error) {
      if (!limit.ended) throw error;
      throw new BackendError(
        limit.timedOut ? 'backend_unreachable' : 'cancelled',
        limit.timedOut
          ? `${this.#http.displayUrl} did not describe itself in time.`
          : `Asking ${this.#http.displayUrl} what it can do was given up.`,
        { cause: error },
      );
    } finally {
      limit.release();
    }
  }
}

export type ServerFacts = Pick<BackendCapabilities, 'version' | 'devices' | 'maxUploadBytes'>;
