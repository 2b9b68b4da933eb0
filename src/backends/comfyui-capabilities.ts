import type { CallOptions, ComfyUiHttp } from '../comfyui/index.js';
import type { Clock } from '../core/clock.js';
import { SharedAnswer } from './shared-answer.js';
import type { BackendCapabilities } from './spec.js';

/** Building /object_info scans every model folder: on a large installation with slow disks it takes very long. */
const OBJECT_INFO_LIMIT_MS = 180_000;
const SERVER_FACTS_LIMIT_MS = 30_000;

/** What a ComfyUI can do. A reconnect makes it stale: it may have been restarted with other nodes, models or version. */
export class CapabilityCache {
  readonly #capabilities: SharedAnswer<BackendCapabilities>;
  readonly #server: SharedAnswer<ServerFacts>;

  constructor(http: ComfyUiHttp, clock: Clock) {
    const { displayUrl } = http;
    this.#server = new SharedAnswer({
      ...{ clock, displayUrl, limitMs: SERVER_FACTS_LIMIT_MS },
      ask: () => askServer(http),
    });
    this.#capabilities = new SharedAnswer({
      ...{ clock, displayUrl, limitMs: OBJECT_INFO_LIMIT_MS },
      ask: async () => {
        const [server, nodeDefinitions] = await Promise.all([
          this.#server.get({}),
          http.objectInfo({ timeoutMs: OBJECT_INFO_LIMIT_MS }),
        ]);
        return { ...server, nodeDefinitions };
      },
    });
  }

  forget(): void {
    this.#capabilities.forget();
    this.#server.forget();
  }

  async get(options: CallOptions & { readonly refresh?: boolean }): Promise<BackendCapabilities> {
    if (options.refresh) this.forget();
    return this.#capabilities.get(options);
  }

  /** Version and limits only: cheap enough for a health check. */
  server(options: CallOptions): Promise<ServerFacts> {
    return this.#server.get(options);
  }
}

async function askServer(http: ComfyUiHttp): Promise<ServerFacts> {
  const [stats, features] = await Promise.all([http.systemStats(), http.features()]);
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

export type ServerFacts = Pick<BackendCapabilities, 'version' | 'devices' | 'maxUploadBytes'>;
